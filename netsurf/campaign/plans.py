"""What a plan buys: accuracy of a design point under random upsets, on the same faults for every plan."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.metrics import METRICS
from netsurf.campaign.problem import Problem
from netsurf.campaign.score import Scorer, make_scorer
from netsurf.fault import bernoulli
from netsurf.harden import DesignPoint, ProtectionPlan


@dataclass(frozen=True, eq=False)
class PlanJudge:
    """Measures plans by Monte-Carlo injection; replicas are upset too, and voted.

    Trial ``t`` upsets the same stored bits whatever the plan (common random numbers), so differences
    between plans are not luck.

    Parameters
    ----------
    problem
        Network and samples; not those that a ranking was made from.
    ber
        Probability with which each stored bit is upset.
    trials
        Faulty models of each plan.
    """

    problem: Problem
    ber: float
    trials: int
    seed: int = 1
    jobs: int = 2
    engine: str = "fast"
    _scorers: list[Scorer] = field(default_factory=list, repr=False)

    @property
    def metric(self) -> str:
        """``accuracy``, or for a regression minus the mean squared error: more is better in both."""
        return "accuracy" if self.problem.network.task == "classification" else "-mse"

    def measure(self, plan: ProtectionPlan, ber: float | None = None) -> NDArray[np.float64]:
        """The metric in each trial ``(trials,)``."""
        design = DesignPoint(self.problem.network, plan)
        faults = bernoulli(design.space, self.trials, self.ber if ber is None else ber, self.seed)
        metric = METRICS[self.metric.lstrip("-")]
        rows = dict(self._scorer().score(design, faults, (metric.column,), 5))
        rows["samples"] = np.full(self.trials, self.problem.samples)
        values = metric.values(rows)
        return values if metric.higher else -values

    def __call__(self, plan: ProtectionPlan) -> float:
        """Mean of the metric over the trials."""
        return float(self.measure(plan).mean())

    def fault_free(self) -> float:
        """The metric without upsets, which no plan changes."""
        none = ProtectionPlan(
            self.problem.network.digest, self.problem.network.stored_bits, np.empty(0, np.int64)
        )
        return float(self.measure(none, ber=0.0)[0])

    def _scorer(self) -> Scorer:
        if not self._scorers:
            self._scorers.append(make_scorer(self.engine, self.problem, self.jobs))
        return self._scorers[0]
