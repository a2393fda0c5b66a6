"""Running a campaign: claim a chunk, compute it, write it; until nothing is left or someone says stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.folder import start
from netsurf.campaign.score import Scorer
from netsurf.campaign.store import Store
from netsurf.campaign.watch import Watch
from netsurf.errors import UsageError

Progress = Callable[..., None]
"""``progress(done, total, note)``."""

POLL_S = 0.05
COLLECT_S = 0.5
"""How often to look for chunks of other processes: when idle, and when busy."""

REPORT_S = 0.2
"""How often to report progress at most: a running interval of every cell costs milliseconds."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``index`` of ``count``: chunks whose number leaves ``index`` when divided by ``count``.

    >>> Shard.parse("2/4")
    Shard(index=1, count=4)
    """

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/N`` with i from 1 to N; raises UsageError otherwise."""
        part, _, whole = text.partition("/")
        if not (part.isdigit() and whole.isdigit() and 1 <= int(part) <= int(whole)):
            raise UsageError(f"shard '{text}' is not i/N with i from 1 to N; write for example 1/4")
        return cls(int(part) - 1, int(whole))

    def holds(self, chunk: int) -> bool:
        """Whether a chunk is ours."""
        return chunk % self.count == self.index


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a run did.

    Parameters
    ----------
    chunks
        Chunks that are there now, whoever computed them.
    complete
        Whether that is the whole campaign.
    computed
        Trials that this process computed.
    seconds, engine_seconds
        All of it, and the part spent inside the engine.
    damaged
        Chunks that were there but were not what their checksum says, and were computed again.
    losses
        A sentence for each worker process that died on the way; none of its finished work is missing.
    """

    store: Store
    chunks: tuple[int, ...]
    complete: bool
    computed: int
    seconds: float
    engine_seconds: float
    damaged: tuple[int, ...] = ()
    losses: tuple[str, ...] = ()


class _Timed:
    """A scorer that remembers how long it took."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.name, self.version = scorer, scorer.name, scorer.version
        self.seconds = 0.0

    def score(self, *arguments):
        begin = time.perf_counter()
        try:
            return self.scorer.score(*arguments)
        finally:
            self.seconds += time.perf_counter() - begin


class Runner:
    """One process at work on a run folder."""

    def __init__(
        self,
        campaign: Campaign,
        store: Store,
        scorer: Scorer,
        shard: Shard | None = None,
        stop: Callable[[], bool] = lambda: False,
        progress: Progress | None = None,
        first: int = 0,
    ) -> None:
        self.campaign, self.store, self.scorer = campaign, store, _Timed(scorer)
        self.shard = shard or Shard()
        self.stop, self.progress, self.first = stop, progress, first
        self.watch = Watch(campaign)
        self.computed = 0
        self._collected = self._reported = float("-inf")

    def run(self) -> Outcome:
        """Work until the campaign, or the shard's part of it, is done or `stop` says so."""
        begin = time.perf_counter()
        damaged = tuple(self.store.damaged())
        try:
            complete = self._rounds()
        finally:
            self.store.flush()
        chunks = tuple(sorted(self.watch.chunks))
        seconds = time.perf_counter() - begin
        return Outcome(self.store, chunks, complete, self.computed, seconds, self.scorer.seconds, damaged)

    def _rounds(self) -> bool:
        live = frozenset(range(len(self.campaign.cells)))
        rounds = list(self.campaign.layout.rounds())
        for number, chunks in enumerate(rounds):
            there = [c for c in chunks if self.campaign.layout.pieces(c, live)]
            wait = number + 1 < len(rounds)
            if not self._complete(there, live, wait):
                return False
            live = self.watch.wide(live)
            if not live:
                return True
        return True

    def _complete(self, chunks: Sequence[int], live: Collection[int], wait: bool) -> bool:
        """Bring chunks into being; False if stopped, or if what is missing belongs to other shards."""
        pending = set(chunks)
        self._collect(pending, live, now=True)
        while pending:
            before = len(pending)
            for chunk in self._order(filter(self.shard.holds, pending)):
                if self.stop():
                    return False
                if chunk in pending:
                    self._try(chunk, live, pending)
                    self._collect(pending, live)
            others = not any(map(self.shard.holds, pending))
            if pending and others and not wait:
                return False
            if len(pending) == before:
                if self.stop():
                    return False
                time.sleep(POLL_S)
                self._collect(pending, live, now=True)
        return True

    def _order(self, chunks: Iterable[int]) -> list[int]:
        """Ascending, but each worker starts elsewhere, so that they seldom want the same chunk."""
        chunks = sorted(chunks)
        turn = self.first * len(chunks) // max(self.first + 1, 2) if self.first else 0
        return chunks[turn:] + chunks[:turn]

    def _try(self, chunk: int, live: Collection[int], pending: set[int]) -> None:
        with self.store.claim(chunk) as mine:
            if not mine:
                return
            rows = self.campaign.compute(chunk, live, self.scorer)
            self.store.write(chunk, rows)
        self.watch.add(chunk, rows)
        pending.discard(chunk)
        self.computed += len(rows["trial"])
        self._report(live)

    def _collect(self, pending: set[int], live: Collection[int], now: bool = False) -> None:
        """Take in chunks that are there already or that other processes wrote."""
        if not now and time.monotonic() - self._collected < COLLECT_S:
            return
        self._collected = time.monotonic()
        found = [chunk for chunk in sorted(pending) if self.store.done(chunk)]
        for chunk in found:
            self.watch.add(chunk, self.store.read([chunk], self.watch.columns))
            pending.discard(chunk)
        if found:
            self._report(live)

    def _report(self, live: Collection[int]) -> None:
        if self.progress is not None and time.monotonic() - self._reported >= REPORT_S:
            self._reported = time.monotonic()
            self.progress(self.watch.trials, self.watch.expected(live), self.watch.note())


def run(
    campaign: Campaign,
    folder: Path,
    scorer: Scorer,
    *,
    jobs: int = 1,
    shard: Shard | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Outcome:
    """Run a campaign, continuing what is in ``folder``.

    Parameters
    ----------
    scorer
        The engine that measures faults; workers make their own by its name.
    jobs
        Processes, this one included.
    shard
        The part of the chunks to compute; all of them if None.
    stop
        Asked before each chunk; true ends the run with what is written.
    progress
        Called with trials done, trials expected, and the running interval.

    Raises
    ------
    StoreError
        If the folder holds another campaign.
    ToolFailedError
        If the disk is full.
    """
    from netsurf.campaign.crew import crew

    shard = shard or Shard()
    store = start(campaign, folder, scorer)
    with crew(campaign, folder, scorer.name, jobs, shard) as workers:
        outcome = Runner(campaign, store, scorer, shard, stop, progress).run()
        return replace(outcome, losses=tuple(workers.losses()))
