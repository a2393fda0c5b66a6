"""RTL under strikes: the verilated accelerator with ``strikes.cpp``, Icarus with a bench that is printed.

Both keep the convention of :mod:`netsurf.inject.cycle`, and share nothing but the site map.
"""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from netsurf import paths, toolchain
from netsurf.cosim.build import STRIKES, binary_digest, build_verilator
from netsurf.cosim.engines import signed_codes
from netsurf.cosim.strike_job import encode_strikes, read_strikes
from netsurf.emit import Accelerator, require_match
from netsurf.engine.base import Codes
from netsurf.errors import DisagreementError, ToolFailedError
from netsurf.fault.strikes import StrikeList, StrikeResult
from netsurf.files import write_atomic
from netsurf.harden import DesignPoint
from netsurf.ir import check_inputs


class VerilatorStrikes:
    """Runs strikes in the verilated accelerator.

    Parameters
    ----------
    accelerator
        What was emitted from ``design``; its binary is built on the first run, then reused.
    jobs
        Simulator processes, one thread each.

    Raises
    ------
    SiteMapError
        If the accelerator is not that of the design point.
    """

    name = "rtl-verilator"

    def __init__(self, accelerator: Accelerator, design: DesignPoint, jobs: int = 1) -> None:
        require_match(accelerator, design)
        self.accelerator, self.design, self._jobs = accelerator, design, jobs

    @property
    def version(self) -> str:
        """Version of Verilator."""
        return toolchain.verilator().version

    def run(self, strikes: StrikeList, inputs: Codes, samples: Codes) -> StrikeResult:
        """Run each fault on one sample, as :meth:`netsurf.inject.cycle.CycleModel.run`.

        Raises
        ------
        DisagreementError
            If the accelerator's own decision (``tuser``) is not the index of its largest output.
        ToolFailedError
            If the simulator fails, or an upset was not undone.
        """
        inputs = check_inputs(self.design.network, inputs)
        binary = build_verilator(self.accelerator, STRIKES)
        parts = [part for part in np.array_split(np.arange(len(strikes)), max(1, self._jobs)) if len(part)]
        with ThreadPoolExecutor(max(1, len(parts))) as pool:
            found = list(pool.map(lambda part: self._part(binary, strikes, inputs, samples, part), parts))
        width = 4 + self.accelerator.output.elements
        records = np.concatenate([np.empty((0, width), np.uint64), *found])
        result = StrikeResult(
            signed_codes(self.accelerator, records[:, 4:]),
            records[:, 0].astype(np.int64),
            records[:, 1].astype(np.int64),
            records[:, 2],
        )
        check_decisions(self.accelerator, self.design, result, records[:, 3].astype(np.int64))
        return result

    def _part(self, binary: Path, strikes: StrikeList, inputs: Codes, samples: Codes, part: Codes) -> Codes:
        digest = binary_digest(self.accelerator, STRIKES)
        job = encode_strikes(
            self.accelerator, self.design, strikes.take(part), inputs, np.asarray(samples)[part], digest
        )
        scratch = paths.build() / "jobs"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            folder = Path(name)
            write_atomic(folder / "job", job)
            done = subprocess.run(
                [binary, folder / "job", folder / "result"],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if done.returncode != 0:
                log = write_atomic(binary.parent / "strikes.log", done.stderr)
                raise ToolFailedError(f"the simulation (exit code {done.returncode})", log, done.stderr)
            return read_strikes(folder / "result", len(part), self.accelerator.output.elements)


def check_decisions(
    accelerator: Accelerator, design: DesignPoint, result: StrikeResult, decisions: Codes
) -> None:
    """Raise DisagreementError if ``tuser`` is not the index of the largest output, the first of equals."""
    if design.network.task != "classification":
        return
    wrong = np.flatnonzero((result.outputs.argmax(axis=-1) != decisions) & (result.counts > 0))
    if len(wrong):
        raise DisagreementError(
            f"{accelerator.top}: m_axis_tuser is {decisions[wrong[0]]} for outputs "
            f"{result.outputs[wrong[0]].tolist()} (fault {wrong[0]}, {len(wrong)} such faults)"
        )
