"""Expected quality and probability of failure, exact for no error and one, sampled for two and more.

With independent errors the expectation of any function of the set of errors splits by their number:

    E[f] = P(0) f(none) + sum over things of P(that one alone) f(that one) + P(2+) E[f | 2 or more].

The first two terms are enumerated (:class:`netsurf.mission.bench.Bench`), the probabilities are exact
(:mod:`netsurf.mission.tail`), and only the last factor is a mean over trials, drawn from the distribution
of two and more errors and from nothing else. So at a bit error rate of 1e-9 no trial is wasted on an
undamaged network, and what sampling does not know is multiplied by ``P(2+)``, about ``(S b)**2 / 2``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.statistics import CONFIDENCE, Interval
from netsurf.campaign.strata import sampled_mean, split_mean
from netsurf.errors import UsageError
from netsurf.fault import FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint
from netsurf.mission.bench import Bench, Scores, fault_list
from netsurf.mission.pools import Pool
from netsurf.mission.tail import Weights, beyond, draw_more, weights

_MORE = 0x4D4F5245
"""Counter that keeps these streams apart from others of the same seed."""

Reals = NDArray[np.float64]


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
    more = _sample(bench, design, pools, chance.more, trials, seed)
    left_out = _left_out(pools, chance)

    def combine(value: Callable[[Scores], Reals], share: bool = False) -> Interval:
        """Expectation of a function that is 0 without errors; ``share`` if it is 0 or 1 in every trial."""
        ones = sum(w * float(value(s).sum()) for w, s in zip(chance.each, alone, strict=True))
        tail = sampled_mean(value(more), chance.more, confidence, share)
        return split_mean(ones, chance.more, tail, left_out)

    # A loss lies between golden - 1 and golden; its tail is sampled as a quality, which lies in [0, 1].
    golden = bench.fault_free
    lost = sum(w * float((golden - s.quality).sum()) for w, s in zip(chance.each, alone, strict=True))
    kept = sampled_mean(more.quality, chance.more, confidence)
    loss = split_mean(lost, chance.more, mirrored(kept, golden), left_out)
    limit = golden - tolerance - 1e-12  # a fall of exactly the tolerance is none
    return Expected(
        mirrored(loss, golden),
        loss,
        combine(lambda s: s.changed),
        combine(lambda s: (s.quality < limit).astype(np.float64), share=True),
        combine(lambda s: (s.changed > 0).astype(np.float64), share=True),
        chance,
        len(more.quality),
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


def _sample(
    bench: Bench, design: DesignPoint, pools: Sequence[Pool], more: float, trials: int, seed: int
) -> Scores:
    """Scores of trials with two errors and more; none if there never are."""
    if more == 0.0:
        return Scores(np.empty(0), np.empty(0))
    draws = [_draw(pools, more, seed, trial) for trial in range(trials)]
    return bench.measure(design, fault_list(draws))


def _draw(pools: Sequence[Pool], more: float, seed: int, trial: int) -> NDArray[np.int64]:
    """Sites of one trial: how many errors in each pool, then which ones."""
    random = generator(seed, trial, _MORE)
    counts = draw_more([len(p) for p in pools], [p.probability for p in pools], more, random)
    hit = [
        pool.sites[random.choice(len(pool), count, replace=False, shuffle=False)].reshape(-1)
        for pool, count in zip(pools, counts, strict=True)
    ]
    return np.sort(np.concatenate(hit))


def _left_out(pools: Sequence[Pool], chance: Weights) -> float:
    """Bound on what the table of :mod:`netsurf.mission.tail` leaves out, where it was used."""
    from netsurf.mission.tail import RARE

    if chance.more >= RARE:
        return 0.0
    return beyond([len(p) for p in pools], [p.probability for p in pools])
