"""A Dask cluster as the crew: for machines that share a file system (the ``dask`` extra).

Workers are sent the run folder, the campaign's digest and the number of a chunk, which stands for a seed and
a range of faults; never an array. They read the campaign from the folder once, claim the chunk, and write it
where every other process would. So a worker that dies loses its chunk to another, and a campaign may be
worked on by a cluster and by plain processes at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.folder import open_campaign, start
from netsurf.campaign.run import POLL_S, Outcome, Progress
from netsurf.campaign.score import Scorer, make_scorer
from netsurf.campaign.store import Store
from netsurf.campaign.watch import Watch
from netsurf.errors import MissingToolError, StoreError, ToolFailedError, UsageError

if TYPE_CHECKING:
    from distributed import Client

IN_FLIGHT = 3
"""Chunks a worker that are handed out ahead: enough to keep it busy, few enough to stop soon."""

CONNECT_S = 20


def connect(address: str) -> Client:
    """Connect to a Dask scheduler.

    Raises
    ------
    MissingToolError
        If Dask is not installed.
    UsageError
        If no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingToolError("dask.distributed", "pip install 'netsurf[dask]'") from error
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`"
        ) from error


def run_on_cluster(
    campaign: Campaign,
    folder: Path,
    engine: str,
    client: Client,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Outcome:
    """Run a campaign on a cluster whose workers see ``folder`` under the same path.

    Parameters
    ----------
    engine
        Name of the engine that every worker makes for itself.
    client
        A connected ``distributed.Client``.
    stop, progress
        As for :func:`netsurf.campaign.run.run`.

    Raises
    ------
    ToolFailedError
        If the same chunk killed several workers, or a worker failed.
    """
    begin = time.perf_counter()
    folder = folder.absolute()
    crew = _Dispatcher(campaign, folder, engine, client, stop, progress)
    live = frozenset(range(len(campaign.cells)))
    complete = True
    for chunks in campaign.layout.rounds():
        complete = crew.complete([c for c in chunks if campaign.layout.pieces(c, live)], live)
        live = crew.watch.wide(live)
        if not complete or not live:
            break
    seconds = time.perf_counter() - begin
    chunks_there = tuple(sorted(crew.watch.chunks))
    return Outcome(crew.store, chunks_there, complete, crew.computed, seconds, crew.engine_seconds)


class _Dispatcher:
    """Hands out chunks, a few a worker at a time, and takes in what was written."""

    def __init__(self, campaign, folder, engine, client, stop, progress) -> None:
        self.campaign, self.folder, self.engine, self.client = campaign, folder, engine, client
        self.stop, self.progress = stop, progress
        self.store = start(campaign, folder, make_scorer(engine, campaign.problem))
        self.watch = Watch(campaign)
        self.computed, self.engine_seconds = 0, 0.0

    def complete(self, chunks: Collection[int], live: Collection[int]) -> bool:
        """Bring chunks into being; False if stopped."""
        from distributed import as_completed

        waiting = [chunk for chunk in chunks if not self._take(chunk, live)][::-1]
        flight = as_completed([], loop=self.client.loop)
        flying = 0
        while waiting or flying:
            while waiting and flying < IN_FLIGHT * max(len(self.client.nthreads()), 1) and not self.stop():
                flight.add(self._submit(waiting.pop(), live))
                flying += 1
            if not flying:
                return False
            chunk, rows, seconds = self._result(next(flight))
            flying -= 1
            self.computed += rows
            self.engine_seconds += seconds
            if not self._take(chunk, live):  # another process holds it
                time.sleep(POLL_S)
                waiting.insert(0, chunk)
        return True

    def _submit(self, chunk: int, live: Collection[int]) -> Any:
        arguments = str(self.folder), self.campaign.digest, self.engine, chunk, tuple(sorted(live))
        return self.client.submit(compute_chunk, *arguments, pure=False)

    def _result(self, future: Any) -> tuple[int, int, float]:
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            raise ToolFailedError(f"a Dask worker ({error})", self.folder) from error

    def _take(self, chunk: int, live: Collection[int]) -> bool:
        """Take in a chunk if it is there."""
        if not self.store.done(chunk):
            return False
        self.watch.add(chunk, self.store.read([chunk], self.watch.columns))
        if self.progress is not None:
            self.progress(self.watch.trials, self.watch.expected(live), self.watch.note())
        return True


def compute_chunk(
    folder: str, digest: str, engine: str, chunk: int, live: tuple[int, ...]
) -> tuple[int, int, float]:
    """Compute and write one chunk on a worker.

    Returns
    -------
    The chunk, the number of trials computed (0 if another process has or had it), and seconds of work.
    """
    campaign, store, scorer = _joined(folder, digest, engine)
    begin = time.perf_counter()
    with store.claim(chunk) as mine:
        if not mine:
            return chunk, 0, 0.0
        rows = campaign.compute(chunk, live, scorer)
        store.write(chunk, rows)
    store.flush()
    return chunk, len(rows["trial"]), time.perf_counter() - begin


@lru_cache(maxsize=4)
def _joined(folder: str, digest: str, engine: str) -> tuple[Campaign, Store, Scorer]:
    """The campaign, its open store and its engine, once a worker process."""
    campaign = open_campaign(Path(folder))
    if campaign.digest != digest:
        raise StoreError(f"{folder} holds campaign {campaign.digest[:12]}, not {digest[:12]}")
    scorer = make_scorer(engine, campaign.problem)
    return campaign, start(campaign, Path(folder), scorer), scorer
