"""The 0/1 knapsack, exactly: which bits to protect when protecting costs differ from bit to bit.

Bits of one cost are interchangeable but for their gain, so only how many of each cost are taken is open,
and the gain of the best ``k`` of one cost is concave in ``k``. Costs are joined one after the other by a
maximum over sums, ``best[b] = max_k before[b - k c] + gain_c[k]``, whose best ``k`` moves one way as ``b``
grows (Axiotis and Tzamos, ICALP 2019). Time ``O(costs x budget x log budget)``, whatever the number of bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def knapsack(gains: Floats, costs: Integers, budget: int) -> Integers:
    """Items of largest total gain whose costs add up to at most ``budget``.

    Parameters
    ----------
    gains
        ``(n,)``; items whose gain is not positive are never taken.
    costs
        ``(n,)`` integers, 1 or more.

    Returns
    -------
    Item numbers, ascending. Among items of equal gain and cost those of lower number are taken.

    >>> knapsack(np.array([6.0, 10.0, 12.0]), np.array([1, 2, 3]), 5).tolist()
    [1, 2]
    """
    useful = np.flatnonzero((gains > 0) & (costs <= budget))
    classes = []
    best: Floats = np.zeros(budget + 1)
    for cost in np.unique(costs[useful]):
        items = useful[costs[useful] == cost]
        items = items[np.argsort(-gains[items], kind="stable")][: budget // cost]
        total = np.concatenate([[0.0], np.cumsum(gains[items])])
        best, taken = _join(best, total, int(cost))
        classes.append((items, int(cost), taken))
    return _read_back(classes, budget)


def _read_back(classes: list[tuple[Integers, int, Integers]], budget: int) -> Integers:
    chosen = [np.empty(0, np.int64)]
    for items, cost, taken in reversed(classes):
        count = int(taken[budget])
        chosen.append(items[:count])
        budget -= count * cost
    return np.sort(np.concatenate(chosen))


def _join(before: Floats, total: Floats, cost: int) -> tuple[Floats, Integers]:
    """``max_k before[b - k cost] + total[k]`` for every budget ``b``, and the ``k`` that reaches it."""
    best, taken = np.empty_like(before), np.empty(len(before), np.int64)
    for rest in range(min(cost, len(before))):
        here = before[rest::cost]
        value, source = _concave(here, total)
        best[rest::cost] = value
        taken[rest::cost] = np.minimum(np.arange(len(here)) - source, len(total) - 1)
    return best, taken


def _concave(before: Floats, total: Floats) -> tuple[Floats, Integers]:
    """``max_{j <= i} before[j] + total[min(i - j, last)]`` for every ``i``, and the smallest such ``j``.

    Rows are solved in the order of a binary search tree: between two solved rows the best column lies
    between theirs, so every layer of the tree looks at each column about once.
    """
    size = len(before)
    source = np.zeros(size + 2, np.int64)  # source[i + 1] belongs to row i
    source[-1] = size - 1
    value = np.empty(size)
    step = 1 << max(size - 1, 1).bit_length()
    while step:
        rows = np.arange(step, size + 1, 2 * step)
        if len(rows):
            low = source[rows - step]
            high = np.minimum(source[np.minimum(rows + step, size + 1)], rows - 1)
            value[rows - 1], source[rows] = _rows(before, total, rows - 1, low, high)
        step >>= 1
    return value, source[1:-1]


def _rows(
    before: Floats, total: Floats, rows: Integers, low: Integers, high: Integers
) -> tuple[Floats, Integers]:
    """The best column of each row between its two ends."""
    lengths = high - low + 1
    first = np.cumsum(lengths) - lengths
    column = np.arange(lengths.sum()) - np.repeat(first - low, lengths)
    row = np.repeat(rows, lengths)
    sums = before[column] + total[np.minimum(row - column, len(total) - 1)]
    value = np.maximum.reduceat(sums, first)
    hits = np.flatnonzero(sums == np.repeat(value, lengths))
    owner = np.repeat(np.arange(len(rows)), lengths)[hits]
    leading = np.concatenate([[True], owner[1:] != owner[:-1]])
    return value, column[hits[leading]]
