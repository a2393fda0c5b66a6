"""Simulator processes: one thread each, several at a time, with progress and a clean end."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

from netsurf import paths
from netsurf.cosim.job import Job, RawResult, encode, read_result
from netsurf.errors import SiteMapError, ToolFailedError
from netsurf.files import write_atomic

Progress = Callable[[int], None]
"""Called with the number of (fault, sample) pairs done so far, now and then, from another thread."""

_WRONG_TIMING = 3
"""Exit code of the harness when latency or interval are not as stated."""


def run_harness(
    binary: Path, jobs: Sequence[Job], design: int, outputs: int, progress: Progress | None = None
) -> list[RawResult]:
    """Run each job in a process of its own, all at once; results in the order of the jobs.

    Raises
    ------
    SiteMapError
        If the accelerator's latency or interval are not what ``design.json`` states.
    ToolFailedError
        If a simulator fails: a deposit did not hold or was not undone, no output came.
    """
    scratch = paths.build() / "jobs"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        tally = _Tally(progress)
        runs = [
            _Run(binary, Path(folder), number, encode(job, design), tally) for number, job in enumerate(jobs)
        ]
        try:
            for run in runs:
                run.wait()
        finally:
            for run in runs:
                run.stop()
        shapes = [job.samples.shape for job in jobs]
        return [read_result(r.result, shape, outputs) for r, shape in zip(runs, shapes, strict=True)]


class _Tally:
    """Adds up the pairs that the processes say they have done."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._done: dict[int, int] = {}

    def report(self, number: int, done: int) -> None:
        self._done[number] = done
        if self._progress is not None:
            self._progress(sum(list(self._done.values())))


class _Run:
    """One process of the harness, and the thread that reads what it says."""

    def __init__(self, binary: Path, folder: Path, number: int, content: bytes, tally: _Tally) -> None:
        job = write_atomic(folder / f"{number}.job", content)
        self.result = folder / f"{number}.result"
        self._binary, self._number, self._tally = binary, number, tally
        self._said: list[str] = []
        self._process = subprocess.Popen(
            [binary, job, self.result], stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                word, _, rest = line.partition(" ")
                if word == "progress":
                    self._tally.report(self._number, int(rest.split()[0]))
                else:
                    self._said.append(line)

    def wait(self) -> None:
        """Wait for the end; raise unless it was a good one."""
        code = self._process.wait()
        self._reader.join()
        if code == 0:
            return
        text = "".join(self._said)
        if code == _WRONG_TIMING:
            raise SiteMapError(f"{text.strip().removeprefix('error: ')}; emit the design again: netsurf emit")
        log = write_atomic(self._binary.parent / "harness.log", text)
        raise ToolFailedError(f"the simulation (exit code {code})", log, text)

    def stop(self) -> None:
        """End the process if it is still running."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._reader.join(5)
