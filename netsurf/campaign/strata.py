"""Stratified estimates: what samples of parts of a population say about the whole.

By (tensor, bit): effects of upsets are concentrated (on mnist_fnn one fault in a hundred costs more than 0.1
point), so one pooled sample says almost nothing about the bits that matter; strata of equal bits do. By the
number of errors: none and one are enumerated, and only the rest is sampled (:func:`split_mean`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.campaign.sizes import quantile
from netsurf.campaign.statistics import CONFIDENCE, Interval, proportion, student
from netsurf.errors import UsageError


@dataclass(frozen=True, slots=True)
class Stratum:
    """What a sample without replacement found in one stratum.

    Parameters
    ----------
    population
        Faults that the stratum holds.
    total, squares
        Sum, and sum of squares, of the observed values.
    count
        Faults drawn.
    """

    population: int
    count: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """Mean of the drawn faults."""
        return self.total / self.count

    @property
    def variance_of_mean(self) -> float:
        """``s**2 / n * (1 - n / N)``: with finite-population correction; 0 for a census.

        A stratum of one drawn fault (and more in it) has no spread of its own: its mean is taken as a
        proportion's and gets ``1/4``, the largest.
        """
        if self.count == self.population:
            return 0.0
        if self.count == 1:
            return 0.25
        spread = max(self.squares - self.count * self.mean**2, 0.0) / (self.count - 1)
        return spread / self.count * (1 - self.count / self.population)


def allocate(populations: ArrayLike, total: int, least: int = 1) -> NDArray[np.int64]:
    """Faults for each stratum: in proportion to its population, ``least`` at least, never more than it holds.

    Rounded by largest remainders, ties to the earlier stratum, so that the sum is ``total`` (or what the
    minimum and the populations force).

    >>> allocate([300, 100, 10, 0], 40).tolist()
    [28, 10, 2, 0]
    """
    populations = np.asarray(populations, dtype=np.int64)
    floor = np.minimum(populations, least)
    total = int(np.clip(total, floor.sum(), populations.sum()))
    spare = total - int(floor.sum())
    room = populations - floor
    share = room * (spare / max(int(room.sum()), 1))
    counts = np.floor(share).astype(np.int64)
    short = spare - int(counts.sum())
    # Largest remainders first; only strata with room left, and there is enough of it.
    order = np.lexsort((np.arange(len(share)), -(share - counts)))
    order = order[counts[order] < room[order]][:short]
    counts[order] += 1
    return floor + counts


def combine(strata: Sequence[Stratum], confidence: float = CONFIDENCE) -> Interval:
    """Mean over the whole population from samples of its strata.

    ``sum(N_h / N * mean_h)`` with variance ``sum((N_h / N)**2 * var_h)`` and a normal cut-off (Cochran,
    Sampling Techniques, 1977, chapter 5).

    Raises
    ------
    UsageError
        If a stratum of the population was not sampled at all.
    """
    held = [s for s in strata if s.population]
    if not held or any(s.count == 0 for s in held):
        raise UsageError("a stratified estimate needs at least one fault from every stratum")
    whole = sum(s.population for s in held)
    mean = sum(s.population / whole * s.mean for s in held)
    variance = sum((s.population / whole) ** 2 * s.variance_of_mean for s in held)
    half = quantile(confidence) * float(np.sqrt(variance))
    drawn = sum(s.count for s in held)
    rule = "census" if drawn == whole else "stratified"
    return Interval(mean, mean - half, mean + half, confidence, drawn, rule)


def combine_rates(
    populations: ArrayLike, counts: ArrayLike, hits: ArrayLike, confidence: float = CONFIDENCE
) -> Interval:
    """Proportion over the whole population from hits in samples of its strata.

    Wilson's interval at the effective sample size, the number of independent faults that would know the
    proportion as well (Franco, Little, Louis and Slud, J. Survey Statistics and Methodology 7, 2019). So a
    sample without a single hit still has an upper bound, which the interval of :func:`combine` would deny.
    """
    rows = zip(*(np.asarray(a, dtype=np.int64).tolist() for a in (populations, counts, hits)), strict=True)
    strata = [Stratum(n, m, float(k), float(k)) for n, m, k in rows if n]
    plain = combine(strata, confidence)
    if plain.rule == "census":
        return plain
    low, high = wilson(plain.estimate, _effective_size(strata, plain), confidence)
    return Interval(plain.estimate, low, high, confidence, plain.count, "stratified")


def wilson(p: float, n: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a proportion ``p`` seen in ``n`` trials, where ``n`` need not be whole.

    ``(p + z**2 / 2n +- z sqrt(p (1 - p) / n + z**2 / 4n**2)) / (1 + z**2 / n)``
    """
    z2 = quantile(confidence) ** 2
    centre = p + z2 / (2 * n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))
    scale = 1 + z2 / n
    return max(float((centre - half) / scale), 0.0), min(float((centre + half) / scale), 1.0)


