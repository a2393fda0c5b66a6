"""Workers: single-threaded kernels, several at a time, each on its own share of the faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ctypes import CDLL
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import ModuleType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import MissingToolError, ToolFailedError, UnknownNameError, UsageError

KernelName = Literal["auto", "native", "portable"]
"""``native``: C++ (needs g++). ``portable``: NumPy and Numba. ``auto``: native if it can be had."""

SECOND_LEVEL = 512 * 1024
"""Bytes of inputs that a worker keeps in its second-level cache while it sweeps all columns over them."""


def shares(count: int, jobs: int) -> list[range]:
    """``range(count)`` cut into at most ``jobs`` parts of nearly equal length.

    >>> shares(5, 2)
    [range(0, 3), range(3, 5)]
    """
    edges = [-(-count * part // jobs) for part in range(jobs + 1)]
    return [range(a, b) for a, b in pairwise(edges) if a < b]


@dataclass(frozen=True)
class Kernels:
    """The compiled kernels of one run.

    Parameters
    ----------
    name
        Which family; see :data:`KernelName`.
    jobs
        Workers at a time.
    instructions
        Instruction set of the native kernels (:data:`netsurf.inject.native.FLAGS`); None for the best.
    """

    name: KernelName = "auto"
    jobs: int = 2
    instructions: str | None = None

    def __post_init__(self) -> None:
        if self.name not in get_args(KernelName):
            raise UnknownNameError("kernel", self.name, get_args(KernelName))
        if self.jobs < 1:
            raise UsageError(f"jobs is {self.jobs}; choose 1 or more")

    @cached_property
    def portable(self) -> ModuleType:
        """The Numba kernels."""
        from netsurf.inject import portable

        return portable

    @cached_property
    def native(self) -> CDLL | None:
        """The C++ kernels; None for ``portable``, and for ``auto`` where they cannot be had."""
        from netsurf.inject.native import library

        if self.name == "portable":
            return None
        try:
            return library(self.instructions)
        except (MissingToolError, ToolFailedError):
            if self.name == "native":
                raise
            return None

    @cached_property
    def waves(self) -> CDLL | None:
        """The compiled waves; None where :attr:`native` is."""
        from netsurf.inject.native import library

        return None if self.native is None else library(self.instructions, "waves")

    def each(self, work: Callable[[range], object], parts: Iterable[range]) -> list:
        """Results of ``work`` on each part, in order, on ``jobs`` threads."""
        parts = list(parts)
        if self.jobs == 1 or len(parts) < 2:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(work, parts))

    def sweep(
        self,
        lines: NDArray,
        least: int,
        most: int,
        rows: NDArray,
        low: NDArray,
        high: NDArray,
        planes: NDArray,
        minus: NDArray,
        counts: NDArray,
    ) -> None:
        """Count samples inside their intervals; see :func:`netsurf.inject.portable.sweep`."""
        block = max(1, SECOND_LEVEL // max(lines.shape[1] * lines.itemsize, 1))
        rows = np.ascontiguousarray(rows, dtype=np.int64)

        def part(share: range) -> None:
            self.portable.sweep(
                lines, least, most, rows, low, high, planes, minus, block, (share.start, share.stop), counts
            )

        self.each(part, shares(len(counts), self.jobs))
