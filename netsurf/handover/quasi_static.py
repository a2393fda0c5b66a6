"""SDC false paths that hold under conditions, which the file states and the user must want."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import CLEAR, ERROR, Facts

_CONDITIONS = """\
# 1. Stored weights are quasi-static: they change only through the configuration port. From flip-flops of a
#    bank into the datapath no edge must arrive in time IF no sample is in flight while the store is loaded
#    and the first one comes no earlier than the slowest of these paths after the last write. An upset
#    changes a bit at any moment anyway. (Row selection starts at other registers and stays timed.) Stores
#    that refresh themselves are left out: from bank through voter to bank every cycle counts.
"""

_FLAG = """\
# 2. {error} is sticky: once set it stays until {clear}. Its way out is false IF whoever reads it is
#    asynchronous to the clock and synchronises it; {clear} is false IF it is held for several cycles.
"""


def _text(facts: Facts) -> str:
    paths = "".join(
        f"set_false_path -from [get_cells {{{bank.pattern}/*{bank.memory}*}}]\n"
        for bank in facts.banks
        if not bank.is_scrubbed
    )
    return (
        facts.heading("#", "false paths that hold under conditions; read it only if they are met")
        + _CONDITIONS
        + paths
        + "\n"
        + _FLAG.format(error=ERROR, clear=CLEAR)
        + f"set_false_path -to [get_ports {{{ERROR}*}}]\n"
        + f"set_false_path -from [get_ports {{{CLEAR}}}]\n"
    )


FORMAT = Format(
    "quasi-static",
    "{top}_quasi_static.sdc",
    "ASIC synthesis and timing, Vivado",
    "false paths out of the stores and of the error flags, with the conditions under which they hold",
    "Synopsys Design Constraints 2.1 (set_false_path)",
    _text,
)
