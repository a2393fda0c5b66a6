"""The real toolbox: emitter, hls4ml's C simulation, Verilator and Icarus."""

from __future__ import annotations

from pathlib import Path

from netsurf.certify.events import Toolbox
from netsurf.cosim import IcarusEngine, VerilatorEngine, build_verilator
from netsurf.cosim.netlist import NetlistEngine
from netsurf.emit import Accelerator, architecture, emit, load, require_match
from netsurf.engine import Engine
from netsurf.errors import SiteMapError
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine


def toolbox(folder: Path, jobs: int = 2, netlist: str | None = None) -> Toolbox:
    """Engines whose designs lie in ``folder/designs`` and whose simulators use ``jobs`` processes.

    ``netlist`` names the cells of the synthesised netlist (`netsurf.proof.TECHNOLOGIES`); None leaves it out.
    """

    def emitted(design: DesignPoint, name: str) -> Accelerator:
        return emit_once(design, name, folder / "designs")

    def built(design: DesignPoint, accelerator: Accelerator) -> Engine:
        build_verilator(accelerator)
        return VerilatorEngine(accelerator, design, jobs=jobs)

    def synthesised(design: DesignPoint, accelerator: Accelerator) -> Engine:
        return NetlistEngine(accelerator, design, jobs, netlist or "")

    return Toolbox(
        emit=emitted,
        csim=lambda design: _csim(design, jobs),
        fast=lambda design: FastEngine(design, jobs=jobs),
        verilator=built,
        icarus=lambda design, accelerator: IcarusEngine(
            accelerator, design, jobs=1
        ),  # each would load the store
        netlist=synthesised if netlist else None,
    )


def _csim(design: DesignPoint, jobs: int) -> Engine:
    from netsurf.hls.csim import CSimEngine  # imports hls4ml, which takes seconds

    return CSimEngine(design, jobs=jobs)


def emit_once(design: DesignPoint, name: str, folder: Path) -> Accelerator:
    """The design point in the micro-architecture ``name``, emitted unless it already lies in ``folder``.

    The sub-folder says what a person looks for, ``tmr-020-serial``: see :attr:`ProtectionPlan.name`.
    """
    place = folder / f"{design.plan.name}-{name}"
    wanted = architecture(name, design.network)
    try:
        accelerator = load(place)
        require_match(accelerator, design)
        if accelerator.architecture["reuse_factors"] == dict(wanted.reuse_factors):
            return accelerator
    except SiteMapError:
        pass  # absent, of another plan, or changed by hand: emitted anew
    return emit(design, wanted, place)
