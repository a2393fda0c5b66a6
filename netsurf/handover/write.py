"""Writing a hand-over folder: the design's own files, a file a format, and a page that says what is what."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from netsurf.emit import Accelerator
from netsurf.emit.accelerator import DESIGN
from netsurf.errors import PlanError, ToolFailedError, UsageError
from netsurf.handover import (
    bits,
    dont_touch,
    fusesoc,
    quasi_static,
    sdc,
    spydrnet,
    tmrg,
    tmrx,
    vivado,
    xdc,
    yosys,
)
from netsurf.handover.base import Format
from netsurf.handover.facts import Facts

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        fusesoc,
        yosys,
        vivado,
        xdc,
        sdc,
        quasi_static,
        dont_touch,
        tmrg,
        tmrx,
        spydrnet,
        bits,
    )
}
"""Formats by name."""

README = "README.md"


@dataclass(frozen=True, slots=True)
class HandOver:
    """A folder that was written: files by format, those of the design not among them."""

    folder: Path
    files: dict[str, Path]


def hand_over(
    accelerator: Accelerator,
    folder: Path,
    *,
    protected: ArrayLike | None = None,
    period: float = 10.0,
    part: str = "xcku040-ffva1156-2-e",
) -> HandOver:
    """Write the hand-over of a design into ``folder``, replacing an older one there.

    Parameters
    ----------
    accelerator
        The emitted design.
    protected
        Numbers of the stored bits that its plan protects, for the table of bits.
    period
        Of the clock, ns.
    part
        Device for Vivado.

    Raises
    ------
    UsageError
        If the period is not positive, or the folder holds something else or is the design's own.
    PlanError
        If ``protected`` is not what the design has replicas of.
    ToolFailedError
        If the folder cannot be written.
    """
    folder = Path(folder)
    if not 0 < period < 1e6:
        raise UsageError(f"a clock period of {period} ns is none; choose for example --period 10")
    numbers = None if protected is None else np.sort(np.asarray(protected, dtype=np.int64))
    facts = Facts(accelerator, period, part, _checked(accelerator, numbers))
    _require_own(folder, accelerator)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            fresh, old = Path(scratch) / "new", Path(scratch) / "old"
            files = _write(fresh, facts)
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
    except OSError as error:
        raise ToolFailedError(f"writing the hand-over ({error.strerror})", folder) from error
    return HandOver(folder, {name: folder / file for name, file in files.items()})


def _checked(accelerator: Accelerator, numbers: np.ndarray | None) -> np.ndarray | None:
    """The numbers, if every store has as many replicas as the plan protects bits in it, or none at all."""
    if numbers is None:
        return None
    ends = np.cumsum([store.bits for store in accelerator.stores])
    if len(numbers) and not 0 <= numbers[0] <= numbers[-1] < ends[-1]:
        raise PlanError(
            f"the plan protects bits beyond the {ends[-1]} of {accelerator.top}; is it for another?"
        )
    counts = np.bincount(np.searchsorted(ends, numbers, side="right"), minlength=len(ends))
    built = [store.protected_bits for store in accelerator.stores]
    if any(built) and counts.tolist() != built:
        raise PlanError(
            f"the plan protects {counts.tolist()} bits of the stores, {accelerator.top} has replicas of "
            f"{built}; hand over the design that was emitted with this plan, or one without protection"
        )
    return numbers


def _require_own(folder: Path, accelerator: Accelerator) -> None:
    if folder.resolve() == accelerator.folder.resolve():
        raise UsageError(f"{folder} is the design itself; name another folder with --out")
    if folder.exists() and any(folder.iterdir()) and not (folder / README).is_file():
        raise UsageError(f"{folder} holds files but no hand-over; name an empty folder with --out")


def _write(folder: Path, facts: Facts) -> dict[str, str]:
    accelerator = facts.accelerator
    for name in (*accelerator.digests, DESIGN):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(accelerator.folder / name, target)
    texts = {entry.name: entry.text(facts) for entry in FORMATS.values()}
    files = {name: FORMATS[name].file.format(top=facts.top) for name, text in texts.items() if text}
    for name, file in files.items():
        (folder / file).write_text(texts[name])
    (folder / README).write_text(_readme(facts, files))
    return files


def _readme(facts: Facts, files: dict[str, str]) -> str:
    accelerator = facts.accelerator
    protected = sum(store.protected_bits for store in accelerator.stores)
    rows = "".join(
        f"| `{file}` | {FORMATS[name].tool} | {FORMATS[name].what} | {FORMATS[name].reference} |\n"
        for name, file in files.items()
    )
    return (
        f"# {facts.top}\n\n"
        f"Design `{accelerator.digest}`: {accelerator.stored_bits:,} stored bits, {protected:,} of them "
        f"triplicated, {accelerator.flip_flops:,} flip-flops. Written by NetSurf; run tools in here.\n\n"
        "| file | read by | what it does | format |\n|---|---|---|---|\n"
        f"{rows}"
        "| `rtl/`, `filelist.f` | any | Verilog-2005, in the order of the file list | |\n"
        "| `design.json`, `sites.vlt` | NetSurf, Verilator | site map and marks of the fault sites | |\n"
    )
