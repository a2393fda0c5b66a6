"""TMRG configuration: what CERN's tool triplicates around the stores, which have their replicas already."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import CLOCK, Facts


def _text(facts: Facts) -> str:
    others = [name for name in facts.modules if name not in (*facts.kept_modules, facts.top)]
    head = facts.heading(
        "#",
        "configuration of TMRG",
        "The plan's bits are triplicated and voted in the Verilog already: TMRG leaves the stores alone and",
        "triplicates what the plan does not speak of: datapath, control and activations. Ports stay single.",
        "TMRG votes where three wires meet one, that is at stores and ports, and where the source names a",
        "Voted wire, which these cells do not: an upset counter is outvoted, and stays wrong until reset.",
    )
    return (
        head
        + "[tmrg]\n"
        + f"files = {' '.join(facts.files)}\n"
        + "tmr_dir = tmr\n"
        + "sdc_generate = True\n\n"
        + "[global]\n"
        + "default : triplicate\n"
        + "tmr_error : true\n\n"
        + "".join(f"[{name}]\ndo_not_touch : true\n\n" for name in facts.kept_modules)
        + f"[{facts.top}]\n"
        + "default : triplicate\n"
        + "".join(f"{name} : do_not_triplicate\n" for name in (*facts.ports, *facts.stores, *facts.copies))
        + "\n"
        + "".join(f"[{name}]\ndefault : triplicate\n{CLOCK} : do_not_triplicate\n\n" for name in others)
    )


FORMAT = Format(
    "tmrg",
    "tmrg.cfg",
    "TMRG",
    "triplicate all but the stores: tmrg -c tmrg.cfg",
    "S. Kulis, JINST 12 (2017) C01082, and TMRG's manual, constraints in configuration files",
    _text,
)
