"""Watching a campaign: the metric of every cell as chunks come in, its running interval, and when to stop."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.sequences import MINIMUM, sequence
from netsurf.campaign.statistics import Interval


class Watch:
    """Values of the watched metric, by cell, in the order of their trials."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.chunks: set[int] = set()
        self.trials = 0
        self._parts: dict[int, dict[int, NDArray[np.float64]]] = {c.number: {} for c in campaign.cells}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the store that :meth:`add` reads."""
        return ("trial", "cell", "samples", self.campaign.metric.column)

    def add(self, chunk: int, rows: Mapping[str, NDArray[Any]]) -> None:
        """Take in the rows of a chunk; rows of one cell must be in order of trial."""
        self.chunks.add(chunk)
        self.trials += len(rows["cell"])
        values = self.campaign.metric.values(rows)
        for cell in np.unique(rows["cell"]).tolist():
            self._parts[cell][chunk] = values[rows["cell"] == cell]

    def values(self, cell: int) -> NDArray[np.float64]:
        """Values of one cell so far, in the order of its trials."""
        parts = self._parts[cell]
        return np.concatenate([np.empty(0), *(parts[chunk] for chunk in sorted(parts))])

    def interval(self, cell: int) -> Interval | None:
        """Running interval of a cell, which may be looked at at any time; None before the first row."""
        values = self.values(cell)
        spec = self.campaign.spec
        if not len(values):
            return None
        seen = sequence(values, spec.confidence, spec.strict)
        return seen.within(0, 1) if self.campaign.metric.counts and np.isfinite(seen.margin) else seen

    def wide(self, live: Collection[int]) -> frozenset[int]:
        """Cells of ``live`` whose interval is not tight enough yet and that have trials left."""
        margin, counts = self.campaign.spec.margin, self.campaign.layout.counts
        if margin is None:
            return frozenset(live)
        intervals = {cell: self.interval(cell) for cell in live}
        return frozenset(
            cell
            for cell, seen in intervals.items()
            if seen is None or (seen.margin > margin and seen.count < counts[cell])
        )

    def expected(self, live: Collection[int]) -> int:
        """Trials that the campaign will take: all of them, or what the margins seen so far let expect."""
        counts = self.campaign.layout.counts
        if self.campaign.spec.margin is None:
            return sum(counts)
        return sum(
            self._expected(cell, most) if cell in live else len(self.values(cell))
            for cell, most in enumerate(counts)
        )

    def _expected(self, cell: int, most: int) -> int:
        seen, margin = self.interval(cell), self.campaign.spec.margin
        if seen is None or margin is None or not np.isfinite(seen.margin):
            return min(most, MINIMUM)
        return int(np.clip(seen.count * (seen.margin / margin) ** 2, seen.count, most))

    def note(self) -> str:
        """The running interval of the cell that is known worst: ``accuracy 0.912 [0.905, 0.919]``."""
        seen = [(cell, interval) for cell in self._parts if (interval := self.interval(cell))]
        if not seen:
            return ""
        cell, widest = max(seen, key=lambda pair: pair[1].margin)
        known = str(widest) if np.isfinite(widest.margin) else f"{widest.estimate:.4g}"
        return f"{self.campaign.metrics[0]} {known} at {self.campaign.cells[cell]}"
