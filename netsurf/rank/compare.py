"""How rankings agree: rank correlations, and overlap of what they would protect at each level.

Intervals treat the stored bits as the sample: they say how well the number is known from this many bits,
not how it would vary with another training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import UnknownNameError, UsageError

Ranks = NDArray[np.int64]

MOST = 1 << 21
"""Bits that are correlated: of more, a random sample, which misses by 0.002 once in a hundred times."""

LEVELS = tuple(round(0.1 * step, 1) for step in range(1, 11))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    >>> print(Estimate(0.5, 0.4, 0.625))
    0.500 [0.400, 0.625]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a ranking agrees with the baseline among the first bits of both.

    Parameters
    ----------
    method, baseline
        Names of the rankings.
    level, bits
        Protection level and the number of bits that it protects.
    jaccard
        Bits in both over bits in either.
    dice
        Bits in both over ``bits``.
    spearman, kendall
        Rank correlations of the bits that are in both, :data:`MOST` at most; None if fewer than two are.
    """

    method: str
    baseline: str
    level: float
    bits: int
    jaccard: Estimate
    dice: Estimate
    spearman: Estimate | None
    kendall: Estimate | None


def compare(
    rankings: Mapping[str, ArrayLike],
    baseline: str,
    levels: Sequence[float] = LEVELS,
    confidence: float = 0.95,
    resamples: int = 100,
    seed: int = 0,
) -> list[Agreement]:
    """Compare every ranking with the baseline at every protection level.

    Parameters
    ----------
    rankings
        Name to bit numbers, most critical first; all of the same bits.
    levels
        Fractions of the ranked bits, above 0 and at most 1.
    resamples
        Bootstrap resamples of the overlaps.

    Returns
    -------
    Ranking by ranking (the baseline too: it agrees with itself), level by level.

    Raises
    ------
    UnknownNameError
        If the baseline is none of the rankings.
    UsageError
        If the rankings are not of the same bits, or a level is outside 0 to 1.
    """
    if baseline not in rankings:
        raise UnknownNameError("baseline ranking", baseline, rankings)
    outside = [level for level in levels if not 0 < level <= 1]
    if outside:
        raise UsageError(f"protection level {outside[0]} is outside 0 to 1")
    table = places(rankings)
    size = len(table[baseline])
    rng = np.random.default_rng(seed)
    found = []
    for method, mine in table.items():
        for level in levels:
            bits = max(1, round(level * size))
            jaccard, dice = _overlap(mine, table[baseline], bits, confidence, resamples, rng)
            both = (mine < bits) & (table[baseline] < bits)
            correlations = _correlations(*_sampled(mine, table[baseline], both, seed), confidence)
            found.append(Agreement(method, baseline, level, bits, jaccard, dice, *correlations))
    return found


def places(rankings: Mapping[str, ArrayLike]) -> dict[str, Ranks]:
    """Place ``0 .. n-1`` of each ranked bit, bits ascending, in every ranking.

    >>> {name: place.tolist() for name, place in places({"a": [7, 3, 5], "b": [3, 5, 7]}).items()}
    {'a': [1, 2, 0], 'b': [0, 1, 2]}
    """
    table, bits = {}, None
    for name, ranking in rankings.items():
        ranking = np.asarray(ranking, np.int64)
        order = np.argsort(ranking, kind="stable")
        here = ranking[order]
        if len(here) != len(np.unique(here)):
            raise UsageError(f"ranking '{name}' names a bit twice")
        bits = here if bits is None else bits
        if not np.array_equal(bits, here):
            raise UsageError(
                f"ranking '{name}' is of {len(here)} other bits than the first one's {len(bits)}"
            )
        table[name] = order.astype(np.int64)
    return table


def correlation_table(
    rankings: Mapping[str, ArrayLike], confidence: float = 0.95
) -> dict[tuple[str, str], tuple[Estimate, Estimate]]:
    """Spearman's and Kendall's correlation of every pair of rankings, over all bits."""
    table = places(rankings)
    names = list(table)
    found = {}
    for number, left in enumerate(names):
        for right in names[:number]:
            spearman, kendall = _correlations(table[left], table[right], confidence)
            if spearman is not None and kendall is not None:
                found[left, right] = spearman, kendall
    return found


def _overlap(
    mine: Ranks, theirs: Ranks, bits: int, confidence: float, resamples: int, rng: np.random.Generator
) -> tuple[Estimate, Estimate]:
    """Jaccard and Dice with percentile intervals over resampled bits.

    A resample of the bits is a multinomial draw of how many fall in both sets, in one, in none.
    """
    size = len(mine)
    both = int(np.count_nonzero((mine < bits) & (theirs < bits)))
    counts = np.array([both, 2 * (bits - both), size - 2 * bits + both])
    draws = rng.multinomial(size, counts / size, resamples)
    ends = [50 * (1 - confidence), 50 * (1 + confidence)]
    either, two = np.maximum(draws[:, 0] + draws[:, 1], 1), np.maximum(2 * draws[:, 0] + draws[:, 1], 1)
    jaccard = np.percentile(draws[:, 0] / either, ends)
    dice = np.percentile(2 * draws[:, 0] / two, ends)
    return (
        Estimate(both / (2 * bits - both), float(jaccard[0]), float(jaccard[1])),
        Estimate(both / bits, float(dice[0]), float(dice[1])),
    )


