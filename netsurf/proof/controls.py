"""Negative controls: designs that are broken on purpose, each of which the proof must refute."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from netsurf.emit import Accelerator
from netsurf.errors import UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class Control:
    """A defect: in a file of the design, a pattern and what it becomes."""

    what: str
    file: str
    pattern: str
    broken: str


CONTROLS: dict[str, Control] = {
    "voter": Control(
        "an input of the voter is tied to 1", "ns_voter", r"inB \| inC \| ~mask", "inB | 1'b1 | ~mask"
    ),
    "mask": Control(
        "the voter's mask is off by one bit", "ns_store", r"\.mask( *)\(mask\)", r".mask\1(mask << 1)"
    ),
    "flag": Control("tmr_error is disconnected", "ns_store", r"read_i && disagree", "read_i && 1'b0"),
    "replica": Control(
        "the voter reads bank A twice, bank B never", "ns_store", r"\.inB( *)\(b\)", r".inB\1(a)"
    ),
    "hierarchy": Control("keep_hierarchy is taken off the banks", "ns_bank", r"\(\* keep_hierarchy \*\)", ""),
}
"""What ``netsurf prove --negative-controls`` runs."""


def sabotage(accelerator: Accelerator, name: str, folder: Path) -> Accelerator:
    """A copy of an emitted design in ``folder`` with one defect.

    Raises
    ------
    UnknownNameError
        If there is no such control.
    UsageError
        If the design has no place for the defect, such as an unprotected one.
    """
    if name not in CONTROLS:
        raise UnknownNameError("negative control", name, CONTROLS)
    control = CONTROLS[name]
    shutil.copytree(accelerator.folder, folder, dirs_exist_ok=True)
    path = folder / "rtl" / f"{control.file}.v"
    text = path.read_text() if path.is_file() else ""
    broken, count = re.subn(control.pattern, control.broken, text)
    if count == 0:
        raise UsageError(f"{accelerator.top} has nothing to break for the control '{name}' ({control.what})")
    path.write_text(broken)
    return replace(accelerator, folder=folder)
