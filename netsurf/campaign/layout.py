"""Trials in order, cut into chunks: what is computed, claimed, written and lost together.

Two shapes. A *grid* repeats every cell: its chunks hold a range of repetitions of all cells that still run,
so that cells share their random numbers. A *sweep* lists single faults: cell after cell, range after range.
Chunk numbers, trial numbers and contents follow from the spec, never from who computes them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.sequences import MINIMUM
from netsurf.campaign.spec import LEAST_REPETITIONS, SINGLES_PER_CHUNK, TRIALS_PER_CHUNK, CampaignSpec

GROWTH = 4
"""A round adds one repetition in so many of those before it: few looks, little overshoot."""

STAIR, HIGHEST_STAIR = 8, 8
"""Where cells may stop, chunks grow as fewer cells are left: every 8 chunks twofold, up to eightfold."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Faults ``start .. stop-1`` of one cell."""

    cell: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Layout:
    """The trials of a campaign.

    Parameters
    ----------
    counts
        Most faults of each cell.
    size
        Grid: repetitions a chunk. Sweep: trials a chunk.
    grid
        Which of the two shapes.
    watched
        Whether cells may stop early, which needs rounds.
    """

    counts: tuple[int, ...]
    size: int
    grid: bool
    watched: bool = False

    @property
    def chunks(self) -> int:
        """Number of chunks if no cell stops early."""
        return len(self.edges) - 1

    @cached_property
    def edges(self) -> list[int]:
        """Where chunks begin and end: repetitions of a grid, trials of a sweep.

        >>> Layout((40,), 10, grid=True).edges
        [0, 10, 20, 30, 40]
        """
        extent = max(self.counts, default=0) if self.grid else sum(self.counts)
        edges = [0]
        while edges[-1] < extent:
            stair = min(2 ** ((len(edges) - 1) // STAIR), HIGHEST_STAIR) if self.watched else 1
            edges.append(min(edges[-1] + stair * self.size, extent))
        return edges

    def pieces(self, chunk: int, live: Collection[int]) -> tuple[Piece, ...]:
        """What a chunk holds: the cells in ``live`` only, and none that is empty."""
        first, last = self.edges[chunk], self.edges[chunk + 1]
        starts = np.zeros(len(self.counts), int) if self.grid else self._offsets[:-1]
        pieces = [
            Piece(cell, max(first - start, 0), min(last - start, count))
            for cell, (start, count) in enumerate(zip(starts.tolist(), self.counts, strict=True))
            if cell in live
        ]
        return tuple(piece for piece in pieces if piece.start < piece.stop)

    def trials(self, piece: Piece) -> NDArray[np.int64]:
        """Numbers of the trials of a piece.

        >>> Layout((5, 5), 2, grid=True).trials(Piece(1, 0, 2)).tolist()
        [1, 3]
        """
        faults = np.arange(piece.start, piece.stop, dtype=np.int64)
        return faults * len(self.counts) + piece.cell if self.grid else faults + self._offsets[piece.cell]

    def rounds(self) -> Iterator[range]:
        """Ranges of chunks after each of which cells may stop.

        >>> [len(r) for r in Layout((1000,), 10, grid=True, watched=True).rounds()][:6]
        [2, 1, 1, 1, 2, 2]
        """
        done = 0
        while done < self.chunks:
            reached = self.edges[done]
            goal = max(MINIMUM, reached + -(-reached // GROWTH))
            stop = bisect_left(self.edges, min(goal, self.edges[-1])) if self.watched else self.chunks
            yield range(done, stop)
            done = stop

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)]).astype(np.int64)


def make_layout(spec: CampaignSpec, counts: tuple[int, ...]) -> Layout:
    """The layout of a spec whose cells have at most ``counts`` faults."""
    grid = spec.mode in ("bernoulli", "exact", "coverage")
    if not grid:
        return Layout(counts, spec.chunk or SINGLES_PER_CHUNK, grid=False)
    watched = spec.margin is not None  # such chunks start smaller: the first look should not come late
    trials = TRIALS_PER_CHUNK // 4 if watched else TRIALS_PER_CHUNK
    size = max(LEAST_REPETITIONS, trials // max(len(counts), 1))
    if spec.chunk:
        size = -(-spec.chunk // max(len(counts), 1))
    return Layout(counts, size, grid=True, watched=watched)
