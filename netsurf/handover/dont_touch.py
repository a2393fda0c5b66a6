"""Tcl for ASIC synthesis: banks that no optimisation may open, merge or ungroup."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import Facts


def _text(facts: Facts) -> str:
    if not (facts.replicated or facts.copies):
        return ""
    return (
        facts.heading(
            "#",
            "replicas that ASIC synthesis leaves alone; source it after elaboration, before compiling",
            "set_dont_touch is no SDC but a command of Design Compiler, Genus and OpenROAD. A star stands",
            "for what the tool makes of generate blocks. A pattern that finds nothing is an error.",
        )
        + _KEEP
        + "".join(
            f"netsurf_keep {{{name}}}\n"
            for name in (*(bank.pattern for bank in facts.replicated), *facts.copies)
        )
    )


_KEEP = """\
proc netsurf_keep {pattern} {
    set cells [get_cells $pattern]
    if {$cells eq ""} { error "no cell is called $pattern: its replica would not be kept" }
    set_dont_touch $cells
}

"""

FORMAT = Format(
    "dont-touch",
    "{top}_dont_touch.tcl",
    "ASIC synthesis",
    "set_dont_touch on every bank that has replicas or is one",
    "set_dont_touch: OpenROAD resizer documentation, Design Compiler and Genus command references",
    _text,
)
