"""Accuracy under fault as one number: area under a curve, volume under the surface, regret.

A campaign measures ``trials (T, levels, BERs)``: trial ``t`` in every cell draws the same faults (common
random numbers), so trials are the independent unit, and intervals resample whole trials.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import UsageError
from netsurf.rank.compare import Estimate

Floats = NDArray[np.float64]


def weights(points: ArrayLike) -> Floats:
    """Trapezoid weights of ascending points, in units of their range but not yet divided by it.

    >>> weights([0, 1, 3]).tolist()
    [0.5, 1.5, 1.0]
    """
    points = np.asarray(points, np.float64)
    gaps = np.diff(points)
    if points.ndim != 1 or (gaps <= 0).any():
        raise UsageError(f"points of a curve must ascend, not {points.tolist()}")
    if len(points) == 1:
        return np.ones(1)
    return np.concatenate([[gaps[0]], gaps[:-1] + gaps[1:], [gaps[-1]]]) / 2


def auc(points: ArrayLike, values: ArrayLike, axis: int = -1) -> Floats:
    """Area under a curve along ``axis`` over the range of ``points``: the mean height, by trapezoids.

    A constant curve of 1 has exactly 1.0.

    >>> float(auc([0, 1, 3], [1.0, 1.0, 0.0]))
    0.6666666666666666
    """
    values = np.moveaxis(np.asarray(values, np.float64), axis, -1)
    share = weights(points)
    if values.shape[-1] != len(share):
        raise UsageError(f"{values.shape[-1]} values for {len(share)} points of a curve")
    return (values * share).sum(axis=-1) / (np.ones_like(share) * share).sum()


def vus(levels: ArrayLike, bers: ArrayLike, surface: ArrayLike) -> Floats:
    """Volume under ``surface (..., levels, BERs)`` over the area of the grid: the mean height.

    The first NetSurf cut each cell into two tetrahedra, by which a constant surface of 1 has 1/3. Here it
    has exactly 1.0.

    >>> float(vus([0, 0.1, 0.4], [0.001, 0.01, 0.15], np.ones((3, 3))))
    1.0
    """
    return auc(levels, auc(bers, surface, axis=-1), axis=-1)


def interval(
    trials: ArrayLike,
    statistic: Callable[[Floats], Floats],
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Statistic of the mean over trials, with a bootstrap percentile interval over whole trials.

    Parameters
    ----------
    trials
        ``(T, ...)``; two trials at least.
    statistic
        Maps ``(..., ...)`` of the mean surface to a number; works along leading axes too.
    """
    trials = np.asarray(trials, np.float64)
    if len(trials) < 2:
        raise UsageError(f"an interval needs two trials, not {len(trials)}")
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(trials), np.full(len(trials), 1 / len(trials)), resamples)
    means = np.tensordot(counts / len(trials), trials, axes=1)
    ends = np.percentile(statistic(means), [50 * (1 - confidence), 50 * (1 + confidence)])
    return Estimate(float(statistic(trials.mean(axis=0))), float(ends[0]), float(ends[1]))


def regret(oracle: ArrayLike, method: ArrayLike, confidence: float = 0.95, seed: int = 0) -> Estimate:
    """Accuracy that a method leaves on the table against the oracle at the same budget.

    Parameters
    ----------
    oracle, method
        Accuracy of each trial ``(T,)``, on the same faults; pairs are resampled.

    >>> regret([0.9, 0.8, 0.9], [0.8, 0.8, 0.7]).value.__round__(3)
    0.1
    """
    one, two = np.asarray(oracle, np.float64), np.asarray(method, np.float64)
    if one.shape != two.shape:
        raise UsageError(f"regret compares the same trials, not {one.shape} with {two.shape}")
    return interval(one - two, lambda means: means, confidence, seed=seed)
