# toy: out-of-context synthesis: vivado -mode batch -source toy.vivado.tcl
# -keep_equivalent_registers: by default equal registers are merged, which replicas are.

set part xc7a35ticsg324-1L
if {[llength $argv] > 0} { set part [lindex $argv 0] }

read_verilog rtl/bank.v
read_verilog rtl/dense.v
read_verilog rtl/store.v
read_verilog rtl/toy.v
read_xdc toy.xdc
synth_design -top toy -part $part -mode out_of_context \
    -flatten_hierarchy rebuilt -keep_equivalent_registers

# Flip-flops that each bank must have; a lost replica ends the run with an error.
set expected {
    {u_fc1_kernel/u_bank_a} 36
    {u_fc1_bias/u_bank_a} 12
    {u_fc1_bias/gen_tmr.u_bank_b} 2
    {u_fc1_bias/gen_tmr.u_bank_c} 2
}
set lost {}
foreach {bank count} $expected {
    set found [llength [get_cells -quiet -hierarchical -filter "NAME =~ $bank/* && REF_NAME =~ FD*"]]
    if {$found != $count} { lappend lost "$bank: $found of $count flip-flops" }
}
if {[llength $lost] > 0} { error "replicas were lost in synthesis: [join $lost {; }]" }

report_utilization -hierarchical -file toy_utilization.rpt
report_timing_summary -file toy_timing.rpt
write_checkpoint -force toy.dcp
