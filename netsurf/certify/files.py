"""What the main job leaves behind: certificate, report, fault lists and plans in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsurf.certify.events import LevelResult
from netsurf.errors import StoreError
from netsurf.fault import write_fault_list
from netsurf.files import write_json
from netsurf.harden import save_plan

CERTIFICATE = "certificate.json"


def write_level(level: LevelResult, folder: Path) -> None:
    """Write the plan and the fault lists of a level, so that every pair can be replayed by number."""
    name = level.design.plan.name
    save_plan(level.design.plan, folder / "plans" / f"{name}.json")
    for block in level.blocks:
        write_fault_list(folder / "faults" / f"{name}-{block.name}.txt", level.design.network, block.faults)


def write_certificate(document: Mapping[str, Any], folder: Path) -> Path:
    """Write the certificate as JSON, whole or not at all."""
    return write_json(folder / CERTIFICATE, document)


def read_certificate(folder: Path, name: str = CERTIFICATE) -> dict[str, Any]:
    """Read the certificate in ``folder``, or the file called ``name``.

    Raises
    ------
    StoreError
        If there is none, or it is damaged.
    """
    path = folder / name
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise StoreError(f"{path} does not exist; type: netsurf cosim {folder.parent.name}") from error
    except ValueError as error:
        raise StoreError(f"{path} is damaged ({error}); type: netsurf cosim {folder.parent.name}") from error
