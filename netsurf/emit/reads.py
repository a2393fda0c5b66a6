"""Reads: the cycles in which the rows of a store are read, and which reads come before an upset.

A row is the words that are read together. For one sample a dense layer reads its rows once, in order; a
convolution reads all of them for every patch, one patch after the other, and a recurrent layer for every
step. Between two reads anything may wait, so the cycles are a list; as runs of equal steps it is short.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import Store

Run = tuple[int, int, int]
"""First cycle, step and number of reads."""

NEVER = 1 << 62
"""Cycle of a read that comes after the output of its sample, if at all: no output needs it."""


def runs_of(cycles: Sequence[int]) -> tuple[Run, ...]:
    """Ascending cycles as runs, each as long as it can be.

    >>> runs_of([4, 5, 6, 9, 12, 20])
    ((4, 1, 3), (9, 3, 2), (20, 1, 1))
    """
    runs: list[Run] = []
    for cycle in cycles:
        first, step, count = runs[-1] if runs else (0, 0, 0)
        if count == 1:
            runs[-1] = (first, cycle - first, 2)
        elif count > 1 and cycle == first + count * step:
            runs[-1] = (first, step, count + 1)
        else:
            runs.append((cycle, 1, 1))
    return tuple(runs)


def cycles_of(runs: Sequence[Run]) -> NDArray[np.int64]:
    """The cycles of runs.

    >>> cycles_of(((4, 1, 3), (9, 3, 2), (20, 1, 1))).tolist()
    [4, 5, 6, 9, 12, 20]
    """
    parts = [first + step * np.arange(count) for first, step, count in runs]
    return np.concatenate([*parts, np.empty(0, np.int64)]).astype(np.int64)


def visits(store: Store) -> NDArray[np.int64]:
    """Cycle of every read, ``int64 (visits, rows)``: visit ``v`` is patch or step ``v`` of one sample.

    Rows that the last visit would read after the sample's output are :data:`NEVER`.
    """
    rows = store.words // store.words_per_read
    cycles = cycles_of(store.reads)
    missing = np.full(-len(cycles) % rows, NEVER)
    return np.concatenate([cycles, missing]).reshape(-1, rows)
