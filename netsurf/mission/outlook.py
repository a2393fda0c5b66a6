"""Outlook: accuracy over time, mean time to failure and failures in time of a design point on a mission.

Between two reloads errors accumulate; a reload makes the store good. An interval *fails* if at its end the
loaded network is worse than the tolerance allows (or, for silent corruption, decides anything otherwise).
Intervals are independent and alike, so the number of them up to the first failing one is geometric:

    MTTF = T / F,    FIT = 1e9 h / MTTF,    P(no failure in time D) = (1 - F)**(D / T)

with ``F`` the probability that an interval of length ``T`` fails. The failure is dated to the end of its
interval, so that the MTTF of a system that always fails is one interval, and not the moment within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log1p

import numpy as np

from netsurf.campaign.statistics import CONFIDENCE, Interval
from netsurf.harden import DesignPoint
from netsurf.mission.bench import Bench
from netsurf.mission.environments import HOUR
from netsurf.mission.expect import Expected, expect, mirrored
from netsurf.mission.pools import pools_of
from netsurf.mission.rates import Exposure, parity

MOMENTS = 5
"""Nodes of the Gauss-Legendre rule that averages over an interval."""

FIT_HOURS = 1e9


@dataclass(frozen=True, slots=True)
class Moment:
    """Expectations ``seconds`` after a reload, where an unprotected bit is wrong with probability ``ber``."""

    seconds: float
    ber: float
    expected: Expected


@dataclass(frozen=True, slots=True)
class Failure:
    """How often something happens.

    Parameters
    ----------
    interval
        Probability that it has happened by the end of an interval between reloads.
    mttf
        Mean time to the first such interval's end, in seconds.
    fit
        Such intervals in 1e9 hours.
    survival
        Probability that the mission sees none.
    """

    interval: Interval
    mttf: Interval
    fit: Interval
    survival: Interval


@dataclass(frozen=True, slots=True)
class Outlook:
    """A design point on a mission.

    Parameters
    ----------
    fault_free
        Quality without upsets.
    moments
        Over one interval between reloads, the last at its end.
    mean
        Quality averaged over an interval, and so over the mission.
    dropped
        The quality fell by more than the tolerance.
    corrupted
        Some decision on the samples changed.
    """

    exposure: Exposure
    duration: float
    tolerance: float
    fault_free: float
    moments: tuple[Moment, ...]
    mean: Interval
    dropped: Failure
    corrupted: Failure

    @property
    def end(self) -> Moment:
        """The moment before the reload."""
        return self.moments[-1]


def outlook(
    bench: Bench,
    design: DesignPoint,
    exposure: Exposure,
    duration: float,
    *,
    tolerance: float = 0.01,
    trials: int = 1000,
    seed: int = 1,
    confidence: float = CONFIDENCE,
) -> Outlook:
    """What to expect of a design point of plain and triplicated bits.

    Parameters
    ----------
    exposure
        Upset rate and times between reloads and scrubs; one longer than the mission is cut to it.
    duration
        Seconds.
    trials
        At the end of an interval; each moment within it gets a fifth.

    Raises
    ------
    UsageError
        See :func:`netsurf.mission.expect.expect`.
    """
    length = min(exposure.reload, duration)
    options = {"tolerance": tolerance, "seed": seed, "confidence": confidence}
    nodes, shares = np.polynomial.legendre.leggauss(MOMENTS)

    def at(seconds: float, trials: int) -> Moment:
        found = expect(bench, design, pools_of(design, exposure, seconds), trials=trials, **options)
        return Moment(seconds, parity(exposure.rate, seconds), found)

    moments = [at(length * (1 + float(node)) / 2, max(2, trials // MOMENTS)) for node in nodes]
    end = at(length, trials)
    return Outlook(
        exposure,
        duration,
        tolerance,
        bench.fault_free,
        (*moments, end),
        mirrored(_average([m.expected.loss for m in moments], shares / 2), bench.fault_free),
        _failure(end.expected.dropped, length, duration),
        _failure(end.expected.corrupted, length, duration),
    )


def _average(intervals: list[Interval], shares: np.ndarray) -> Interval:
    """Weighted mean of estimates; its spread is at most the weighted mean of theirs, so its ends are too."""
    rows = np.array([(i.estimate, i.low, i.high) for i in intervals])
    estimate, low, high = shares @ rows
    count = sum(i.count for i in intervals)
    return Interval(estimate, low, high, intervals[0].confidence, count, intervals[-1].rule)


def _failure(chance: Interval, length: float, duration: float) -> Failure:
    chance = chance.within(0.0, 1.0)
    hours = length / HOUR
    return Failure(
        chance,
        _through(chance, lambda f: length / f if f > 0 else inf),
        _through(chance, lambda f: FIT_HOURS * f / hours),
        _through(chance, lambda f: exp(duration / length * log1p(-f)) if f < 1 else 0.0),
    )


def _through(chance: Interval, monotone) -> Interval:
    """The interval of a monotone function of a probability."""
    low, estimate, high = (monotone(f) for f in (chance.low, chance.estimate, chance.high))
    return Interval(estimate, min(low, high), max(low, high), chance.confidence, chance.count, chance.rule)
