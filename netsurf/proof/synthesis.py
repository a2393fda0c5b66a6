"""Synthesis: an emitted design to a gate-level netlist, once, by digest.

Banks and masks are modules of their own in the emitted Verilog (``keep_hierarchy``) and stay so; everything
else is flattened, optimised and mapped to cells. The same design in Yosys is then written twice: as Verilog,
and, with the remaining hierarchy opened and every cell expressed by ANDs and inverters, as AIGER.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from netsurf import paths
from netsurf.emit import Accelerator
from netsurf.errors import UnknownNameError
from netsurf.files import sha256, write_json
from netsurf.proof.aiger import Aiger, read_aiger
from netsurf.toolchain.yosys import run_yosys, yosys

_WORDS = (
    "proc",
    "flatten",
    "opt_expr",
    "opt_clean",
    "opt -nodffe -nosdff",
    "wreduce",
    "peepopt",  # without it the look-up of a mask becomes a shifter of the whole mask
    "opt_clean",
    "alumacc",
    "share",
    "opt",
    "memory -nomap",
    "opt_clean",
    "opt -fast -full",
    "memory_map",
    "opt -undriven -fine",
)
_GATES = (*_WORDS, "techmap", "opt_expr", "opt_clean", "opt_dff", "opt -fast")

TECHNOLOGIES: dict[str, tuple[str, ...]] = {
    "gates": _GATES,
    "words": tuple(command for command in _WORDS if command != "alumacc"),  # $macc has no Verilog
    "abc": ("synth -flatten -top TOP",),
}
"""What a netlist can be mapped to, and how.

``gates``: Yosys' generic gates and flip-flops, as its ``techmap`` maps them, without ABC.
``words``: Yosys' cells as they are before ``techmap``: flip-flops, multiplexers, adders and multipliers of
whole words, every memory already mapped to flip-flops.
``abc``: gates after ``synth``, with ABC's restructuring; minutes for tens of thousands of flip-flops.
"""

_VERILOG, _RTLIL, _CELLS, _RECORD = "netlist.v", "netlist.il", "cells.json", "record.json"
_AIGER, _MAP = "netlist.aig", "netlist.map"


@dataclass(frozen=True, slots=True)
class Netlist:
    """A synthesised design.

    Parameters
    ----------
    accelerator
        What was synthesised.
    technology
        Entry of :data:`TECHNOLOGIES`.
    folder
        Holds ``netlist.v``, and ``netlist.il``, the same in Yosys' own language.
    version
        Of Yosys.
    seconds, peak_mb
        Processor time and memory that synthesis took.
    cells
        Cells of the whole design, by type.
    """

    accelerator: Accelerator
    technology: str
    folder: Path
    version: str
    seconds: float
    peak_mb: float
    cells: dict[str, int]

    @property
    def verilog(self) -> Path:
        """The netlist as Yosys wrote it."""
        return self.folder / _VERILOG


def synthesise(accelerator: Accelerator, technology: str = "gates", before: str = "") -> Netlist:
    """The netlist of an emitted design; synthesised unless this very one is there already.

    Parameters
    ----------
    technology
        Entry of :data:`TECHNOLOGIES`.
    before
        Yosys command that is run after elaboration; negative controls sabotage the flow with it.

    Raises
    ------
    MissingToolError
        If Yosys is not installed.
    ToolFailedError
        If it fails, or stops before its end.
    """
    if technology not in TECHNOLOGIES:
        raise UnknownNameError("technology", technology, TECHNOLOGIES)
    script = _script(accelerator, technology, before)
    folder = paths.build() / "netlists" / _digest(accelerator, script)
    if not (folder / _RECORD).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".netlist-"))
        try:
            _synthesise(accelerator, script, scratch)
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    record = json.loads((folder / _RECORD).read_text())
    return Netlist(accelerator, technology, folder, **record)


def _synthesise(accelerator: Accelerator, script: tuple[str, ...], folder: Path) -> None:
    for path in accelerator.paths:
        shutil.copy(path, folder / path.name)
    run = run_yosys(script, folder, reports=(_VERILOG, _CELLS))
    cells = json.loads(run.reports[_CELLS])["design"]["num_cells_by_type"]
    record = {"version": run.version, "seconds": run.seconds, "peak_mb": run.peak_mb, "cells": cells}
    write_json(folder / _RECORD, record)


def _script(accelerator: Accelerator, technology: str, before: str) -> tuple[str, ...]:
    top = accelerator.top
    return (
        f"read_verilog {' '.join(path.name for path in accelerator.paths)}",
        f"hierarchy -check -top {top}",
        *([before] if before else []),
        "setattr -unset src */*",
        *(command.replace("TOP", top) for command in TECHNOLOGIES[technology]),
        "setundef -zero",
        f"write_rtlil {_RTLIL}",
        f"write_verilog -noattr {_VERILOG}",
        f"tee -q -o {_CELLS} stat -json",
    )


def graph(netlist: Netlist) -> tuple[Aiger, float]:
    """The netlist as an and-inverter graph, hierarchy opened, and the processor time that Yosys took.

    The wires of :func:`watched` are outputs of it, besides those of the design.

    Raises
    ------
    ToolFailedError
        If Yosys fails, or stops before its end.
    """
    folder, record = netlist.folder / "graph", netlist.folder / "graph" / _RECORD
    if not record.is_file():
        top = netlist.accelerator.top
        wires = " ".join(f"{top}/w:{wire}" for wire in watched(netlist.accelerator))
        script = (
            f"read_rtlil ../{_RTLIL}",
            "setattr -mod -unset keep_hierarchy *",
            "flatten",
            *([f"expose {wires}"] if wires else []),
            "techmap",
            "dfflegalize -cell $_DFF_P_ x",
            "aigmap",
            "setundef -zero",
            "opt_clean",
            f"write_aiger -map {_MAP} {_AIGER}",
        )
        run = run_yosys(script, folder, reports=(_MAP,))
        write_json(record, {"seconds": run.seconds, "peak_mb": run.peak_mb})
    return read_aiger(folder / _AIGER, folder / _MAP), json.loads(record.read_text())["seconds"]


def watched(accelerator: Accelerator) -> tuple[str, ...]:
    """Wires that the theorems speak of, by name after flattening: voted words and read strobes."""
    names = (store.banks[0].split(".")[1] for store in accelerator.stores)
    return tuple(f"{name}.{port}" for name in names for port in ("data_o", "read_i"))


def _digest(accelerator: Accelerator, script: tuple[str, ...]) -> str:
    content = [yosys().version, *script, *(sha256(path) for path in accelerator.paths)]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
