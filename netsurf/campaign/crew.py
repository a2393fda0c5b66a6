"""A crew: worker processes on this machine that share a run folder with the process that starts them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.run import Shard

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Crew:
    """Workers, by number.

    Parameters
    ----------
    processes
        Number (from 1: the starter is number 0) to process.
    """

    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def losses(self) -> list[str]:
        """A sentence for every worker that died; its chunk is computed by someone else."""
        ended = {number: process.poll() for number, process in self.processes.items()}
        return [_sentence(number, code) for number, code in ended.items() if code]

    def dismiss(self) -> None:
        """Let every worker finish its chunk, and wait for that."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait()

    def kill(self) -> None:
        """End every worker at once."""
        for process in self.processes.values():
            process.kill()
            process.wait()


def _sentence(number: int, code: int) -> str:
    how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"failed with exit code {code}"
    return f"worker {number} {how}; its chunk was computed by another"


@contextlib.contextmanager
def crew(campaign: Campaign, folder: Path, engine: str, jobs: int, shard: Shard) -> Iterator[Crew]:
    """Start ``jobs - 1`` workers for a run folder that exists; they end with the block.

    They are sessions of their own, so Ctrl-C reaches the starter alone, which decides. On Ctrl-C or an
    error inside the block they are killed: what they wrote is whole, what they computed is computed again.
    """
    workers = Crew()
    part = f"{shard.index + 1}/{shard.count}"
    try:
        for number in range(1, jobs):
            arguments = [str(folder), campaign.digest, engine, str(number), part]
            workers.processes[number] = subprocess.Popen(
                [sys.executable, "-m", "netsurf.campaign.worker", *arguments],
                env=os.environ | dict.fromkeys(_THREADS, "1"),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        yield workers
    except BaseException:
        workers.kill()
        raise
    workers.dismiss()
