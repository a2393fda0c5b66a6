"""The memo rung: an upset reaches the rest of the network through one element, which has few values.

For sum j of sample n there are at most ``V`` values of the element that it becomes, so ``V`` outcomes,
whatever the number of inputs and bits that can move the sum. They are computed once, by running the rest of
the network on every value, and each (fault, sample) pair is a look-up: sum, plus change, to value (a table
over all sums that are reached, so any rounding and overflow is exact), to outcome (a table of this sample).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.golden import Golden
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import apply
from netsurf.inject.terms import Terms
from netsurf.inject.workers import Kernels
from netsurf.ir import Parameter

Codes = NDArray[np.int64]

PAIRS = 1 << 17
"""Rows that run through the rest of the network together while a table is filled."""


def scores(golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels) -> Scores:
    """Scores of every upset of a stored tensor, in site order."""
    terms = Terms.of(bounds, parameter)
    lines = terms.by_row()
    values = np.arange(bounds.image.low, bounds.image.high + 1)
    table = apply(bounds.unit.steps, np.arange(bounds.low, bounds.high + 1)) - values[0]
    outputs, width = bounds.sums.shape[1], parameter.format.width
    total = Scores.zeros((outputs, terms.x.shape[1], width), judge.loss)
    upset = flip_bit(parameter.codes[..., None], np.arange(width), parameter.format)
    upset = upset.reshape(-1, outputs, width).transpose(1, 0, 2)  # (outputs, inputs, bits)
    before = parameter.codes.reshape(-1, outputs).T

    def part(share: range) -> None:
        for j in share:
            gained, sdc, lost = _outcomes(golden, judge, bounds, j, values)
            kernels.portable.look_up(
                *lines,
                np.ascontiguousarray(before[j]),
                np.ascontiguousarray(upset[j]),
                terms.steps,
                np.ascontiguousarray(bounds.sums[:, j]) - bounds.low,
                table.astype(np.int32),
                gained,
                sdc,
                lost,
                total.correct[j],
                total.sdc[j],
                total.loss[j] if judge.loss else np.zeros((0, 0)),
            )

    kernels.each(part, [range(j, j + 1) for j in range(outputs)])
    order = [part.transpose(1, 0, 2) for part in total.parts()]
    return Scores(order[0], order[1], order[2] if judge.loss else None)


def _outcomes(
    golden: Golden, judge: Judge, bounds: Bounds, element: int, values: Codes
) -> tuple[NDArray, NDArray, NDArray]:
    """Outcome of each value of one element in each sample: three tables ``(samples, values)``."""
    base, tensor = golden.flat(bounds.unit.tensor), bounds.unit.tensor
    gained = np.empty((len(base), len(values)), np.int8)
    sdc = np.empty((len(base), len(values)), np.int8)
    lost = np.empty((len(base) if judge.loss else 0, len(values)))
    for rows in np.array_split(np.arange(len(base)), max(1, len(base) * len(values) // PAIRS)):
        repeated = np.repeat(rows, len(values))
        changed = base[repeated]
        changed[:, element] = np.tile(values, len(rows))
        outcome = judge.outcome(golden.suffix(tensor, changed, repeated), repeated)
        for table, column in zip((gained, sdc, lost), outcome, strict=True):
            if column is not None:
                table[rows] = column.reshape(len(rows), -1)
    return gained, sdc, lost
