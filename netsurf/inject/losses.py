"""Exact losses where decisions are intervals: closed forms of the cross-entropy, one unit at a time.

Both kinds of unit that the interval rung serves have a closed form. The last one moves one logit; the one
before it moves every logit linearly in one element with few values, so a row of losses over these values
(for one sample and one element) serves every input and every bit that can move the element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.golden import Golden
from netsurf.inject.judge import Judge
from netsurf.inject.kinds.dense import moves
from netsurf.inject.rungs import Bounds, last_sums, last_unit
from netsurf.inject.steps import encode
from netsurf.inject.terms import Terms, value_table
from netsurf.inject.workers import Kernels
from netsurf.ir import Parameter

LARGEST_EXPONENT = 600.0
"""Exponents up to this size, either way, neither overflow a float64 nor vanish in it."""

LARGEST = 1e300
"""Stands for infinity where a difference must stay a number."""

Reals = NDArray[np.float64]


def losses(golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels) -> Reals:
    """Change of the summed loss by every upset of a stored tensor, in site order."""
    work = _Upsets(bounds, parameter)
    last = bounds.unit.tensor == golden.network.layers[-1].name
    total = np.zeros((bounds.sums.shape[1], *work.upset.shape[1:]))
    part = (
        _logits(golden, judge, bounds, work, kernels)
        if last
        else _linear(golden, judge, bounds, work, kernels)
    )
    kernels.each(
        lambda share: part(share.start, total[share.start]), [range(j, j + 1) for j in range(len(total))]
    )
    return total.transpose(1, 0, 2)


class _Upsets:
    """Codes ``(outputs, inputs)`` and what each upset makes of them ``(outputs, inputs, bits)``."""

    def __init__(self, bounds: Bounds, parameter: Parameter) -> None:
        outputs, bits = bounds.sums.shape[1], np.arange(parameter.format.width)
        self.role = "bias" if parameter is bounds.unit.layer.parameters["bias"] else "kernel"
        self.before = np.ascontiguousarray(parameter.codes.reshape(-1, outputs).T)
        self.upset = flip_bit(self.before[..., None], bits, parameter.format)
        self.terms = Terms.of(bounds, parameter)
        self.lines = self.terms.by_row()
        self.change = moves(
            bounds.unit.layer, bounds.unit.spec, self.role, 1, self.before[..., None], self.upset
        )


def _exponents(golden: Golden, judge: Judge) -> tuple[Reals, float]:
    """Scaled golden logits less each sample's largest, and the real unit of a code."""
    scale = judge.unit * judge.scale
    logits = golden.outputs * scale
    return logits - logits.max(axis=1, keepdims=True), scale


def _log_sum(exponents: Reals) -> Reals:
    """Logarithm of the sum of exponentials of each row; minus infinity for a row of none."""
    peak = exponents.max(axis=1, initial=-LARGEST)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(exponents - peak[:, None]).sum(axis=1)) + peak


def _linear(golden: Golden, judge: Judge, bounds: Bounds, work: _Upsets, kernels: Kernels):
    """Kernel call for one element of the tensor before the last unit."""
    from netsurf.inject.portable_loss import linear_losses

    last = last_unit(golden, bounds.unit.tensor)
    assert last is not None, "proved by rungs.linear_logits"
    exponents, scale = _exponents(golden, judge)
    shift = sum(step.shift for step in last.steps)  # exact steps only append bits to a sum
    slopes = last_sums(golden, last)[1] * scale * 2.0**-shift
    values = bounds.image.high - bounds.image.low + 1
    multiples = np.arange(1 - values, values)
    direct = bool(np.abs(slopes).max() * values - exponents.min() > LARGEST_EXPONENT)
    weights = exponents if direct else np.exp(exponents)
    base = _log_sum(exponents)
    table = value_table(bounds)

    def part(j: int, total: Reals) -> None:
        factors = np.exp(slopes[j][:, None] * (0 if direct else multiples))
        factors = np.broadcast_to(factors, (len(factors), len(multiples))).copy()
        sums = np.ascontiguousarray(bounds.sums[:, j])
        row = weights, np.ascontiguousarray(slopes[j]), factors, direct, base, total
        linear_losses(*work.lines, work.change[j], bounds.summation.change, sums, *table, judge.labels, *row)

    return part


def _logits(golden: Golden, judge: Judge, bounds: Bounds, work: _Upsets, kernels: Kernels):
    """Kernel call for one logit."""
    from netsurf.inject.portable_loss import logit_losses

    exponents, scale = _exponents(golden, judge)
    base, steps = _log_sum(exponents), encode(bounds.unit.steps)

    def part(k: int, total: Reals) -> None:
        rest = _log_sum(np.delete(exponents, k, axis=1))
        sums, logits = (np.ascontiguousarray(array[:, k]) for array in (bounds.sums, golden.outputs))
        codes = work.before[k], work.upset[k], work.terms.steps, sums, steps, logits
        column = np.ascontiguousarray(exponents[:, k])
        logit_losses(*work.lines, *codes, column, rest, base, judge.labels == k, scale, total)

    return part
