"""Intervals that mean what they say: for proportions, and for means of repetitions that are not peeked at.

Intervals that may be looked at after every repetition are in :mod:`netsurf.campaign.sequences`,
planned sample sizes in :mod:`netsurf.campaign.sizes`, stratified estimates in
:mod:`netsurf.campaign.strata`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from netsurf.errors import UsageError

CONFIDENCE = 0.95
"""Nominal coverage when none is asked for."""

ProportionRule = Literal["wilson", "exact"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval and how it was made.

    Parameters
    ----------
    estimate, low, high
        In the units of the data.
    confidence
        Nominal coverage.
    count
        Observations (repetitions, or faults) that it rests on.
    rule
        ``wilson``, ``exact``, ``t``, ``bootstrap``, ``asymptotic-cs``, ``empirical-bernstein-cs``,
        ``stratified`` or ``census``.
    """

    estimate: float
    low: float
    high: float
    confidence: float
    count: int
    rule: str

    @property
    def margin(self) -> float:
        """Distance from the estimate to the farther end."""
        return max(self.high - self.estimate, self.estimate - self.low)

    def within(self, low: float, high: float) -> Interval:
        """The same interval cut to the range that the quantity can take."""
        return replace(self, low=max(self.low, low), high=min(self.high, high))

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.low:.4g}, {self.high:.4g}]"


def rate_text(k: int, n: int, interval: Interval) -> str:
    """``k/n [lo, hi]``: how every rate is printed.

    >>> rate_text(3, 40, proportion(3, 40))
    '3/40 [0.02584, 0.1986]'
    """
    return f"{k:,}/{n:,} [{interval.low:.4g}, {interval.high:.4g}]"


def require_confidence(confidence: float) -> None:
    """Raise UsageError unless ``confidence`` lies strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise UsageError(f"confidence {confidence} is outside 0 to 1; choose for example 0.95 (or 95%)")


def proportion(k: int, n: int, confidence: float = CONFIDENCE, rule: ProportionRule = "wilson") -> Interval:
    """Interval of a proportion from ``k`` successes in ``n`` independent trials.

    ``wilson``: the score interval (Wilson, JASA 22, 1927). ``exact``: Clopper and Pearson
    (Biometrika 26, 1934), which never covers less than ``confidence``.

    >>> proportion(0, 30000, rule="exact").high < 1.3e-4
    True
    """
    from scipy.stats import binomtest

    require_confidence(confidence)
    if not 0 <= k <= n or n == 0:
        raise UsageError(f"{k} of {n} is no proportion; a rate needs at least one trial")
    bounds = binomtest(int(k), int(n)).proportion_ci(confidence, method=rule)
    return Interval(k / n, float(bounds.low), float(bounds.high), confidence, int(n), rule)


def census(k: int, n: int) -> Interval:
    """Return the proportion of a whole population: known, so the interval is a point."""
    return Interval(k / n, k / n, k / n, 1.0, int(n), "census")


def student(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Student's t interval of a mean, for a number of repetitions fixed beforehand.

    ``mean +- t * s / sqrt(n)`` with ``n - 1`` degrees of freedom. One repetition says nothing about
    spread: its interval is unbounded.

    >>> print(student([1.0, 2.0, 3.0]))
    2 [-0.4841, 4.484]
    """
    from scipy.stats import t

    values = _observations(values, confidence)
    mean, count = float(values.mean()), len(values)
    if count == 1:
        return Interval(mean, -np.inf, np.inf, confidence, 1, "t")
    half = float(t.ppf((1 + confidence) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return Interval(mean, mean - half, mean + half, confidence, count, "t")


def bootstrap(
    values: ArrayLike, confidence: float = CONFIDENCE, seed: int = 0, resamples: int = 2000
) -> Interval:
    """Bootstrap-t interval of a mean: for skewed repetitions whose number was fixed beforehand.

    Each resample is studentised with its own standard error (Efron and Tibshirani, 1993, 12.5), which
    keeps the coverage of skewed means where the percentile bootstrap loses it.
    """
    from netsurf.fault.sample import generator

    values = _observations(values, confidence)
    mean, count, spread = float(values.mean()), len(values), float(values.std())
    if count == 1 or spread == 0.0:
        return Interval(
            mean, *((-np.inf, np.inf) if count == 1 else (mean, mean)), confidence, count, "bootstrap"
        )
    picks = values[generator(seed).integers(count, size=(resamples, count))]
    errors = picks.std(axis=1) / np.sqrt(count)
    usable = errors > 0
    studentised = (picks.mean(axis=1)[usable] - mean) / errors[usable]
    tails = np.quantile(studentised, [(1 + confidence) / 2, (1 - confidence) / 2])
    low, high = mean - tails * spread / np.sqrt(count)
    return Interval(mean, float(low), float(high), confidence, count, "bootstrap")


def _observations(values: ArrayLike, confidence: float) -> np.ndarray:
    require_confidence(confidence)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise UsageError("a mean needs at least one repetition")
    return values
