"""Do upsets add up? The loss that single upsets promise together, beside the loss that they cause.

A ranking by single upsets is right as far as their changes of loss add up. With ``x_n`` the probability
that the value of bit ``n`` fails, the sum is ``sum_n x_n dL_n`` with the exact ``dL_n`` of every single upset
on the same samples; what is measured beyond it is interaction alone, and no difference between samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.campaign.fast import FastScorer
from netsurf.campaign.problem import Problem
from netsurf.campaign.standing import spread
from netsurf.errors import UsageError
from netsurf.fault import bernoulli
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.harden.budget import expected_change
from netsurf.rank.compare import Estimate


@dataclass(frozen=True, slots=True)
class Additive:
    """One ranking at one level and rate.

    Parameters
    ----------
    expected
        Rise of the mean loss if upsets added up (softmax cross-entropy, or mean squared error).
    measured
        The rise that faulty models show, with its interval.
    """

    method: str
    level: float
    ber: float
    expected: float
    measured: Estimate


def additive(
    problem: Problem,
    orders: Mapping[str, ArrayLike],
    level: float,
    bers: Iterable[float],
    trials: int = 20,
    seed: int = 1,
) -> list[Additive]:
    """Expected and measured rise of the loss, ranking by ranking and rate by rate.

    Parameters
    ----------
    orders
        Method to stored bits, most critical first.
    trials
        Faulty models of each; two at least. All rankings see the same upsets.

    Raises
    ------
    PlanError
        If a ranking is too short for the level.
    """
    scorer = FastScorer(problem)
    golden, change = _singles(scorer)
    found = []
    for method, order in orders.items():
        plan = plan_by_level(problem.network, order, level, {"ranker": method})
        design = DesignPoint(problem.network, plan)
        for ber in bers:
            loss = _losses(scorer, design, ber, trials, seed)
            mean, half = (float(number) for number in spread(loss - golden))
            measured = Estimate(mean, mean - half, mean + half)
            found.append(Additive(method, level, ber, expected_change(change, plan, ber), measured))
    return found


def _singles(scorer: FastScorer) -> tuple[float, NDArray[np.float64]]:
    """Loss without upsets, and its exact change by every single upset."""
    problem, table = scorer.problem, scorer.table(loss=True)
    if table.loss is None or table.golden_loss is None:
        raise UsageError(f"{problem.network.name}: its task '{problem.network.task}' has no loss")
    factor = problem.scale**2 if problem.network.task == "regression" else 1.0
    return factor * table.golden_loss, factor * (table.loss - table.golden_loss)


def _losses(
    scorer: FastScorer, design: DesignPoint, ber: float, trials: int, seed: int
) -> NDArray[np.float64]:
    column = "mse" if scorer.problem.network.task == "regression" else "loss"
    return scorer.score(design, bernoulli(design.space, trials, ber, seed), (column,), 5)[column]
