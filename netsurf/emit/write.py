"""Emission: a design point and an architecture to a folder that is whole or absent."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from netsurf.emit.accelerator import (
    DESIGN,
    FILE_LIST,
    REGISTER_MARKS,
    VERILATOR_MARKS,
    Accelerator,
    load,
)
from netsurf.emit.architecture import Architecture, check
from netsurf.emit.top import Top, build
from netsurf.emit.verilog import join
from netsurf.errors import ToolFailedError, UsageError
from netsurf.files import sha256
from netsurf.harden import DesignPoint
from netsurf.paths import rtl

BANKS = ("ns_bank", "ns_bank_scrub")
"""Cells whose ``mem_q`` holds stored bits."""


def emit(design: DesignPoint, architecture: Architecture, folder: Path) -> Accelerator:
    """Write the accelerator of a design point into ``folder``, replacing an emitted design that lies there.

    Parameters
    ----------
    design
        Network and protection plan.
    architecture
        Reuse factors; see :func:`netsurf.emit.architecture`.
    folder
        Receives ``rtl/*.v``, ``filelist.f``, ``sites.vlt``, ``registers.vlt`` and ``design.json``, all of
        them or none.

    Raises
    ------
    UnsupportedLayerError
        If a layer has no Verilog, or the network is no chain.
    NetworkError
        If a reuse factor does not divide its layer's inputs.
    UsageError
        If ``folder`` holds something else than an emitted design.
    ToolFailedError
        If the folder cannot be written.
    """
    folder = Path(folder)
    top = build(design, check(architecture, design.network))
    if folder.exists() and any(folder.iterdir()) and not (folder / DESIGN).is_file():
        raise UsageError(f"{folder} holds files but no emitted design; name an empty folder with -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            fresh = Path(scratch) / "new"
            _write(fresh, top, design, architecture)
            _replace(fresh, folder, Path(scratch) / "old")
    except OSError as error:
        raise ToolFailedError(f"writing the design ({error.strerror})", folder) from error
    return load(folder)


def _site_marks(top: Top) -> str:
    """Marks of the stored bits, for Verilator."""
    banks = [cell for cell in BANKS if cell in top.cells] or BANKS[:1]
    return join(["`verilator_config", *(f'public_flat_rw -module "{cell}" -var "mem_q"' for cell in banks)])


def _register_marks(top: Top) -> str:
    """Marks of the registers, apart from those of the stored bits: a model without them runs faster."""
    marks = (f'public_flat_rw -module "{cell}" -var "{variable}"' for cell, variable in top.marks)
    return join(["`verilator_config", *marks])


def _replace(fresh: Path, folder: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)


def _architecture(chosen: Architecture) -> dict[str, Any]:
    """As design.json has it; ``triplicated`` stands there only where it is so."""
    more = {"triplicated": True} if chosen.triplicated else {}
    return {"name": chosen.name, "reuse_factors": dict(chosen.reuse_factors), **more}


def _write(folder: Path, top: Top, design: DesignPoint, architecture: Architecture) -> None:
    (folder / "rtl").mkdir(parents=True)
    for cell in top.cells:
        shutil.copyfile(rtl() / f"{cell}.v", folder / "rtl" / f"{cell}.v")
    modules = {**top.modules, top.name: top.text}
    for name, text in modules.items():
        (folder / "rtl" / f"{name}.v").write_text(text)
    files = tuple(f"rtl/{name}.v" for name in (*top.cells, *modules))
    (folder / FILE_LIST).write_text(join(files))
    (folder / VERILATOR_MARKS).write_text(_site_marks(top))
    (folder / REGISTER_MARKS).write_text(_register_marks(top))
    accelerator = Accelerator(
        network=design.network.digest,
        plan=design.plan.digest,
        architecture=_architecture(architecture),
        top=top.name,
        files=files,
        input=top.input,
        output=top.output,
        latency=top.latency,
        interval=top.interval,
        registers=top.registers,
        register_list=top.register_list,
        stores=top.stores,
        digests={
            name: sha256(folder / name) for name in (*files, FILE_LIST, VERILATOR_MARKS, REGISTER_MARKS)
        },
        folder=folder,
    )
    document = {**accelerator.describe(), "digest": accelerator.digest}
    (folder / DESIGN).write_text(json.dumps(document, indent=2) + "\n")
