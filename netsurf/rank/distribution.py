"""Distributions of scores: statistics of one, and how far two are apart.

What is described is a set of values, not their order. Distances are worked out on the distributions
themselves; the first NetSurf compared vectors of summary statistics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import UsageError

Floats = NDArray[np.float64]

BINS = 64
"""Bins of the Jensen-Shannon divergence."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Statistics of ``n`` values ``x``.

    Parameters
    ----------
    count
        ``n``.
    mean, variance, minimum, maximum
        Of ``x``; the variance is that of the population.
    skew, kurtosis
        Third and fourth standardised moments; a normal distribution has a kurtosis of 0. None if all values
        are equal.
    l1, l2
        ``sum |x|`` and ``sqrt(sum x**2)``.
    entropy
        Shannon entropy of the shares ``|x_i| / sum |x|`` in bits: ``2**entropy`` elements of equal size would
        be as spread. ``log2 n`` if all are zero.
    gini
        Gini coefficient of ``|x|``: 0 if all are of equal size, near 1 if one element holds everything.
    """

    count: int
    mean: float
    variance: float
    minimum: float
    maximum: float
    skew: float | None
    kurtosis: float | None
    l1: float
    l2: float
    entropy: float
    gini: float


def signature(values: ArrayLike) -> Signature:
    """Statistics of a set of values.

    Raises
    ------
    UsageError
        If there are none, or one is not finite.

    >>> found = signature([1.0, 1.0, 1.0, 5.0])
    >>> found.mean, found.variance, found.l1, round(found.gini, 3), round(found.entropy, 3)
    (2.0, 3.0, 8.0, 0.375, 1.549)
    """
    x = _checked(values)
    deviation = x - x.mean()
    variance = float(np.mean(deviation**2))
    varies = np.ptp(x) > 0 and variance > 0
    standard = deviation / np.sqrt(variance) if varies else deviation
    return Signature(
        count=len(x),
        mean=float(x.mean()),
        variance=variance if varies else 0.0,
        minimum=float(x.min()),
        maximum=float(x.max()),
        skew=float(np.mean(standard**3)) if varies else None,
        kurtosis=float(np.mean(standard**4)) - 3 if varies else None,
        l1=float(np.abs(x).sum()),
        l2=float(np.sqrt(np.sum(x**2))),
        entropy=_entropy(x),
        gini=_gini(x),
    )


def _checked(values: ArrayLike) -> Floats:
    x = np.asarray(values, np.float64).reshape(-1)
    if not len(x):
        raise UsageError("a distribution needs at least one value")
    if not np.isfinite(x).all():
        raise UsageError("a distribution needs finite values; the model or its loss diverged")
    return x


def shares(values: ArrayLike) -> Floats:
    """Part of the summed size that each element holds, ascending; equal parts if all are zero.

    >>> shares([3.0, 0.0, -1.0]).tolist()
    [0.0, 0.25, 0.75]
    """
    sizes = np.sort(np.abs(_checked(values)))
    if not sizes[-1]:
        return np.full(len(sizes), 1 / len(sizes))
    sizes = sizes / sizes[-1]  # sums of very large or small numbers stay in range
    return sizes / sizes.sum()


def _entropy(x: Floats) -> float:
    parts = shares(x)
    parts = parts[parts > 0]
    return float(-(parts * np.log2(parts)).sum()) + 0.0


def _gini(x: Floats) -> float:
    """``sum_i (2 i - n - 1) s_i / n`` over ascending shares ``s_1 .. s_n``."""
    parts = shares(x)
    count = len(parts)
    return max(0.0, float(((2 * np.arange(1, count + 1) - count - 1) * parts).sum() / count))


def lorenz(values: ArrayLike, points: int = 101) -> Floats:
    """Lorenz curve: share of the summed size that the smallest part ``p`` of the elements holds.

    Returns
    -------
    ``(points,)`` shares at ``p = 0 .. 1`` in equal steps; straight between elements.

    >>> lorenz([0.0, 0.0, 1.0, 3.0], points=5).tolist()
    [0.0, 0.0, 0.0, 0.25, 1.0]
    """
    held = np.concatenate(([0.0], np.cumsum(shares(values))))
    return np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(held)), held / held[-1])


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far two distributions are apart.

    Parameters
    ----------
    jensen_shannon
        Divergence in bits, 0 (the same) to 1 (no value in common): :func:`jensen_shannon`.
    wasserstein
        Mean distance that values must move to make one the other, in their own unit: :func:`wasserstein`.
    shape
        The same after each was divided by its mean size, so that scale does not count.
    """

    jensen_shannon: float
    wasserstein: float
    shape: float


