"""Confidence sequences: intervals of a mean that hold at every look at once, so stopping early is honest.

A z or t interval that is looked at after every repetition covers less than it says (91 % at nominal 95 %
on faulty models). These two do not, whatever rule stops the run.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.campaign.statistics import CONFIDENCE, Interval, require_confidence
from netsurf.errors import UsageError

MINIMUM = 20
"""Repetitions before an asymptotic sequence may be believed."""

TIGHTEST = 100
"""Repetitions at which the asymptotic sequence is made tightest; any fixed number is valid."""

SequenceRule = Literal["asymptotic-cs", "empirical-bernstein-cs"]

Values = NDArray[np.float64]


def asymptotic(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Values, Values]:
    """Lower and upper bounds after each repetition, valid together for large numbers of repetitions.

    Robbins' normal mixture with an estimated spread (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
    "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52,
    2024, theorem 2.2): ``mean_t +- s_t sqrt(2 (t r**2 + 1) / (t**2 r**2) log(sqrt(t r**2 + 1) / a))``,
    with the ``r`` that makes it tightest at :data:`TIGHTEST`. Unbounded before :data:`MINIMUM` repetitions.
    """
    values, alpha = _values(values, confidence)
    t = np.arange(1, len(values) + 1)
    mean, spread = _running(values)
    rho2 = (-2 * np.log(alpha) + np.log(1 - 2 * np.log(alpha))) / TIGHTEST
    scaled = t * rho2 + 1
    half = spread * np.sqrt(2 * scaled / (t**2 * rho2) * np.log(np.sqrt(scaled) / alpha))
    half[: MINIMUM - 1] = np.inf
    return mean - half, mean + half


def empirical_bernstein(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Values, Values]:
    """Lower and upper bounds after each repetition for values in [0, 1], valid together at any number.

    The predictable plug-in empirical Bernstein sequence (Waudby-Smith and Ramdas, "Estimating means of
    bounded random variables by betting", JRSS B 86, 2024, theorem 2), clipped to [0, 1].

    Raises
    ------
    UsageError
        If a value lies outside [0, 1]: the bound knows nothing about such data.
    """
    values, alpha = _values(values, confidence)
    if len(values) and not 0 <= values.min() <= values.max() <= 1:
        raise UsageError("the strict rule holds for values in [0, 1] only, such as accuracy or an SDC rate")
    t = np.arange(1, len(values) + 1)
    means = (0.5 + np.cumsum(values)) / (t + 1)
    before = np.concatenate([[0.5], means[:-1]])
    variances = (0.25 + np.cumsum((values - means) ** 2)) / (t + 1)
    previous = np.concatenate([[0.25], variances[:-1]])
    bets = np.minimum(np.sqrt(2 * np.log(2 / alpha) / (previous * t * np.log1p(t))), 0.5)
    weight = np.cumsum(bets)
    centre = np.cumsum(bets * values) / weight
    penalty = np.cumsum((values - before) ** 2 * (-np.log1p(-bets) - bets))
    half = (np.log(2 / alpha) + penalty) / weight
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def sequence(values: ArrayLike, confidence: float = CONFIDENCE, strict: bool = False) -> Interval:
    """Return the interval after all of ``values``, by the default rule or the ``strict`` one.

    >>> sequence([0.9, 0.8] * 50).rule
    'asymptotic-cs'
    """
    rule: SequenceRule = "empirical-bernstein-cs" if strict else "asymptotic-cs"
    low, high = (empirical_bernstein if strict else asymptotic)(values, confidence)
    mean = float(np.mean(values))
    return Interval(mean, min(float(low[-1]), mean), max(float(high[-1]), mean), confidence, len(low), rule)


def _running(values: Values) -> tuple[Values, Values]:
    """Mean and standard deviation (divided by t) of the first 1, 2, ... values, without cancellation."""
    t = np.arange(1, len(values) + 1)
    centred = values - values[0]
    mean = np.cumsum(centred) / t
    variance = np.maximum(np.cumsum(centred**2) / t - mean**2, 0)
    return values[0] + mean, np.sqrt(variance)


def _values(values: ArrayLike, confidence: float) -> tuple[Values, float]:
    require_confidence(confidence)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise UsageError("a confidence sequence needs at least one repetition")
    return values, 1 - confidence
