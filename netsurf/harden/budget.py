"""From scores and a budget to a plan: greedy, exact, the other way round, and a Pareto front.

A protected bit costs what its two replicas and its voter cost; by default every bit costs 1. What
protection buys is the rate at which the bit's own value fails: ``b`` becomes ``3 b**2 - 2 b**3`` at a bit
error rate ``b``, for a voter fails when two of three fail, and the replicas are upset too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import PlanError
from netsurf.harden.knapsack import knapsack
from netsurf.harden.plan import ProtectionPlan, plan_by_level
from netsurf.ir import Network

Floats = NDArray[np.float64]
Judge = Callable[[ProtectionPlan], float]
"""Expected accuracy, or anything of which more is better, of a network under a plan."""


def residual(ber: float) -> float:
    """Probability that a triplicated and voted bit is wrong when each stored bit is with ``ber``.

    >>> residual(0.5), residual(0.001) < 3e-6
    (0.5, True)
    """
    return 3 * ber**2 - 2 * ber**3


def expected_change(scores: ArrayLike, plan: ProtectionPlan, ber: float) -> float:
    """Expected change of the loss at a BER to first order: single upsets add, pairs do not meet.

    Parameters
    ----------
    scores
        ``(S,)`` change of loss of every single upset, as the ranker ``oracle`` has it.
    """
    rate = np.full(plan.stored_bits, ber)
    rate[plan.bits] = residual(ber)
    return float(rate @ np.asarray(scores, np.float64))


def greedy(
    network: Network, scores: ArrayLike, budget: float, costs: ArrayLike | None = None, **notes: Any
) -> ProtectionPlan:
    """Protect the bits of highest score per cost, as far as the budget goes.

    Parameters
    ----------
    scores
        ``(S,)``, what protecting each bit is worth; bits worth nothing (0 or less) are not protected.
    budget
        What may be spent, in the unit of the costs.
    costs
        ``(S,)``, above 0; 1 each by default.

    Returns
    -------
    A plan; a bit that no longer fits is passed over. At equal costs it is the best there is.

    Raises
    ------
    PlanError
        If the budget is negative, or a cost is not positive.
    """
    gains, spent = _checked(network, scores, budget, costs)
    order = np.argsort(-(gains / spent), kind="stable")
    order = order[gains[order] > 0]
    return _plan(network, _fitting(order, spent, budget), {"rule": "greedy", "budget": budget, **notes})


def _fitting(order: NDArray[np.int64], costs: Floats, budget: float) -> NDArray[np.int64]:
    """Bits of ``order`` that fit one after the other."""
    chosen, left = [], budget
    while len(order):
        total = np.cumsum(costs[order])
        fits = int(np.searchsorted(total, left, side="right"))
        chosen.append(order[:fits])
        left -= total[fits - 1] if fits else 0.0
        order = order[fits + 1 :]
        order = order[costs[order] <= left]
    return np.concatenate([np.empty(0, np.int64), *chosen])


def exact(
    network: Network, scores: ArrayLike, budget: int, costs: ArrayLike | None = None, **notes: Any
) -> ProtectionPlan:
    """Protect the bits of largest total score that the budget can pay for.

    Parameters and errors as for :func:`greedy`; costs and budget must be whole numbers.
    """
    gains, spent = _checked(network, scores, budget, costs)
    if budget != int(budget) or (spent != np.floor(spent)).any():
        raise PlanError(
            "the exact plan needs whole numbers for costs and budget; scale and round, or use greedy"
        )
    chosen = knapsack(gains, spent.astype(np.int64), int(budget))
    return _plan(network, chosen, {"rule": "exact", "budget": int(budget), **notes})


def _checked(
    network: Network, scores: ArrayLike, budget: float, costs: ArrayLike | None
) -> tuple[Floats, Floats]:
    size = network.stored_bits
    gains = np.asarray(scores, np.float64)
    spent = np.ones(size) if costs is None else np.asarray(costs, np.float64)
    if gains.shape != (size,) or spent.shape != (size,):
        raise PlanError(f"scores and costs must be ({size},), not {gains.shape} and {spent.shape}")
    if budget < 0:
        raise PlanError(f"budget {budget} is negative")
    if size and not spent.min() > 0:
        raise PlanError(f"protecting bit {int(spent.argmin())} costs {spent.min()}; costs must be above 0")
    return gains, spent


def _plan(network: Network, bits: NDArray[np.int64], notes: Mapping[str, Any]) -> ProtectionPlan:
    return ProtectionPlan(network.digest, network.stored_bits, bits, notes)


@dataclass(frozen=True, slots=True)
class Found:
    """Answer to the inverse problem.

    Parameters
    ----------
    plan
        The smallest plan found that reaches the target.
    value
        What the judge says about it.
    tried
        Number of bits protected to what the judge said, for every plan that was tried.
    """

    plan: ProtectionPlan
    value: float
    tried: Mapping[int, float]


def smallest(
    network: Network,
    ranking: ArrayLike,
    judge: Judge,
    target: float,
    resolution: float = 0.002,
    **notes: Any,
) -> Found:
    """The fewest bits, first of a ranking, whose protection reaches a target.

    Bisection over the number of bits: it takes for granted that more protection is not worse, which the
    judge's noise may break by a step of the resolution or so.

    Parameters
    ----------
    judge
        ``judge(plan)`` measures a plan; the same faults for every plan.
    target
        Value to reach.
    resolution
        Step of the level at which the search ends.

    Raises
    ------
    PlanError
        If not even protecting every ranked bit reaches the target; says what it reaches.
    """
    ranking = np.asarray(ranking, np.int64)
    tried: dict[int, float] = {}

    def reaches(count: int) -> bool:
        tried[count] = judge(_first(network, ranking, count, {}))
        return tried[count] >= target

    low, high = 0, len(ranking)
    if reaches(0):
        high = 0
    elif not reaches(high):
        raise PlanError(
            f"protecting all {high} ranked bits reaches {tried[high]:.4f}, not {target:.4f}; "
            "allow a larger drop, or a lower BER"
        )
    while high - low > max(1, round(resolution * network.stored_bits)):
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    plan = _first(network, ranking, high, {"rule": "smallest", "target": target, **notes})
    return Found(plan, tried[high], dict(sorted(tried.items())))


def _first(
    network: Network, ranking: NDArray[np.int64], count: int, notes: Mapping[str, Any]
) -> ProtectionPlan:
    return _plan(network, ranking[:count], {"level": count / max(network.stored_bits, 1), **notes})


@dataclass(frozen=True, slots=True)
class Point:
    """A plan with what it costs and what it is worth."""

    plan: ProtectionPlan
    cost: float
    value: float


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other point beats: none is as cheap and better, or as good and cheaper.

    Returns
    -------
    Ascending by cost, and so by value.

    >>> p = [Point(None, 1, 0.5), Point(None, 2, 0.5), Point(None, 2, 0.7), Point(None, 3, 0.6)]
    >>> [(point.cost, point.value) for point in pareto(p)]
    [(1, 0.5), (2, 0.7)]
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.cost, -p.value)):
        if not front or point.value > front[-1].value:
            front.append(point)
    return front


def front(
    network: Network,
    rankings: Mapping[str, ArrayLike],
    levels: Sequence[float],
    judge: Judge,
    cost: Callable[[ProtectionPlan], float] = lambda plan: float(len(plan.bits)),
    remeasure: Judge | None = None,
) -> list[Point]:
    """Pareto front over every ranking at every level.

    Parameters
    ----------
    judge
        Chooses the points.
    cost
        Cost of a plan; protected bits by default.
    remeasure
        Measures the chosen points again, on faults and samples that the choice did not see, so that the
        front is not the luckiest of many noisy points. What it then beats no longer is left out.

    Raises
    ------
    PlanError
        If a level is outside 0 to 1 or a ranking is too short for it.
    """
    points = []
    for name, ranking in rankings.items():
        for level in levels:
            plan = plan_by_level(network, ranking, level, {"ranker": name})
            points.append(Point(plan, cost(plan), judge(plan)))
    chosen = pareto(points)
    if remeasure is None:
        return chosen
    return pareto([Point(point.plan, point.cost, remeasure(point.plan)) for point in chosen])
