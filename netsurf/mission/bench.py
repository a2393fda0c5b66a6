"""Bench: what faults do to a network on its samples, as numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.problem import Problem
from netsurf.campaign.score import Scorer, make_scorer
from netsurf.fault import FaultList
from netsurf.fault.lists import PERSISTENT
from netsurf.harden import DesignPoint

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What faults leave of a network.

    Parameters
    ----------
    quality
        ``(faults,)``: accuracy; for a regression the share of samples within the benchmark's tolerance
        of the fault-free output.
    changed
        ``(faults,)``: share of samples whose decision is not the fault-free one (SDC).
    """

    quality: Reals
    changed: Reals


@dataclass(frozen=True, eq=False)
class Bench:
    """Measures faults on all samples of a problem.

    Parameters
    ----------
    jobs
        Threads.
    engine
        Key of :data:`netsurf.campaign.score.SCORERS`.
    """

    problem: Problem
    jobs: int = 1
    engine: str = "fast"
    _scorers: list[Scorer] = field(default_factory=list, repr=False)

    @property
    def quality(self) -> str:
        """What quality is called."""
        return "accuracy" if self._classifies else "share within tolerance"

    @cached_property
    def fault_free(self) -> float:
        """Quality without an upset."""
        if not self._classifies:
            return 1.0
        return float((self.problem.decisions == self.problem.labels).mean())

    @cached_property
    def singles(self) -> Scores:
        """Scores of each voted bit inverted alone, ``(S,)``: the exhaustive campaign, exact."""
        network = self.problem.network
        every = FaultList.single(np.arange(network.stored_bits))
        return self.measure(DesignPoint.unprotected(network), every)

    def measure(self, design: DesignPoint, faults: FaultList) -> Scores:
        """Scores of a fault list."""
        columns = ("correct", "sdc") if self._classifies else ("sdc",)
        rows = self._scorer.score(design, faults, columns, 1)
        changed = rows["sdc"] / self.problem.samples
        quality = rows["correct"] / self.problem.samples if self._classifies else 1.0 - changed
        return Scores(quality, changed)

    @property
    def _classifies(self) -> bool:
        return self.problem.network.task == "classification"

    @property
    def _scorer(self) -> Scorer:
        if not self._scorers:
            self._scorers.append(make_scorer(self.engine, self.problem, self.jobs))
        return self._scorers[0]


def fault_list(draws: list[NDArray[np.int64]]) -> FaultList:
    """Persistent flips of the sites of each draw."""
    lengths = np.array([len(draw) for draw in draws], dtype=np.int64)
    return FaultList(
        np.concatenate([np.empty(0, np.int64), *draws]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.zeros(len(draws), dtype=np.uint8),
        np.full(len(draws), PERSISTENT, dtype=np.int64),
    )
