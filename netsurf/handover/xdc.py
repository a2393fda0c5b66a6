"""Xilinx design constraints: the clock, and replicas that stay."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import CLOCK, Facts


def _text(facts: Facts) -> str:
    return (
        facts.heading(
            "#",
            "clock, banks of flip-flops, and replicas that synthesis and placement leave alone",
            "DONT_TOUCH on an instance: it is not removed, and no logic moves across its boundary (UG912).",
        )
        + f"create_clock -name {CLOCK} -period {facts.period:.3f} [get_ports {CLOCK}]\n"
        + "\n# Weights live in flip-flops: a distributed RAM would have no replicas to count, nor sites.\n"
        + "".join(
            f"set_property -quiet RAM_STYLE registers [get_cells -quiet {{{bank.cell}/{bank.memory}_reg*}}]\n"
            for bank in facts.banks
        )
        + ("\n# Replicas.\n" if facts.replicated or facts.copies else "\n# This design has no replicas.\n")
        + "".join(
            f"set_property KEEP_HIERARCHY TRUE [get_cells {{{name}}}]\n"
            f"set_property DONT_TOUCH TRUE [get_cells {{{name}}}]\n"
            for name in (*(bank.cell for bank in facts.replicated), *facts.copies)
        )
    )


FORMAT = Format(
    "xdc",
    "{top}.xdc",
    "Vivado",
    "clock; RAM_STYLE, KEEP_HIERARCHY and DONT_TOUCH of the banks",
    "AMD UG901 (KEEP_HIERARCHY, RAM_STYLE), UG903, UG912 (DONT_TOUCH)",
    _text,
)
