"""The fast injector as a scorer: single upsets from one exact table, everything else by forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf import __version__
from netsurf.campaign.metrics import Columns, measure
from netsurf.campaign.problem import Problem
from netsurf.errors import FaultError
from netsurf.fault import FaultList
from netsurf.fault.lists import KINDS, PERSISTENT
from netsurf.harden import DesignPoint, Upset, faulty_parameters, vote
from netsurf.inject import ExhaustiveResult, exhaustive
from netsurf.inject.golden import Golden, forward
from netsurf.ir.network import INPUT

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

    def score(self, design: DesignPoint, faults: FaultList, columns: Sequence[str], top: int) -> Columns:
        """See :class:`netsurf.campaign.score.Scorer`."""
        if (faults.cycles != PERSISTENT).any():
            raise FaultError("a fault has a cycle; the network has no clock: use `netsurf cosim`")
        if self._tabled(faults, columns):
            return self._from_table(design, faults, columns)
        rows = [self._one(design, faults, number, columns, top) for number in range(len(faults))]
        return {name: np.array([row[name] for row in rows]) for name in (*columns, "detected")}

    def _tabled(self, faults: FaultList, columns: Sequence[str]) -> bool:
        single = (faults.counts == 1).all() and (faults.kinds == KINDS.index("flip")).all()
        known = set(columns) <= TABLE[self.problem.network.task]
        worth = self.result is not None or WORTH * len(faults) >= self.problem.network.stored_bits
        return bool(single and known and worth)

    def table(self, loss: bool) -> ExhaustiveResult:
        """Exact effect of every single upset of the unprotected network; made once."""
        if self.result is None or (loss and self.result.loss is None):
            problem = self.problem
            targets = problem.labels
            if problem.network.task == "regression":
                targets = (np.asarray(targets, dtype=np.float64) - problem.offset) / problem.scale
            self.result = exhaustive(
                problem.network,
                problem.inputs,
                targets,
                loss=loss,
                tolerance=problem.tolerance,
                jobs=self.jobs,
            )
        return self.result

    def _from_table(self, design: DesignPoint, faults: FaultList, columns: Sequence[str]) -> Columns:
        table = self.table("loss" in columns)
        bits = faults.sites % design.space.stored_bits
        design.space.require(faults.sites)
        voted = design.space.is_protected[bits]  # two replicas of three outvote the upset one
        golden = {
            "correct": table.golden_correct,
            "sdc": 0,
            "loss": table.golden_loss,
            "mse": table.golden_loss,
        }
        single = {"correct": table.correct, "sdc": table.sdc, "loss": table.loss, "mse": table.loss}
        factor = self.problem.scale**2 if self.problem.network.task == "regression" else 1.0
        rows = {
            name: _typed(name, np.where(voted, golden[name], single[name][bits]), factor) for name in columns
        }
        return {**rows, "detected": voted}

    def _one(self, design: DesignPoint, faults: FaultList, number: int, columns: Sequence[str], top: int):
        sites = faults.sites[faults.offsets[number] : faults.offsets[number + 1]]
        upset = vote(design.space, sites, KINDS[faults.kinds[number]])
        measured = measure(self.problem, self._outputs(design, upset)[None], columns, top)
        return {**{name: column[0] for name, column in measured.items()}, "detected": upset.detected}

    def _outputs(self, design: DesignPoint, upset: Upset) -> NDArray[np.int64]:
        network = self.problem.network
        if not len(upset.bits):
            return self._golden.outputs
        tensors = {INPUT: self._golden.tensors[INPUT]}
        forward(network, tensors, network.layers, faulty_parameters(design, upset.bits))
        codes = tensors[network.layers[-1].name]
        return codes.reshape(len(codes), -1).astype(np.int64)

    @cached_property
    def _golden(self) -> Golden:
        return Golden.of(self.problem.network, self.problem.inputs)


def _typed(name: str, values: NDArray, factor: float) -> NDArray:
    return values.astype(np.int32) if name in ("correct", "sdc") else values * factor
