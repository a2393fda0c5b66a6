"""Starts the cocotb test bench in a simulator: job file in, result file out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from netsurf import paths, toolchain
from netsurf.emit import Accelerator
from netsurf.errors import DisagreementError, ToolFailedError
from netsurf.files import write_atomic

Simulator = Literal["icarus", "verilator"]

BENCH = Path(__file__).with_name("bench.v")
RUNNER = "netsurf.cosim.runner"
_TESTS_FAILED = 5  # as in runner.py, which imports cocotb's runner and is not imported here


@dataclass(frozen=True, slots=True, eq=False)
class BenchJob:
    """What a test bench works on; an npz file of its fields.

    Parameters
    ----------
    banks
        Hierarchical paths of the memories.
    addresses, data
        Writes through the configuration port.
    contents
        What the store is loaded with, ``uint8 (words, bytes)`` a bank, little-endian, which the campaign
        deposits at once. Empty if it is to be loaded through the configuration port.
    frames
        ``uint8 (samples, beats, tdata bytes)``.
    kinds, cycles, offsets
        As in :class:`~netsurf.fault.FaultList`, each site of a fault once.
    bank, word, bit
        Positions of the sites.
    samples
        ``int64 (faults, k)``: rows of ``frames``.
    expected_outputs, expected_detected
        Raw output beats ``uint8 (faults, k, bytes)`` and flags ``bool (faults, k)``, for the tests that
        compare by themselves.
    result_bytes
        Bytes of an output beat.
    latency, interval
        As stated by the emitter.
    scrubbed
        Whether the design repairs its store by itself: ``contents`` is given then, and restored after each
        inference.
    result
        Where the campaign writes its :class:`BenchResult`.
    """

    banks: tuple[str, ...]
    addresses: NDArray[np.uint32]
    data: NDArray[np.uint32]
    contents: tuple[NDArray[np.uint8], ...]
    frames: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    cycles: NDArray[np.int64]
    offsets: NDArray[np.int64]
    bank: NDArray[np.int64]
    word: NDArray[np.int64]
    bit: NDArray[np.int64]
    samples: NDArray[np.int64]
    expected_outputs: NDArray[np.uint8]
    expected_detected: NDArray[np.bool_]
    result_bytes: int
    latency: int
    interval: int
    scrubbed: bool
    result: Path

    def save(self, path: Path) -> Path:
        """Write the job."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        contents = {f"contents_{n}": words for n, words in enumerate(values.pop("contents"))}
        names = {"banks": np.array(self.banks), "result": str(self.result)}
        return _save(path, {**values, **contents, **names})

    @classmethod
    def load(cls, path: Path) -> BenchJob:
        """Read a job."""
        with np.load(path, allow_pickle=False) as archive:
            values: dict[str, Any] = dict(archive)
        count = sum(name.startswith("contents_") for name in values)
        values["contents"] = tuple(values.pop(f"contents_{n}") for n in range(count))
        for name in ("result_bytes", "latency", "interval"):
            values[name] = int(values[name])
        values["scrubbed"] = bool(values["scrubbed"])
        return cls(
            **{**values, "banks": tuple(values["banks"].tolist()), "result": Path(str(values["result"]))}
        )


