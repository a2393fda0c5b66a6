"""Scorers: faults of a design point in, numbers of the store's rows out. The seam to the engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from netsurf.campaign.metrics import Columns, measure
from netsurf.campaign.problem import Problem
from netsurf.engine import ReferenceEngine
from netsurf.errors import UnknownNameError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint


class Scorer(Protocol):
    """Measures faults on all samples of a problem."""

    name: str
    version: str

    def score(self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int) -> Columns:
        """Return the columns asked for and ``detected``, one number a fault."""


class ReferenceScorer:
    """Every fault through the reference executor: slow, and needs nothing."""

    name = ReferenceEngine.name
    version = ReferenceEngine.version

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def score(self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int) -> Columns:
        """See :class:`Scorer`."""
        engine = ReferenceEngine(design)
        rows = [self._one(engine, faults.slice(i, i + 1), columns, top) for i in range(len(faults))]
        return {name: np.concatenate([row[name] for row in rows]) for name in (*columns, "detected")}

    def _one(self, engine: ReferenceEngine, fault: FaultList, columns: Sequence[str], top: int) -> Columns:
        result = engine.run(fault, self.problem.inputs)
        measured = measure(self.problem, result.outputs, columns, top)
        return {**measured, "detected": result.detected.any(axis=1)}


def _reference(problem: Problem, jobs: int) -> Scorer:
    return ReferenceScorer(problem)


def _fast(problem: Problem, jobs: int) -> Scorer:
    from netsurf.campaign.fast import FastScorer

    return FastScorer(problem, jobs)


SCORERS: dict[str, Callable[[Problem, int], Scorer]] = {"fast": _fast, "reference": _reference}
"""Engine name to what makes its scorer for a problem and a number of threads."""


def make_scorer(engine: str, problem: Problem, jobs: int = 1) -> Scorer:
    """Make the scorer of an engine.

    Raises
    ------
    UnknownNameError
        If there is none of that name; lists the nearest.
    """
    if engine not in SCORERS:
        raise UnknownNameError("engine", engine, SCORERS)
    return SCORERS[engine](problem, jobs)