def _effective_size(strata: Sequence[Stratum], plain: Interval) -> float:
    """``p (1 - p) / variance``; the number drawn if no spread was seen."""
    p = plain.estimate
    variance = ((plain.high - p) / quantile(plain.confidence)) ** 2
    if variance == 0.0 or p in (0.0, 1.0):
        return float(plain.count)
    return p * (1 - p) / variance


def sampled_mean(
    values: ArrayLike, weight: float, confidence: float, share: bool = False, fine: float = 0.0
) -> Interval:
    """Mean of independent values in [0, 1] that enter an estimate with ``weight``.

    Shares (values 0 and 1) get Clopper and Pearson's interval, which always covers. Other means get
    Hoeffding's (JASA 58, 1963), ``sqrt(log(2 / a) / 2 n)``, which always covers too, if times the weight it
    is at most ``fine``; otherwise Student's, which is narrower and approximate. Which one is settled before
    the values are seen, but that values without any spread get Hoeffding's, for Student's would claim
    to know their mean.

    Parameters
    ----------
    fine
        Half-width of the estimate that needs no narrower rule.

    >>> [sampled_mean([0.5, 0.7] * 50, w, 0.95, fine=1e-3).rule for w in (1e-6, 1.0)]
    ['hoeffding', 't']
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return Interval(0.0, 0.0, 1.0, confidence, 0, "none")
    if share:
        return proportion(int(values.sum()), len(values), confidence, "exact")
    half = float(np.sqrt(np.log(2 / (1 - confidence)) / (2 * len(values))))
    if weight * half > fine and np.ptp(values) > 0:
        return student(values, confidence).within(0.0, 1.0)
    mean = float(values.mean())
    return Interval(mean, mean - half, mean + half, confidence, len(values), "hoeffding").within(0.0, 1.0)


def split_mean(exact: float, weight: float, sampled: Interval, left_out: float = 0.0) -> Interval:
    """Mean over a population of which one part is known and the other, of weight ``weight``, was sampled.

    Parameters
    ----------
    exact
        Contribution of the known part: probability times value, summed.
    sampled
        Mean over the sampled part.
    left_out
        Bound on the probability of what neither part holds; values differ by 1 at most, so it moves either
        end by no more.

    >>> print(split_mean(0.9, 1e-6, Interval(0.5, 0.4, 0.6, 0.95, 100, "t")))
    0.9 [0.9, 0.9]
    """
    low, mid, high = (exact + weight * end for end in (sampled.low, sampled.estimate, sampled.high))
    rule = "enumerated" if sampled.count == 0 else f"enumerated + {sampled.rule}"
    return Interval(mid, low - left_out, high + left_out, sampled.confidence, sampled.count, rule)


def sum_of(weights: Sequence[float], means: Sequence[Interval], confidence: float) -> Interval:
    """Weighted sum of means that were sampled apart: ends and estimates are added.

    All ends hold together if each mean's interval is made at ``1 - (1 - confidence) / len(means)``
    (Bonferroni), whatever rule made it.
    """
    low, estimate, high = (
        sum(w * getattr(mean, end) for w, mean in zip(weights, means, strict=True))
        for end in ("low", "estimate", "high")
    )
    rules = "+".join(dict.fromkeys(mean.rule for mean in means)) or "none"
    return Interval(estimate, low, high, confidence, sum(mean.count for mean in means), rules)
