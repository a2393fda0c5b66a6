"""How many independent things go wrong: exact probabilities of none, one and more, and draws of "more".

Pool ``c`` holds ``n_c`` things that go wrong with probability ``p_c`` each, all independently, so their
number is a sum of binomials (a Poisson-binomial variable with ``c`` distinct rates). Probabilities are
computed from ``log1p`` and ``expm1`` and, where more than one is rare, as a sum of positive terms, so
that none of them suffers from cancellation: ``P(N >= 2)`` is right to the last digits at 1e-18.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, log1p

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

RARE = 0.05
"""Below this probability of enough they are drawn from a table of their number, above by rejection."""

LARGEST = 40
"""Numbers in that table. Its mean is then below 0.36, and more than 40 have a probability under 1e-65."""

_ROUND = 256
"""Draws that are rejected or taken together."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Probabilities of the number of things that go wrong.

    Parameters
    ----------
    none
        Of none.
    each
        Of exactly one given thing of each pool and no other: ``none * p_c / (1 - p_c)``.
    one
        Of exactly one, whichever.
    more
        Of two or more.
    """

    none: float
    each: tuple[float, ...]
    one: float
    more: float


def weights(counts: Sequence[int], probabilities: Sequence[float]) -> Weights:
    """Probabilities that none, one, or more of the things in the pools go wrong.

    Parameters
    ----------
    counts
        Things in each pool.
    probabilities
        Of each pool, 0 to 1 (1 excluded).

    >>> w = weights([1000], [1e-9])
    >>> abs(w.more / (1000 * 999 / 2 * 1e-18) - 1) < 1e-5
    True
    """
    logarithm = sum(n * log1p(-p) for n, p in zip(counts, probabilities, strict=True))
    none = float(np.exp(logarithm))
    each = tuple(none * p / (1 - p) for p in probabilities)
    one = sum(n * e for n, e in zip(counts, each, strict=True))
    more = -expm1(logarithm) - one
    if more < RARE:
        more = float(_table(counts, probabilities)[2:].sum())
    return Weights(none, each, one, more)


def draw_least(
    counts: Sequence[int], probabilities: Sequence[float], least: int, random: Generator
) -> NDArray[np.int64]:
    """Number of things that go wrong in each pool, given that ``least`` or more do altogether.

    Parameters
    ----------
    least
        0, 1 or 2. For 1 and 2 something must be able to go wrong.

    Returns
    -------
    ``int64 (pools,)``.
    """
    if not least or not _by_table(counts, probabilities, least):
        return _rejected(counts, probabilities, least, random)
    return _looked_up(counts, probabilities, least, random)


def _by_table(counts: Sequence[int], probabilities: Sequence[float], least: int) -> bool:
    found = weights(counts, probabilities)
    return (found.more if least == 2 else found.one + found.more) < RARE


def left_out(counts: Sequence[int], probabilities: Sequence[float], least: int) -> float:
    """Bound on the probability that draws of ``least`` or more leave out (:func:`beyond`)."""
    return beyond(counts, probabilities) if least and _by_table(counts, probabilities, least) else 0.0


def _rejected(
    counts: Sequence[int], probabilities: Sequence[float], least: int, random: Generator
) -> NDArray[np.int64]:
    """Draws of all pools until one has enough."""
    while True:
        drawn = random.binomial(counts, probabilities, size=(_ROUND if least else 1, len(counts)))
        enough = np.flatnonzero(drawn.sum(axis=1) >= least)
        if len(enough):
            return drawn[enough[0]]


def _looked_up(
    counts: Sequence[int], probabilities: Sequence[float], least: int, random: Generator
) -> NDArray[np.int64]:
    """The total from its table, then pool by pool how much of it is theirs."""
    drawn = np.zeros(len(counts), dtype=np.int64)
    total = least + _pick(_table(counts, probabilities)[least:], random)
    for pool in range(len(counts)):
        own = _pmf(counts[pool], probabilities[pool])[: total + 1]
        others = _table(counts[pool + 1 :], probabilities[pool + 1 :])[: total + 1]
        drawn[pool] = _pick(own * others[::-1], random)
        total -= drawn[pool]
    return drawn


def _pick(terms: NDArray[np.float64], random: Generator) -> int:
    """An index with a probability in proportion to its term."""
    return int(random.choice(len(terms), p=terms / terms.sum()))


def _table(counts: Sequence[int], probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Probability that 0, 1, ... LARGEST things go wrong: binomials convolved."""
    table = np.zeros(LARGEST + 1)
    table[0] = 1.0
    for n, p in zip(counts, probabilities, strict=True):
        table = np.convolve(table, _pmf(n, p))[: LARGEST + 1]
    return table


def _pmf(n: int, p: float) -> NDArray[np.float64]:
    """Binomial probabilities of 0 .. LARGEST, from logarithms."""
    from scipy.special import gammaln, xlog1py, xlogy

    k = np.arange(LARGEST + 1)
    possible = np.minimum(k, n)
    logarithm = gammaln(n + 1) - gammaln(possible + 1) - gammaln(n - possible + 1)
    logarithm += xlogy(possible, p) + xlog1py(n - possible, -p)
    return np.where(k <= n, np.exp(logarithm), 0.0)


def beyond(counts: Sequence[int], probabilities: Sequence[float]) -> float:
    """Bound on the probability of more than :data:`LARGEST`, which the table leaves out.

    ``(e m / k)**k`` with mean ``m`` and ``k = LARGEST + 1``: Chernoff's bound without its factor ``exp(-m)``.

    >>> beyond([1000], [1e-5]) < 1e-65
    True
    """
    mean = sum(n * p for n, p in zip(counts, probabilities, strict=True))
    return min(1.0, float(np.e * mean / (LARGEST + 1)) ** (LARGEST + 1))
