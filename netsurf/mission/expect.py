"""Expected quality and probability of failure, exact for no error and one, sampled for two and more.

With independent errors the expectation of any function of the set of errors splits by their number:

    E[f] = P(0) f(none) + sum over things of P(that one alone) f(that one) + P(2+) E[f | 2 or more].

The first two terms are enumerated (:class:`netsurf.mission.bench.Bench`), the probabilities are exact
(:mod:`netsurf.mission.tail`), and only the last factor is a mean over trials, drawn from the distribution
of two and more errors and from nothing else. So at a bit error rate of 1e-9 no trial is wasted on an
undamaged network, and what sampling does not know is multiplied by ``P(2+)``, about ``(S b)**2 / 2``.

The last term is sampled in two strata: sets of errors with a *critical* one, which alone makes the network
fail, and sets without. A few bits in ten thousand are critical; without the split most samples of failures
would miss the very bits that cause them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.statistics import CONFIDENCE, Interval
from netsurf.campaign.strata import sampled_mean, split_mean, sum_of
from netsurf.errors import UsageError
from netsurf.fault import FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint
from netsurf.mission.bench import Bench, Scores, fault_list
from netsurf.mission.pools import Pool
from netsurf.mission.tail import Weights, draw_least, left_out, weights

FINE = 0.01
"""Part of the enumerated term by which the sampled one may be uncertain before a sharper rule is needed."""

_MORE = 0x4D4F5245
"""Counter that keeps these streams apart from others of the same seed."""

Reals = NDArray[np.float64]
Sites = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected of a design point at one moment.

    Parameters
    ----------
    quality
        Expected quality (:class:`netsurf.mission.bench.Scores`).
    loss
        Expected fall of the quality from the fault-free one, right in its leading digits however small.
    changed
        Expected share of decisions that differ from the fault-free ones.
    dropped
        Probability that the quality has fallen by more than the tolerance.
    corrupted
        Probability that at least one decision on the samples differs.
    weights
        Probabilities of no error, one, and more.
    trials
        Trials behind the last.
    """

    quality: Interval
    loss: Interval
    changed: Interval
    dropped: Interval
    corrupted: Interval
    weights: Weights
    trials: int


def expect(
    bench: Bench,
    design: DesignPoint,
    pools: Sequence[Pool],
    *,
    tolerance: float = 0.01,
    trials: int = 200,
    seed: int = 1,
    confidence: float = CONFIDENCE,
) -> Expected:
    """Expectations over the errors of ``pools``.

    Parameters
    ----------
    pools
        From :func:`netsurf.mission.pools.pools_of` or :func:`netsurf.mission.pools.upset_pool`.
    tolerance
        Largest fall of the quality that is no failure.
    trials
        Draws of two errors and more; trial ``i`` depends on (seed, ``i``) alone.

    Raises
    ------
    UsageError
        If there are fewer than two trials, or the tolerance is no share.
    """
    if trials < 2:
        raise UsageError(f"{trials} trials say nothing about spread; choose 2 or more")
    if not 0 <= tolerance <= 1:
        raise UsageError(f"tolerance {tolerance} is no share; choose 0 to 1, such as 1%")
    chance = weights([len(p) for p in pools], [p.probability for p in pools])
    alone = [_alone(bench, design, pool) for pool in pools]
    limit = bench.fault_free - tolerance - 1e-12  # a fall of exactly the tolerance is none
    strata = _strata(pools, [scores.quality < limit for scores in alone])
    samples = _samples(bench, design, strata, trials, seed)
    each = 1 - (1 - confidence) / max(len(strata), 1)  # the ends of all strata hold together

    def combine(value: Callable[[Scores], Reals], share: bool = False, golden: float = 0.0) -> Interval:
        """Expectation of ``value``, or of ``golden - value``, which is 0 without errors."""
        flip = (lambda x: golden - x) if golden else (lambda x: x)
        ones = sum(w * float(flip(value(s)).sum()) for w, s in zip(chance.each, alone, strict=True))
        fine = FINE * abs(ones)
        means = [
            sampled_mean(value(s), t.weight, each, share, fine) for t, s in zip(strata, samples, strict=True)
        ]
        parts = [mirrored(mean, golden) if golden else mean for mean in means]
        tail = sum_of([t.weight for t in strata], parts, confidence)
        return split_mean(ones, 1.0, tail, sum(t.left_out for t in strata))

    # A loss lies between golden - 1 and golden; it is sampled as a quality, which lies in [0, 1].
    loss = combine(lambda s: s.quality, golden=bench.fault_free)
    return Expected(
        mirrored(loss, bench.fault_free),
        loss,
        combine(lambda s: s.changed),
        combine(lambda s: (s.quality < limit).astype(np.float64), share=True),
        combine(lambda s: (s.changed > 0).astype(np.float64), share=True),
        chance,
        sum(len(s.quality) for s in samples),
    )


