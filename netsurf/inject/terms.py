"""How a stored code and an input make a term of a sum, in the form that compiled kernels read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.kinds.dense import accumulator_of
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import Step, apply, encode
from netsurf.ir import Parameter

Codes = NDArray[np.int64]

NEVER = 1 << 62
"""Beyond every product."""


TABLE_SUMS = 1 << 22
"""Longest table from a sum to its value: one that a second-level cache holds in good part."""


def value_table(bounds: Bounds) -> tuple[NDArray, int, Codes, int]:
    """How kernels turn a sum into the place of its value: table, its first sum, steps, first value.

    The table is empty, and the steps are taken one by one, where it would be longer than :data:`TABLE_SUMS`.
    """
    first, steps = bounds.image.low, bounds.unit.steps
    sums = np.arange(bounds.low, bounds.high + 1 if bounds.high - bounds.low < TABLE_SUMS else bounds.low)
    table = apply(steps, sums) - first
    few = bounds.image.high - first < 1 << 8
    return table.astype(np.uint8 if few else np.int32), bounds.low, encode(steps), first


@dataclass(frozen=True, eq=False)
class Terms:
    """The inputs that a stored tensor is multiplied with, and the steps from a product to a term.

    A bias is a kernel whose only input is always 1 and whose terms are cast from the bias' own format.

    Parameters
    ----------
    x
        ``(samples, inputs)``.
    steps
        Encoded steps from (code x input) to a term of the sum.
    """

    x: NDArray
    steps: Codes

    @classmethod
    def of(cls, bounds: Bounds, parameter: Parameter) -> Terms:
        """Terms of a kernel or bias of a matrix product."""
        layer, spec = bounds.unit.layer, bounds.unit.spec
        accumulator = accumulator_of(layer)
        if parameter is layer.parameters["bias"]:
            same = parameter.format == accumulator
            steps = encode([] if same else [Step(parameter.format.fraction, accumulator)])
            return cls(np.ones((len(bounds.x), 1), np.uint8), steps)
        steps = encode([Step(parameter.format.fraction + spec.format.fraction, accumulator)])
        steps[:, 4], steps[:, 5] = -NEVER, NEVER  # a product that wraps: the sum wraps all the same
        return cls(bounds.x, steps)

    def by_row(self) -> tuple[NDArray, NDArray, NDArray]:
        """Non-zero inputs sample by sample: starts, columns, values."""
        rows, columns = np.nonzero(self.x)
        starts = np.searchsorted(rows, np.arange(len(self.x) + 1))
        return starts, columns.astype(np.int32), self.x[rows, columns].astype(np.int64)

    def by_column(self) -> tuple[NDArray, NDArray, NDArray]:
        """Non-zero inputs element by element: starts, rows, values."""
        columns, rows = np.nonzero(self.x.T)
        starts = np.searchsorted(columns, np.arange(self.x.shape[1] + 1))
        return starts, rows.astype(np.int32), self.x[rows, columns].astype(np.int64)
