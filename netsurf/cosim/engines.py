"""The RTL as engines: Verilator with the C++ harness, Icarus with a Verilog test bench."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netsurf import toolchain
from netsurf.cosim.build import binary_digest, build_verilator
from netsurf.cosim.job import RawResult, make_job
from netsurf.cosim.process import Progress, run_harness
from netsurf.emit import Accelerator, require_match
from netsurf.engine.base import Codes, EngineResult, all_samples
from netsurf.errors import DisagreementError
from netsurf.fault import FaultList
from netsurf.fixed import to_signed
from netsurf.harden import DesignPoint


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

    Raises
    ------
    SiteMapError
        If the accelerator is not that of the design point.
    """

    name = "rtl-verilator"

    def __init__(
        self, accelerator: Accelerator, design: DesignPoint, jobs: int = 2, progress: Progress | None = None
    ) -> None:
        require_match(accelerator, design)
        self.accelerator, self.design = accelerator, design
        self._jobs, self._progress = jobs, progress

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
        samples = all_samples(faults, inputs, samples)
        return interpret(self.accelerator, self.design, self.run_raw(faults, inputs, samples))

    def run_raw(self, faults: FaultList, inputs: Codes, samples: Codes) -> RawResult:
        """What the ports of the accelerator showed, a (fault, sample) pair."""
        binary = build_verilator(self.accelerator)
        cuts = np.linspace(0, len(faults), max(1, min(self._jobs, len(faults))) + 1).astype(int)
        jobs = [
            make_job(self.accelerator, self.design, faults.slice(a, b), inputs, samples[a:b])
            for a, b in zip(cuts, cuts[1:], strict=False)
        ]
        digest, outputs = binary_digest(self.accelerator), self.accelerator.output.elements
        return _joined(run_harness(binary, jobs, digest, outputs, self._progress))


def interpret(accelerator: Accelerator, design: DesignPoint, raw: RawResult) -> EngineResult:
    """Bit patterns as output codes, error bits as ``detected``; checks ``tuser`` against the outputs.

    Raises
    ------
    DisagreementError
        If ``tuser`` is not the index of the largest output, the first of equals.
    """
    outputs = raw.codes.astype(np.int64)
    if accelerator.output.signed:
        outputs = to_signed(outputs, accelerator.output.width)
    if design.network.task == "classification":
        wrong = np.argwhere(outputs.argmax(axis=-1) != raw.decisions.astype(np.int64))
        if len(wrong):
            fault, sample = wrong[0]
            raise DisagreementError(
                f"{accelerator.top}: m_axis_tuser is {raw.decisions[fault, sample]} for outputs "
                f"{outputs[fault, sample].tolist()} (fault {fault}, sample {sample}, {len(wrong)} such pairs)"
            )
    return EngineResult(outputs, raw.errors != 0)


def _joined(parts: Sequence[RawResult]) -> RawResult:
    return RawResult(
        np.concatenate([p.codes for p in parts]),
        np.concatenate([p.errors for p in parts]),
        np.concatenate([p.decisions for p in parts]),
    )
