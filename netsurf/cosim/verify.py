"""Verification of one accelerator with cocotb and cocotbext-axi, in either simulator."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from netsurf import paths
from netsurf.cosim.job import bench_job
from netsurf.cosim.simulate import Simulator, simulate
from netsurf.emit import Accelerator, require_match
from netsurf.engine import ReferenceEngine
from netsurf.engine.base import Codes
from netsurf.fault import Fault, FaultList
from netsurf.harden import DesignPoint

TESTS = ("stream", "back_pressure", "upsets")
"""cocotb tests of :mod:`netsurf.cosim.testbench` that compare with the reference executor."""


def verify(
    accelerator: Accelerator,
    design: DesignPoint,
    inputs: Codes,
    faults: FaultList,
    simulator: Simulator = "icarus",
    tests: tuple[str, ...] = TESTS,
) -> None:
    """Drive an accelerator through its streams and compare every beat with the reference executor.

    Parameters
    ----------
    inputs
        Codes ``(samples, *network.input.shape)``, at least three samples.
    faults
        Persistent faults, each run on every sample.
    simulator
        ``icarus`` or ``verilator``.
    tests
        Some of :data:`TESTS`: values, latency and interval without pauses; values under random pauses
        on both sides; values and flags under upsets, and that each upset is undone.

    Raises
    ------
    DisagreementError
        If a cocotb test fails; names the log.
    ToolFailedError
        If the design does not build.
    """
    require_match(accelerator, design)
    none_first = FaultList.of([Fault(()), *faults])
    samples = np.broadcast_to(np.arange(len(inputs)), (len(none_first), len(inputs)))
    expected = ReferenceEngine(design).run(none_first, inputs, samples)
    scratch = paths.build() / "jobs"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        job = bench_job(accelerator, design, none_first, inputs, samples, folder, expected)
        simulate(accelerator, simulator, job, folder, tests)
