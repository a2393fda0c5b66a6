# toy: false paths that hold under conditions; read it only if they are met

# 1. Stored weights are quasi-static: they change only through the configuration port. From flip-flops of a
#    bank into the datapath no edge must arrive in time IF no sample is in flight while the store is loaded
#    and the first one comes no earlier than the slowest of these paths after the last write. An upset
#    changes a bit at any moment anyway. (Row selection starts at other registers and stays timed.) Stores
#    that refresh themselves are left out: from bank through voter to bank every cycle counts.
set_false_path -from [get_cells {u_fc1_kernel/*u_bank_a/*mem_q*}]
set_false_path -from [get_cells {u_fc1_bias/*u_bank_a/*mem_q*}]
set_false_path -from [get_cells {u_fc1_bias/*u_bank_b/*mem_q*}]
set_false_path -from [get_cells {u_fc1_bias/*u_bank_c/*mem_q*}]

# 2. tmr_error_o is sticky: once set it stays until tmr_clear_i. Its way out is false IF whoever reads it is
#    asynchronous to the clock and synchronises it; tmr_clear_i is false IF it is held for several cycles.
set_false_path -to [get_ports {tmr_error_o*}]
set_false_path -from [get_ports {tmr_clear_i}]
