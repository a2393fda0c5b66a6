"""Yosys synthesis script that stops if a replica did not survive."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import Facts


def _text(facts: Facts) -> str:
    reads = "".join(f"read_verilog {file}\n" for file in facts.files)
    # Flattening leaves a $scopeinfo cell of the same name: that is no bank.
    kept = "".join(
        f"select -assert-count 1 {facts.top}/c:{name} {facts.top}/t:$scopeinfo %d\n"
        for name in (*(bank.flat for bank in facts.banks), *facts.copies)
    )
    held = sum(bank.flip_flops for bank in facts.banks)
    return (
        facts.heading(
            "#",
            "generic synthesis with the replicas kept",
            "Banks carry (* keep_hierarchy *): flatten leaves them, so that no pass sees two replicas in one",
            "module and merges them. Never flatten with -noattr or after removing the attribute.",
        )
        + reads
        + f"hierarchy -check -top {facts.top}\n"
        + f"synth -top {facts.top} -flatten\n"
        + "check -assert\n"
        + "\n# Every bank is still an instance of its own.\n"
        + kept
        + f"\n# Banks hold {held} flip-flops, whatever the tool; outside them there are at most "
        + f"{facts.accelerator.registers}.\n"
        + f"stat -top {facts.top}\n"
        + f"write_verilog -noattr {facts.top}_netlist.v\n"
        + f"write_json {facts.top}_netlist.json\n"
    )


FORMAT = Format(
    "yosys",
    "{top}.ys",
    "Yosys",
    "generic synthesis; fails unless every bank is still an instance",
    "Yosys manual, commands synth, flatten (attribute keep_hierarchy) and select -assert-count",
    _text,
)