def mirrored(interval: Interval, whole: float) -> Interval:
    """The interval of ``whole`` minus the quantity."""
    low, estimate, high = whole - interval.high, whole - interval.estimate, whole - interval.low
    return replace(interval, estimate=estimate, low=low, high=high)


def _alone(bench: Bench, design: DesignPoint, pool: Pool) -> Scores:
    """Scores of each thing of a pool going wrong and no other.

    An error of a voted bit is that bit inverted, whoever upset it, and is looked up in the table of single
    upsets of the bare network; a stored bit of a code word is upset in the design point itself.
    """
    if not pool.voted:
        return bench.measure(design, FaultList.single(pool.sites[:, 0]))
    bits = pool.sites[:, 0] % design.space.stored_bits
    return Scores(bench.singles.quality[bits], bench.singles.changed[bits])


NONE, ONE, ANY, SOME, MORE = (0, 0), (1, 1), (0, inf), (1, inf), (2, inf)
"""How many errors: at least, at most."""

Rule = tuple[int, float]


@dataclass(frozen=True, slots=True)
class _Stratum:
    """Sets of two errors and more, with a critical one or without.

    ``critical`` and ``rest`` are the pools, cut in two; ``kinds`` are the ways that belong here: how many
    critical errors, how many others, and with what probability.
    """

    critical: tuple[Pool, ...]
    rest: tuple[Pool, ...]
    kinds: tuple[tuple[Rule, Rule, float], ...]

    @property
    def weight(self) -> float:
        """Probability of the stratum."""
        return sum(chance for _, _, chance in self.kinds)

    @property
    def left_out(self) -> float:
        """Bound on the probability of what the draws leave out."""
        rules = [(self.critical, kind[0]) for kind in self.kinds]
        rules += [(self.rest, kind[1]) for kind in self.kinds]
        return sum(left_out(*_numbers(pools), low) for pools, (low, high) in rules if high == inf)


def _strata(pools: Sequence[Pool], critical: list[NDArray[np.bool_]]) -> list[_Stratum]:
    """The strata that can happen.

    With ``C`` critical errors and ``R`` others, two or more altogether are ``C >= 2``, or ``C = 1`` and
    ``R >= 1``, or ``C = 0`` and ``R >= 2``.
    """
    inside = tuple(replace(p, sites=p.sites[c]) for p, c in zip(pools, critical, strict=True) if c.any())
    outside = tuple(
        replace(p, sites=p.sites[~c]) for p, c in zip(pools, critical, strict=True) if not c.all()
    )
    hit, other = weights(*_numbers(inside)), weights(*_numbers(outside))
    ways = (
        ((MORE, ANY, hit.more), (ONE, SOME, hit.one * (other.one + other.more))),
        ((NONE, MORE, hit.none * other.more),),
    )
    possible = [tuple(way for way in kinds if way[2] > 0) for kinds in ways]
    return [_Stratum(inside, outside, kinds) for kinds in possible if kinds]


def _numbers(pools: Sequence[Pool]) -> tuple[list[int], list[float]]:
    return [len(p) for p in pools], [p.probability for p in pools]


def _samples(
    bench: Bench, design: DesignPoint, strata: list[_Stratum], trials: int, seed: int
) -> list[Scores]:
    """Scores of trials in each stratum; of two, the likelier one gets up to three quarters of them."""
    whole = sum(stratum.weight for stratum in strata)
    found = []
    for number, stratum in enumerate(strata):
        part = float(np.clip(stratum.weight / whole, 0.25, 0.75)) if len(strata) == 2 else 1.0
        draws = [_draw(stratum, seed, number, trial) for trial in range(max(2, round(part * trials)))]
        found.append(bench.measure(design, fault_list(draws)))
    return found


def _draw(stratum: _Stratum, seed: int, number: int, trial: int) -> Sites:
    """Sites of one trial: which kind, how many errors in each pool, then which ones."""
    random = generator(seed, trial, number, _MORE)
    chances = np.array([chance for _, _, chance in stratum.kinds])
    critical, rest, _ = stratum.kinds[random.choice(len(chances), p=chances / chances.sum())]
    hit = [*_hit(stratum.critical, critical, random), *_hit(stratum.rest, rest, random)]
    return np.sort(np.concatenate(hit))


def _hit(pools: Sequence[Pool], rule: Rule, random: np.random.Generator) -> list[Sites]:
    """Sites of as many errors as the rule says, from each pool that has some."""
    if rule == NONE:
        return []
    counts = _one(pools, random) if rule == ONE else draw_least(*_numbers(pools), rule[0], random)
    return [
        pool.sites[random.choice(len(pool), count, replace=False, shuffle=False)].reshape(-1)
        for pool, count in zip(pools, counts, strict=True)
        if count
    ]


def _one(pools: Sequence[Pool], random: np.random.Generator) -> Sites:
    """Number of errors in each pool when there is exactly one."""
    odds = np.array([len(p) * p.probability / (1 - p.probability) for p in pools])
    counts = np.zeros(len(pools), dtype=np.int64)
    counts[random.choice(len(pools), p=odds / odds.sum())] = 1
    return counts
