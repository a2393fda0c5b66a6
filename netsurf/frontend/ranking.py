"""Rankings of a benchmark: evidence gathered, methods run, agreement and regret worked out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.plans import PlanJudge
from netsurf.errors import UnknownNameError, UsageError
from netsurf.frontend import kept
from netsurf.frontend.gather import Settings, Subject, gather
from netsurf.harden import ProtectionPlan, plan_by_level
from netsurf.paths import build
from netsurf.rank import METHODS, Evidence, Ordering, Pruned, canonical, needs, order, scores
from netsurf.rank.compare import Estimate
from netsurf.rank.ordering import ORDERINGS
from netsurf.rank.surface import interval, regret

Progress = Callable[[int, int, str], None]

_VERSION = 1
"""Raised when faults or votes of the same seed change, so that no older trials are read."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to rank by.

    Parameters
    ----------
    methods
        Names or aliases of methods.
    ordering
        Asked of every method that has it; the others keep their own. None leaves each its own.
    seed
        Of the methods that draw.
    weights
        What becomes of pruned weights.
    options
        Method to options.

    Raises
    ------
    UnknownNameError
        If a method or ordering is in no table.
    UsageError
        If a method takes no such option, or options are given for a method that is not asked for.
    """

    methods: tuple[str, ...]
    ordering: Ordering | None = None
    seed: int = 1
    weights: Pruned = "last"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "methods", tuple(dict.fromkeys(map(canonical, self.methods))))
        options = {canonical(method): values for method, values in self.options.items()}
        object.__setattr__(self, "options", options)
        if self.ordering is not None and self.ordering not in ORDERINGS:
            raise UnknownNameError("ordering", self.ordering, ORDERINGS)
        for method, values in options.items():
            METHODS[method].settings(values)
            if method not in self.methods:
                raise UsageError(f"options for '{method}', which is not among {', '.join(self.methods)}")

    def ordering_of(self, method: str) -> Ordering:
        """The ordering that a method gets."""
        has = METHODS[method].orderings
        return self.ordering if self.ordering is not None and self.ordering in has else has[0]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Stored bits in the order of a method.

    Parameters
    ----------
    bits
        Numbers, the most critical first.
    scores
        ``(S,)`` as the method gives them, by number.
    """

    method: str
    ordering: Ordering
    bits: NDArray[np.int64]
    scores: NDArray[np.float64]


def rankings(
    subject: Subject,
    request: Request,
    settings: Settings | None = None,
    progress: Progress = lambda done, total, note: None,
) -> dict[str, Ranking]:
    """Rank by every method asked for; errors as for :func:`netsurf.frontend.gather.gather`."""
    evidence = gather(subject, needs(request.methods), settings, progress)
    return {method: _rank(subject, request, evidence, method) for method in request.methods}


def _rank(subject: Subject, request: Request, evidence: Evidence, method: str) -> Ranking:
    network, entry = subject.network, METHODS[method]
    values = scores(method, network, request.seed, evidence, **request.options.get(method, {}))
    ordering = request.ordering_of(method)
    bits = order(network, values, ordering, power=entry.power, weights=request.weights)
    return Ranking(method, ordering, bits, values)


@dataclass(frozen=True, slots=True)
class Worth:
    """What protecting the first bits of a ranking leaves of the accuracy, and what it forgoes.

    Parameters
    ----------
    value
        Accuracy under fault (for a regression minus the mean squared error).
    regret
        How much more the best ranking of reference reaches on the same faults; None without one.
    """

    method: str
    level: float
    value: Estimate
    regret: Estimate | None


def worths(
    judge: PlanJudge,
    ranked: Mapping[str, Ranking],
    levels: Sequence[float],
    reference: str | None = None,
    progress: Progress = lambda done, total, note: None,
) -> list[Worth]:
    """Measure every ranking at every level by injection, on common faults.

    Trials are kept under ``build/evidence`` as they are measured, so that going on after an interruption
    repeats none.

    Raises
    ------
    UnknownNameError
        If the reference is none of the rankings.
    PlanError
        If a level is outside 0 to 1 or a ranking is too short for it.
    """
    if reference is not None and reference not in ranked:
        raise UnknownNameError("reference ranking", reference, ranked)
    network = judge.problem.network
    plans = {
        (method, level): plan_by_level(network, ranking.bits, level, {})
        for method, ranking in ranked.items()
        for level in levels
    }
    trials = {}
    for number, (key, plan) in enumerate(plans.items()):
        progress(number, len(plans), f"{key[0]} at {key[1]:.3g}")
        trials[key] = _trials(judge, plan)
    return [
        Worth(
            method,
            level,
            interval(values, lambda means: means),
            regret(trials[reference, level], values) if reference else None,
        )
        for (method, level), values in trials.items()
    ]


def _trials(judge: PlanJudge, plan: ProtectionPlan) -> NDArray[np.float64]:
    """What the plan leaves in each trial, read if it was measured before."""
    words = [_VERSION, judge.problem.digest, plan.digest, judge.ber, judge.trials, judge.seed, judge.metric]
    key = hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]
    file = build() / "evidence" / judge.problem.network.digest[:16] / f"trials-{key}.npz"
    found = kept.read(file)
    if found is None:
        found = judge.measure(plan)
        kept.write(file, found)
    return found