@dataclass(frozen=True, slots=True, eq=False)
class BenchResult:
    """What the ports showed: raw output beats, error bits, ``tuser``, cycle of ``tvalid``, a pair."""

    outputs: NDArray[np.uint8]
    errors: NDArray[np.uint64]
    decisions: NDArray[np.uint64]
    latencies: NDArray[np.int64]

    @classmethod
    def empty(cls, job: BenchJob) -> BenchResult:
        """Room for the results of ``job``."""
        shape = job.samples.shape
        return cls(
            np.zeros((*shape, job.result_bytes), np.uint8),
            np.zeros(shape, np.uint64),
            np.zeros(shape, np.uint64),
            np.zeros(shape, np.int64),
        )

    def save(self, path: Path) -> None:
        """Write the result."""
        _save(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> BenchResult:
        """Read a result."""
        with np.load(path, allow_pickle=False) as archive:
            return cls(**archive)


def _save(path: Path, values: dict[str, Any]) -> Path:
    """An npz archive, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    return write_atomic(path, buffer.getvalue())


def simulate(
    accelerator: Accelerator, simulator: Simulator, job: BenchJob, folder: Path, tests: tuple[str, ...]
) -> None:
    """Build the accelerator under ``bench.v`` in ``folder`` and run tests of the test bench on ``job``.

    Raises
    ------
    DisagreementError
        If a cocotb test fails; names the log.
    ToolFailedError
        If it does not build, or the simulator fails.
    """
    request = {
        "simulator": simulator,
        "sources": [str(path.absolute()) for path in (*accelerator.paths, BENCH)],
        "define": accelerator.top,
        "parameters": _parameters(accelerator, job),
        "folder": str(folder),
        "tests": list(tests),
        "plusargs": _play_files(job, folder),
    }
    job.save(folder / "job.npz")
    path = write_atomic(folder / "request.json", json.dumps(request))
    run = subprocess.run(
        [sys.executable, "-m", RUNNER, str(path)],
        cwd=folder,
        env={**_environment(simulator), "NETSURF_JOB": str(folder / "job.npz")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if run.returncode != 0:
        text = _story(folder) + run.stdout + run.stderr
        log = write_atomic(paths.build() / "logs" / f"{simulator}-{accelerator.top}.log", text)
        verdict = _verdict(text)
        if run.returncode == _TESTS_FAILED and verdict:
            raise DisagreementError(f"{accelerator.top} in {simulator}: {verdict}; the log is {log}")
        raise ToolFailedError(f"the {simulator} test bench", log, text)


def _verdict(text: str) -> str:
    """What the assertions that failed say, from the log of a test; empty if it failed in another way."""
    said = [
        line.split("AssertionError: ", 1)[1].strip()
        for line in text.splitlines()
        if "AssertionError: " in line
    ]
    return "; ".join(dict.fromkeys(said))


def _parameters(accelerator: Accelerator, job: BenchJob) -> dict[str, int]:
    return {
        "TDATA_W": accelerator.input.tdata_width,
        "RESULT_W": accelerator.output.tdata_width,
        "DECISION_W": accelerator.output.tuser_width,
        "ERRORS_W": accelerator.error_bits,
        "BEATS": accelerator.input.beats,
        "SAMPLES": len(job.frames),
        "WRITES": len(job.data),
    }


def _play_files(job: BenchJob, folder: Path) -> list[str]:
    """The files of the player in ``bench.v``, as plus arguments."""
    writes = (f"{address:08x}{data:08x}" for address, data in zip(job.addresses, job.data, strict=True))
    beats = job.frames.reshape(-1, job.frames.shape[-1])[:, ::-1]
    write_atomic(folder / "writes.hex", "\n".join(writes) + "\n")
    write_atomic(folder / "frames.hex", "\n".join(beat.tobytes().hex() for beat in beats) + "\n")
    return ["+writes=writes.hex", "+frames=frames.hex"]


def _environment(simulator: Simulator) -> dict[str, str]:
    toolchain.libpython()
    tool = toolchain.verilator() if simulator == "verilator" else toolchain.icarus()
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**tool.environ(), "PYTHONPATH": path}
    environment.pop("PYTEST_CURRENT_TEST", None)  # in a pytest the runner exits where it should return
    if simulator == "verilator":  # designs under test benches run seconds: build fast
        quick = "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
        environment["MAKEFLAGS"] = f"{environment.get('MAKEFLAGS', '')} {quick}".strip()
    return environment


def _story(folder: Path) -> str:
    logs = [folder / name for name in ("build.log", "test.log")]
    return "".join(log.read_text(errors="replace") for log in logs if log.is_file())
