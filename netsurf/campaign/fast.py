"""The fast injector as a scorer: single upsets from one exact table, everything else by forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf import __version__
from netsurf.campaign.metrics import Columns, measure
from netsurf.campaign.problem import Problem
from netsurf.fault import FaultList
from netsurf.fault.lists import KINDS, PERSISTENT
from netsurf.harden import DesignPoint
from netsurf.inject import ExhaustiveResult, Models, Profile, exhaustive, outlook, profile
from netsurf.inject.vote import vote

TABLE = {"classification": {"correct", "sdc", "loss"}, "regression": {"sdc", "mse"}}
"""Columns that the table of single upsets knows."""

WORTH = 64
"""The table is made for one fault in so many stored bits, or more; fewer faults are run one by one."""


class FastScorer:
    """Exact numbers on the integer network.

    Parameters
    ----------
    jobs
        Threads of the kernels.
    """

    name = "fast"
    version = __version__

    def __init__(self, problem: Problem, jobs: int = 1) -> None:
        self.problem, self.jobs = problem, jobs
        self.result: ExhaustiveResult | None = None
        self._design: Models | None = None

    def score(self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int) -> Columns:
        """See :class:`netsurf.campaign.score.Scorer`."""
        if not self._tabled(faults, columns):
            return self._forward(design, faults, columns, top)
        if design.guard:
            return self._through_guard(design, faults, columns, top)
        voted = design.space.is_protected[faults.sites % design.space.stored_bits]
        design.space.require(faults.sites)  # two replicas of three outvote the upset one
        return self._from_table(np.where(voted, -1, faults.sites % design.space.stored_bits), voted, columns)

    def _tabled(self, faults: FaultList, columns: Sequence[str]) -> bool:
        flips = (faults.kinds == KINDS.index("flip")) & (faults.cycles == PERSISTENT)
        single = (flips & (faults.counts == 1)).all()
        known = set(columns) <= TABLE[self.problem.network.task]
        worth = self.result is not None or WORTH * len(faults) >= self.problem.network.stored_bits
        return bool(single and known and worth)

    def table(self, loss: bool) -> ExhaustiveResult:
        """Exact effect of every single upset of the unprotected network; made once."""
        if self.result is None or (loss and self.result.loss is None):
            self.result = exhaustive(
                self.problem.network,
                self.problem.inputs,
                self._targets,
                loss=loss,
                tolerance=self.problem.tolerance,
                jobs=self.jobs,
            )
        return self.result

    def load_kernels(self, loss: bool) -> None:
        """Load what :meth:`table` runs, which is compiled on first use, so that its time is its own."""
        few = slice(0, 2)
        exhaustive(
            self.problem.network, self.problem.inputs[few], self._targets[few], loss=loss, jobs=self.jobs
        )

    def outlook(self, columns: Sequence[str]) -> float | None:
        """About how many seconds :meth:`table` takes; None if it does not know the columns."""
        if not set(columns) <= TABLE[self.problem.network.task]:
            return None
        problem = self.problem
        return outlook.seconds(
            problem.network, problem.inputs, self._targets, loss="loss" in columns, jobs=self.jobs
        )

    def machine(self) -> Profile:
        """Limits of this machine, and what each kernel reaches of them on this problem."""
        return profile(self.problem.network, self.problem.inputs, self._targets, jobs=self.jobs)

    def _through_guard(
        self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int
    ) -> Columns:
        """Single upsets of a design point with code words: a reader may invert no bit, one, or more.

        None and one are in the table; more, as where a word is zeroed, are run.
        """
        votes = vote(design, faults)
        bits = np.full(len(faults), -1, dtype=np.int64)
        one, several = np.flatnonzero(votes.counts == 1), np.flatnonzero(votes.counts > 1)
        bits[one] = votes.bits[votes.offsets[one]]
        rows = self._from_table(bits, votes.detected, columns)
        if len(several):
            ran = self._forward(design, FaultList.single(faults.sites[several]), columns, top)
            for name in columns:
                rows[name][several] = ran[name]
        return rows

    def _from_table(
        self, bits: NDArray[np.int64], detected: NDArray[np.bool_], columns: Sequence[str]
    ) -> Columns:
        """What the table says of faults that invert one bit each, or none where the number is -1."""
        table = self.table("loss" in columns)
        golden = {
            "correct": table.golden_correct,
            "sdc": 0,
            "loss": table.golden_loss,
            "mse": table.golden_loss,
        }
        single = {"correct": table.correct, "sdc": table.sdc, "loss": table.loss, "mse": table.loss}
        factor = self.problem.scale**2 if self.problem.network.task == "regression" else 1.0
        rows = {
            name: _typed(name, np.where(bits < 0, golden[name], single[name][bits]), factor)
            for name in columns
        }
        return {**rows, "detected": detected}

    def _forward(self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int) -> Columns:
        """Every fault over every sample, reduced to the columns as it runs."""
        others = [name for name in columns if name not in ("correct", "sdc")]
        rows = {name: np.empty(len(faults), np.int32 if name == "topk" else np.float64) for name in others}

        def reduce(fault: int, outputs: NDArray[np.int64]) -> None:
            for name, values in measure(self.problem, outputs[None], others, top).items():
                rows[name][fault] = values[0]

        ran = self._at(design).run(faults, reduce if others else None)
        counts = {"correct": ran.correct, "sdc": ran.sdc}
        rows |= {name: counts[name].astype(np.int32) for name in columns if name in counts}
        return {**rows, "detected": ran.detected}

    def _at(self, design: DesignPoint) -> Models:
        if self._design is None or self._design.design is not design:
            self._design = self._models.at(design)
        return self._design

    @cached_property
    def _models(self) -> Models:
        problem = self.problem
        bare = DesignPoint.unprotected(problem.network)
        return Models(bare, problem.inputs, self._targets, tolerance=problem.tolerance, jobs=self.jobs)

    @property
    def _targets(self) -> NDArray:
        """Labels as the injector takes them: classes, or targets in the network's own unit."""
        problem = self.problem
        if problem.network.task == "classification":
            return problem.labels
        return (np.asarray(problem.labels, dtype=np.float64) - problem.offset) / problem.scale


def _typed(name: str, values: NDArray, factor: float) -> NDArray:
    return values.astype(np.int32) if name in ("correct", "sdc") else values * factor
