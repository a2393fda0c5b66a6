"""Vivado non-project script that counts flip-flops again after synthesis."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import Facts


def _text(facts: Facts) -> str:
    reads = "".join(f"read_verilog {file}\n" for file in facts.files)
    table = "".join(f"    {{{bank.cell}}} {bank.flip_flops}\n" for bank in facts.banks)
    return (
        facts.heading(
            "#",
            f"out-of-context synthesis: vivado -mode batch -source {facts.top}.vivado.tcl",
            "-keep_equivalent_registers: by default equal registers are merged, which replicas are.",
        )
        + f"set part {facts.part}\n"
        + "if {[llength $argv] > 0} { set part [lindex $argv 0] }\n\n"
        + reads
        + f"read_xdc {facts.top}.xdc\n"
        + f"synth_design -top {facts.top} -part $part -mode out_of_context \\\n"
        + "    -flatten_hierarchy rebuilt -keep_equivalent_registers\n"
        + "\n# Flip-flops that each bank must have; a lost replica ends the run with an error.\n"
        + f"set expected {{\n{table}}}\n"
        + _COUNT
        + f"\nreport_utilization -hierarchical -file {facts.top}_utilization.rpt\n"
        + f"report_timing_summary -file {facts.top}_timing.rpt\n"
        + f"write_checkpoint -force {facts.top}.dcp\n"
    )


_COUNT = """\
set lost {}
foreach {bank count} $expected {
    set found [llength [get_cells -quiet -hierarchical -filter "NAME =~ $bank/* && REF_NAME =~ FD*"]]
    if {$found != $count} { lappend lost "$bank: $found of $count flip-flops" }
}
if {[llength $lost] > 0} { error "replicas were lost in synthesis: [join $lost {; }]" }
"""

FORMAT = Format(
    "vivado",
    "{top}.vivado.tcl",
    "Vivado",
    "out-of-context synthesis; fails unless every bank has its flip-flops",
    "AMD UG835, synth_design, get_cells; UG901, synthesis settings",
    _text,
)
