"""TMRX configuration: the Yosys plugin's strategies, module by module."""

from __future__ import annotations

from netsurf.handover.base import Format
from netsurf.handover.facts import CLOCK, RESET, Facts


def _text(facts: Facts) -> str:
    return (
        facts.heading(
            "#",
            "configuration of TMRX: tmrx -c tmrx.toml",
            "The plan's bits are triplicated and voted in the Verilog already, so stores are None; all other",
            "modules are triplicated by TMRX, with voters behind their flip-flops.",
        )
        + "[global]\n"
        + 'tmr_mode = "LogicTMR"\n'
        + 'tmr_voter = "Default"\n'
        + f'clock_port_names = ["{CLOCK}"]\n'
        + f'reset_port_names = ["{RESET}"]\n'
        + "expand_clock = false\n"
        + "expand_reset = false\n\n"
        + "[global.logic]\n"
        + "insert_voter_after_ff = true\n\n"
        + f"[module.{facts.top}]\n"
        + "preserve_module_ports = true\n\n"
        + "[group.netsurf_store]\n"
        + 'tmr_mode = "None"\n'
        + "preserve_module_ports = true\n\n"
        + "".join(f'[module.{name}]\ngroups = ["netsurf_store"]\n\n' for name in facts.kept_modules)
    )


FORMAT = Format(
    "tmrx",
    "tmrx.toml",
    "TMRX (Yosys plugin)",
    "triplicate all but the stores",
    "TMRX, docs/modules/ROOT/pages/configuration.adoc and configuration-reference.adoc",
    _text,
)
