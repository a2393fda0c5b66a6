"""The RTL as engines: Verilator with the C++ harness, Icarus with a Verilog test bench."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf import paths, toolchain
from netsurf.cosim.build import binary_digest, build_verilator
from netsurf.cosim.job import RawResult, bench_job, make_job
from netsurf.cosim.process import Progress, run_harness
from netsurf.cosim.simulate import BenchResult, Simulator, simulate
from netsurf.emit import Accelerator, require_match, unpack_output
from netsurf.engine.base import Codes, EngineResult, all_samples
from netsurf.errors import DisagreementError, SiteMapError
from netsurf.fault import FaultList
from netsurf.fixed import to_signed
from netsurf.harden import DesignPoint
from netsurf.ir import check_inputs

_WORTH = 8
"""Pairs for which starting one more Icarus, compiling and loading, is worth it."""


class VerilatorEngine:
    """Runs persistent and transient faults in the verilated accelerator.

    Parameters
    ----------
    accelerator
        What was emitted from ``design``; its binary is built on the first run (about 5 s), then reused.
    jobs
        Simulator processes, one thread each.
    progress
        Called with the number of (fault, sample) pairs done so far.
    quick
        Compile without optimisation: built in half the time, and a tenth as fast.

    Raises
    ------
    SiteMapError
        If the accelerator is not that of the design point.
    """

    name = "rtl-verilator"

    def __init__(
        self,
        accelerator: Accelerator,
        design: DesignPoint,
        jobs: int = 2,
        progress: Progress | None = None,
        *,
        quick: bool = False,
    ) -> None:
        require_match(accelerator, design)
        self.accelerator, self.design = accelerator, design
        self._jobs, self._progress, self._quick = jobs, progress, quick

    @property
    def version(self) -> str:
        """Version of Verilator."""
        return toolchain.verilator().version

    def run(self, faults: FaultList, inputs: Codes, samples: Codes | None = None) -> EngineResult:
        """See :class:`netsurf.engine.Engine`.

        Raises
        ------
        DisagreementError
            If the accelerator's own decision (``tuser``) is not the index of its largest output.
        """
        inputs = check_inputs(self.design.network, inputs)
        samples = all_samples(faults, inputs, samples)
        return interpret(self.accelerator, self.design, self.run_raw(faults, inputs, samples))

    def run_raw(self, faults: FaultList, inputs: Codes, samples: Codes) -> RawResult:
        """What the ports of the accelerator showed, a (fault, sample) pair."""
        binary, digest = self.built()
        jobs = [
            make_job(self.accelerator, self.design, faults.slice(a, b), inputs, samples[a:b])
            for a, b in _shards(len(faults), self._jobs)
        ]
        outputs = self.accelerator.output.elements
        raw = _joined(run_harness(binary, jobs, digest, outputs, self._progress))
        return dataclasses.replace(raw, codes=signed_codes(self.accelerator, raw.codes))

    def built(self) -> tuple[Path, int]:
        """The simulator, built unless it is there already, and its digest."""
        binary = build_verilator(self.accelerator, quick=self._quick)
        return binary, binary_digest(self.accelerator, quick=self._quick)


class IcarusEngine:
    """Runs persistent and transient faults in Icarus: slow, and independent of Verilator.

    Compiling and loading take seconds a run, each inference half a millisecond a clock cycle of 64
    products: give a run many pairs.

    Parameters
    ----------
    accelerator
        What was emitted from ``design``.
    jobs
        Simulator processes.
    simulator
        ``icarus``; ``verilator`` runs the same cocotb test bench there, which tests the test bench.

    Raises
    ------
    SiteMapError
        If the accelerator is not that of the design point.
    """

    def __init__(
        self, accelerator: Accelerator, design: DesignPoint, jobs: int = 2, simulator: Simulator = "icarus"
    ) -> None:
        require_match(accelerator, design)
        self.accelerator, self.design = accelerator, design
        self.name = f"rtl-{simulator}" if simulator == "icarus" else f"rtl-{simulator}-cocotb"
        self._jobs, self._simulator = jobs, simulator

    @property
    def version(self) -> str:
        """Version of the simulator."""
        return (toolchain.icarus() if self._simulator == "icarus" else toolchain.verilator()).version

    def run(self, faults: FaultList, inputs: Codes, samples: Codes | None = None) -> EngineResult:
        """See :class:`netsurf.engine.Engine`.

        Raises
        ------
        SiteMapError
            If an inference took another number of cycles than ``design.json`` states.
        DisagreementError
            If the accelerator's own decision (``tuser``) is not the index of its largest output.
        """
        inputs = check_inputs(self.design.network, inputs)
        samples = all_samples(faults, inputs, samples)
        worth = max(1, min(self._jobs, samples.size // _WORTH))
        shards = _shards(len(faults), worth)
        with ThreadPoolExecutor(len(shards)) as pool:
            parts = [pool.submit(self._shard, faults.slice(a, b), inputs, samples[a:b]) for a, b in shards]
            return interpret(self.accelerator, self.design, _joined([part.result() for part in parts]))

    def _shard(self, faults: FaultList, inputs: Codes, samples: Codes) -> RawResult:
        scratch = paths.build() / "jobs"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            job = bench_job(self.accelerator, self.design, faults, inputs, samples, Path(folder))
            simulate(self.accelerator, self._simulator, job, Path(folder), ("campaign",))
            result = BenchResult.load(job.result)
        late = result.latencies[result.latencies != self.accelerator.latency]
        if late.size:
            raise SiteMapError(
                f"{self.accelerator.folder}: an inference took {late[0]} cycles, design.json states "
                f"{self.accelerator.latency}; emit the design again: netsurf emit"
            )
        codes = unpack_output(self.accelerator, result.outputs.reshape(-1, result.outputs.shape[-1]))
        return RawResult(codes.reshape(*samples.shape, -1), result.errors, result.decisions)


def _shards(faults: int, jobs: int) -> list[tuple[int, int]]:
    """Ranges of faults, one a process, of nearly one size.

    >>> _shards(5, 2), _shards(0, 2)
    ([(0, 2), (2, 5)], [(0, 0)])
    """
    cuts = np.linspace(0, faults, max(1, min(jobs, faults)) + 1).astype(int).tolist()
    return list(pairwise(cuts))


def interpret(accelerator: Accelerator, design: DesignPoint, raw: RawResult) -> EngineResult:
    """Codes and error bits as an EngineResult; checks ``tuser`` against the outputs.

    Raises
    ------
    DisagreementError
        If ``tuser`` is not the index of the largest output, the first of equals.
    """
    outputs = raw.codes
    if design.network.task == "classification":
        wrong = np.argwhere(outputs.argmax(axis=-1) != raw.decisions.astype(np.int64))
        if len(wrong):
            fault, sample = wrong[0]
            raise DisagreementError(
                f"{accelerator.top}: m_axis_tuser is {raw.decisions[fault, sample]} for outputs "
                f"{outputs[fault, sample].tolist()} (fault {fault}, sample {sample}, {len(wrong)} such pairs)"
            )
    return EngineResult(outputs, raw.errors != 0)


def signed_codes(accelerator: Accelerator, patterns: NDArray[np.uint64]) -> Codes:
    """Bit patterns of outputs as codes."""
    codes = patterns.astype(np.int64)
    return to_signed(codes, accelerator.output.width) if accelerator.output.signed else codes


def _joined(parts: Sequence[RawResult]) -> RawResult:
    return RawResult(
        np.concatenate([p.codes for p in parts]),
        np.concatenate([p.errors for p in parts]),
        np.concatenate([p.decisions for p in parts]),
    )
