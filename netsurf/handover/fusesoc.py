"""FuseSoC core description, CAPI2."""

from __future__ import annotations

import json
from typing import Any

from netsurf.handover.base import Format
from netsurf.handover.facts import Facts


def _text(facts: Facts) -> str:
    import yaml

    body = yaml.safe_dump(_core(facts), sort_keys=False, width=100)
    return "CAPI=2:\n" + facts.heading("#", "FuseSoC core") + body


def _core(facts: Facts) -> dict[str, Any]:
    top = facts.top
    return {
        "name": f"::{top}:0",
        "description": f"Accelerator {json.dumps(facts.accelerator.architecture['name'])} emitted by NetSurf",
        "filesets": {
            "rtl": {"files": list(facts.files), "file_type": "verilogSource-2005"},
            "xdc": {"files": [f"{top}.xdc"], "file_type": "xdc"},
            "sdc": {"files": [f"{top}.sdc"], "file_type": "SDC"},
        },
        "targets": {
            "default": {"filesets": ["rtl"], "toplevel": top},
            "lint": {
                "filesets": ["rtl"],
                "toplevel": top,
                "default_tool": "verilator",
                "tools": {"verilator": {"mode": "lint-only", "verilator_options": ["-Wall"]}},
            },
            "vivado": {
                "filesets": ["rtl", "xdc"],
                "toplevel": top,
                "default_tool": "vivado",
                "tools": {"vivado": {"part": facts.part, "pnr": "none"}},
            },
            "asic": {"filesets": ["rtl", "sdc"], "toplevel": top},
        },
    }


FORMAT = Format(
    "fusesoc",
    "{top}.core",
    "FuseSoC 2",
    "file sets and targets: lint, vivado, asic",
    "FuseSoC, CAPI2 reference: fusesoc.readthedocs.io/en/stable/ref/capi2.html",
    _text,
)