def _sampled(left: Ranks, right: Ranks, both: NDArray[np.bool_], seed: int) -> tuple[Ranks, Ranks]:
    """The places of the bits that are in both, or of :data:`MOST` of them."""
    bits = np.flatnonzero(both)
    if len(bits) > MOST:
        bits = np.random.default_rng(seed).choice(bits, MOST, replace=False, shuffle=False)
    return left[bits], right[bits]


def _correlations(left: Ranks, right: Ranks, confidence: float) -> tuple[Estimate | None, Estimate | None]:
    if len(left) < 2:
        return None, None
    return spearman(left, right, confidence), kendall(left, right, confidence)


def dense_ranks(values: ArrayLike) -> Ranks:
    """Ranks ``0 .. n-1`` of values that all differ.

    >>> dense_ranks([30, 10, 20]).tolist()
    [2, 0, 1]
    """
    values = np.asarray(values)
    if values.dtype.kind in "iu" and len(values) and values.min() >= 0 and values.max() < 64 * len(values):
        present = np.zeros(int(values.max()) + 1, np.int64)  # small numbers: count instead of sorting
        present[values] = 1
        return np.cumsum(present)[values] - 1
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def spearman(left: ArrayLike, right: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Spearman's rank correlation of values that all differ, ``1 - 6 sum d**2 / (n (n**2 - 1))``.

    The interval is Fisher's with the variance of Bonett and Wright, ``(1 + r**2/2) / (n - 3)``
    (Psychometrika 65, 2000).

    >>> print(spearman([1, 2, 3, 4, 5], [1, 3, 2, 4, 5]).value)
    0.9
    """
    one, two = dense_ranks(left), dense_ranks(right)
    size = len(one)
    value = 1.0 - 6.0 * float(((one - two).astype(np.float64) ** 2).sum()) / (size * (size * size - 1.0))
    if size < 4 or abs(value) == 1.0:
        return Estimate(value, value if abs(value) == 1.0 else -1.0, value if abs(value) == 1.0 else 1.0)
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * np.sqrt((1 + value**2 / 2) / (size - 3))
    return Estimate(value, float(np.tanh(np.arctanh(value) - half)), float(np.tanh(np.arctanh(value) + half)))


def kendall(left: ArrayLike, right: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Kendall's tau of values that all differ: concordant minus discordant pairs over all pairs.

    The interval is normal with the variance of a U-statistic, ``4 var(h) / n``, where ``h_i`` is the tau
    of the pairs that item ``i`` is in (Hoeffding, Ann. Math. Statist. 19, 1948). Time ``n log n``.

    >>> print(kendall([1, 2, 3, 4], [1, 3, 2, 4]).value.__round__(3))
    0.667
    """
    one, two = dense_ranks(left), dense_ranks(right)
    size = len(one)
    in_order = np.empty(size, np.int64)
    in_order[one] = two
    own = 1.0 - 2.0 * discordant(in_order) / (size - 1.0)
    value = float(own.mean())
    half = NormalDist().inv_cdf(0.5 + confidence / 2) * 2.0 * float(own.std()) / np.sqrt(size)
    return Estimate(value, max(value - half, -1.0), min(value + half, 1.0))


def discordant(permutation: Ranks) -> Ranks:
    """Number of inversions that each value ``0 .. n-1`` of a permutation takes part in.

    Values are split by their bits, the highest first, each part keeping the order of the sequence: two
    values are out of order exactly if, when a bit first tells them apart, the larger one stands first.

    >>> discordant(np.array([2, 0, 1])).tolist()
    [1, 1, 2]
    """
    size = len(permutation)
    values, counts = np.asarray(permutation, np.int32), np.zeros(size, np.int32)
    index = np.arange(size, dtype=np.int32)
    for bit in reversed(range(max(size - 1, 0).bit_length())):
        one = (values >> bit & 1).astype(np.int32)
        start = values >> (bit + 1) << (bit + 1)
        zeros = np.minimum(1 << bit, size - start, dtype=np.int32)
        ones_before = np.cumsum(one, dtype=np.int32) - one
        ones_before -= ones_before[start]
        zeros_before = index - start - ones_before
        counts += np.where(one, zeros - zeros_before, ones_before)
        target = start + np.where(one, zeros + ones_before, zeros_before)
        values, counts = _moved(values, target), _moved(counts, target)
    return counts.astype(np.int64)


def _moved(values: NDArray[np.int32], target: NDArray[np.int32]) -> NDArray[np.int32]:
    moved = np.empty_like(values)
    moved[target] = values
    return moved
