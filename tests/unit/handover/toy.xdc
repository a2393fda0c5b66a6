# toy: clock, banks of flip-flops, and replicas that synthesis and placement leave alone
# DONT_TOUCH on an instance: it is not removed, and no logic moves across its boundary (UG912).

create_clock -name aclk -period 8.000 [get_ports aclk]

# Weights live in flip-flops: a distributed RAM would have no replicas to count, nor sites.
set_property -quiet RAM_STYLE registers [get_cells -quiet {u_fc1_kernel/u_bank_a/mem_q_reg*}]
set_property -quiet RAM_STYLE registers [get_cells -quiet {u_fc1_bias/u_bank_a/mem_q_reg*}]
set_property -quiet RAM_STYLE registers [get_cells -quiet {u_fc1_bias/gen_tmr.u_bank_b/mem_q_reg*}]
set_property -quiet RAM_STYLE registers [get_cells -quiet {u_fc1_bias/gen_tmr.u_bank_c/mem_q_reg*}]

# Replicas.
set_property KEEP_HIERARCHY TRUE [get_cells {u_fc1_bias/u_bank_a}]
set_property DONT_TOUCH TRUE [get_cells {u_fc1_bias/u_bank_a}]
set_property KEEP_HIERARCHY TRUE [get_cells {u_fc1_bias/gen_tmr.u_bank_b}]
set_property DONT_TOUCH TRUE [get_cells {u_fc1_bias/gen_tmr.u_bank_b}]
set_property KEEP_HIERARCHY TRUE [get_cells {u_fc1_bias/gen_tmr.u_bank_c}]
set_property DONT_TOUCH TRUE [get_cells {u_fc1_bias/gen_tmr.u_bank_c}]
