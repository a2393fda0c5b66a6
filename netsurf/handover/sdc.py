"""SDC that always holds: the clock, and half of the period outside on either side."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import CLOCK, Facts


def _text(facts: Facts) -> str:
    half = facts.period / 2
    return (
        facts.heading(
            "#",
            "timing constraints that always hold",
            "One clock; every port belongs to it, and has half a period inside. No path here is false.",
        )
        + f"create_clock -name {CLOCK} -period {facts.period:.3f} [get_ports {CLOCK}]\n"
        + f"set_input_delay {half:.3f} -clock {CLOCK} \\\n"
        + f"    [remove_from_collection [all_inputs] [get_ports {CLOCK}]]\n"
        + f"set_output_delay {half:.3f} -clock {CLOCK} [all_outputs]\n"
    )


FORMAT = Format(
    "sdc",
    "{top}.sdc",
    "ASIC synthesis and timing",
    "clock and port delays",
    "Synopsys Design Constraints 2.1 (create_clock, set_input_delay, set_output_delay); "
    "remove_from_collection is a command of the tools that read SDC",
    _text,
)
