# toy: replicas that ASIC synthesis leaves alone; source it after elaboration, before compiling
# set_dont_touch is no SDC but a command of Design Compiler, Genus and OpenROAD. A star stands
# for what the tool makes of generate blocks. A pattern that finds nothing is an error.

proc netsurf_keep {pattern} {
    set cells [get_cells $pattern]
    if {$cells eq ""} { error "no cell is called $pattern: its replica would not be kept" }
    set_dont_touch $cells
}

netsurf_keep {u_fc1_bias/*u_bank_a}
netsurf_keep {u_fc1_bias/*u_bank_b}
netsurf_keep {u_fc1_bias/*u_bank_c}