def divergence(left: ArrayLike, right: ArrayLike) -> Divergence:
    """How far two distributions are apart; the order of the two does not matter."""
    a, b = _checked(left), _checked(right)
    return Divergence(jensen_shannon(a, b), wasserstein(a, b), wasserstein(_scaled(a), _scaled(b)))


def _scaled(x: Floats) -> Floats:
    size = np.abs(x).mean()
    return x / size if size else x


def jensen_shannon(left: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Jensen-Shannon divergence of two samples, in bits.

    ``JS = (KL(P|M) + KL(Q|M)) / 2`` with ``M = (P + Q) / 2``: J. Lin, *Divergence measures based on the
    Shannon entropy*, IEEE Trans. Inf. Theory 37 (1991). ``P`` and ``Q`` are the parts of the samples in
    ``bins`` bins between quantiles of ``M``, so it depends on no unit: any increasing function of the values
    gives the same. Binning can only lower the divergence.

    >>> jensen_shannon([0.0, 1.0], [0.0, 1.0]), jensen_shannon([0.0, 1.0], [2.0, 3.0])
    (0.0, 1.0)
    """
    a, b = np.sort(_checked(left)), np.sort(_checked(right))
    cuts = _quantiles(a, b, bins)
    p, q = _parts(a, cuts), _parts(b, cuts)
    middle = (p + q) / 2
    return float(np.clip((_kl(p, middle) + _kl(q, middle)) / 2, 0.0, 1.0))


def _quantiles(a: Floats, b: Floats, bins: int) -> Floats:
    """Values at which the mixture of both samples, one half each, passes ``1/bins, 2/bins, ...``."""
    pooled = np.concatenate((a, b))
    weight = np.repeat((0.5 / len(a), 0.5 / len(b)), (len(a), len(b)))
    order = np.argsort(pooled, kind="stable")
    mass = np.cumsum(weight[order])
    wanted = np.searchsorted(mass, np.arange(1, bins) / bins - 1e-12)
    return np.unique(pooled[order][wanted])


def _parts(ascending: Floats, cuts: Floats) -> Floats:
    """Parts of a sample at or below the first cut, above it up to the second, ... , above the last."""
    below = np.searchsorted(ascending, cuts, side="right")
    return np.diff(np.concatenate(([0], below, [len(ascending)]))) / len(ascending)


def _kl(p: Floats, q: Floats) -> float:
    some = p > 0
    return float((p[some] * np.log2(p[some] / q[some])).sum())


def wasserstein(left: ArrayLike, right: ArrayLike) -> float:
    """Wasserstein-1 distance ``integral |F(x) - G(x)| dx`` of two samples, exact.

    >>> wasserstein([0.0, 1.0], [0.5, 1.5, 1.5, 0.5])
    0.5
    """
    a, b = np.sort(_checked(left)), np.sort(_checked(right))
    points = np.sort(np.concatenate((a, b)))
    below = points[:-1]
    f = np.searchsorted(a, below, side="right") / len(a)
    g = np.searchsorted(b, below, side="right") / len(b)
    return float((np.abs(f - g) * np.diff(points)).sum())
