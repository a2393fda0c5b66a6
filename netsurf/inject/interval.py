"""The interval rung: an upset keeps a decision exactly while its sum stays inside one interval.

The upset of bit b of kernel code (i, j) moves sum j of sample n by ``+-2**b * x[n, i]``. If the decision is
kept on an interval of sum j, then counting the samples that keep it is two integer comparisons a (fault,
sample) pair, on bytes. Two units have such intervals: the last one (a logit may rise or fall so far before
the largest changes) and the one before it (each margin is linear in each of its elements). What must hold
is proved in :mod:`netsurf.inject.rungs`; the rest is this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.golden import Golden
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.rungs import Bounds, last_sums, last_unit
from netsurf.inject.steps import thresholds
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Parameter
from netsurf.fixed import flip_delta

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spans:
    """Intervals of sums ``(J, samples)`` that keep a decision: ``low <= sum <= high``; empty if low > high."""

    low: Codes
    high: Codes

    def relative(self, sums: Codes, rows: NDArray, gain: int) -> Spans:
        """Intervals of ``change / 2**gain`` around the golden sums ``(samples, J)``, for some samples."""
        around = sums[rows].T
        low, high = self.low - around, self.high - around
        if gain >= 0:
            return Spans(-((-low) >> gain), high >> gain)
        return Spans(low << -gain, ((high + 1) << -gain) - 1)  # a truncated product: only if forced


def spans(golden: Golden, bounds: Bounds, choice: Codes, rows: NDArray, kernels: Kernels) -> Spans:
    """Intervals of each sum of the unit that keep the decisions ``choice`` of the samples ``rows``."""
    if bounds.unit.tensor == golden.network.layers[-1].name:
        return _last_spans(golden, bounds, choice, rows)
    last = last_unit(golden, bounds.unit.tensor)
    assert last is not None, "proved by rungs.linear_logits"
    logits, gains = last_sums(golden, last)
    first, top = bounds.image.low, bounds.image.high
    edges = thresholds(bounds.unit.steps, bounds.low, bounds.high, np.arange(first, top + 2))
    hidden = golden.flat(bounds.unit.tensor)
    result = Spans(*(np.empty((hidden.shape[1], len(rows)), np.int64) for _ in range(2)))
    arguments = (logits[rows], choice, hidden[rows], gains, first, top, edges[:-1], edges[1:] - 1)

    def part(share: range) -> None:
        columns = slice(share.start, share.stop)
        hidden, gains = arguments[2][:, columns], arguments[3][columns]
        kernels.portable.logit_intervals(
            arguments[0], choice, hidden, gains, *arguments[4:], result.low[columns], result.high[columns]
        )

    kernels.each(part, shares(hidden.shape[1], kernels.jobs))
    return result


def _last_spans(golden: Golden, bounds: Bounds, choice: Codes, rows: NDArray) -> Spans:
    """Intervals of each logit, the others as they are, in which the largest stays at ``choice``.

    Class k = choice must stay >= every later logit and > every earlier one. Another class k must stay
    below the choice's logit (or reach it, if it comes later), provided that the choice beats the rest.
    """
    outputs = golden.outputs[rows]
    classes = outputs.shape[1]
    low, high = (np.full((classes, len(rows)), edge) for edge in (bounds.image.low, bounds.image.high))
    lead = outputs[np.arange(len(rows)), choice]
    later = np.arange(classes)[:, None] > choice  # (classes, rows): the choice wins a tie against it
    need = outputs.T + ~later  # what the choice's logit must reach to beat each class
    for k in range(classes):
        others = np.delete(np.arange(classes), k)
        mine = choice == k
        low[k, mine] = np.maximum(low[k, mine], need[others][:, mine].max(axis=0, initial=bounds.image.low))
        beaten = ((lead >= need[others]) | (choice == others[:, None])).all(axis=0)
        high[k, ~mine] = np.minimum(high[k], lead - ~later[k])[~mine]
        low[k, ~mine & ~beaten], high[k, ~mine & ~beaten] = 1, 0
    return _values_to_sums(bounds, low, high)


def _values_to_sums(bounds: Bounds, low: Codes, high: Codes) -> Spans:
    """Intervals of values as intervals of sums, through monotone steps."""
    empty = low > high
    steps, edges = bounds.unit.steps, (bounds.low, bounds.high)
    bottom, top = thresholds(steps, *edges, low), thresholds(steps, *edges, high + 1) - 1
    return Spans(np.where(empty, 1, bottom), np.where(empty, 0, top))


def kernel_scores(
    golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels
) -> Scores:
    """Scores of every upset of a kernel, ``(inputs, outputs, bits)``."""
    return _scores(golden, judge, bounds, kernels, _Sweep(bounds, parameter, kernels).inside)


def bias_scores(
    golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels
) -> Scores:
    """Scores of every upset of a bias, ``(outputs, bits)``."""
    from netsurf.inject.kinds.dense import start

    bits = np.arange(parameter.format.width)
    upset = parameter.codes[:, None] + flip_delta(parameter.codes[:, None], bits, parameter.format)
    change = start(bounds.unit.layer, upset) - start(bounds.unit.layer, parameter.codes)[:, None]

    def inside(around: Spans, rows: NDArray) -> Codes:
        sums = bounds.sums[rows].T[:, None, :] + change[:, :, None]
        return ((around.low[:, None, :] <= sums) & (sums <= around.high[:, None, :])).sum(axis=-1)

    return _scores(golden, judge, bounds, kernels, inside)


def _scores(golden, judge, bounds, kernels, inside) -> Scores:
    """Correct samples that stay so, wrong ones that become so, and decisions that change."""
    right, wrong = np.flatnonzero(judge.correct), np.flatnonzero(~judge.correct)
    kept = inside(spans(golden, bounds, judge.labels[right], right, kernels), right)
    changed = len(right) - kept
    gained = np.zeros_like(kept)
    sdc = changed
    if len(wrong):
        gained = inside(spans(golden, bounds, judge.labels[wrong], wrong, kernels), wrong)
        same = inside(spans(golden, bounds, judge.decisions[wrong], wrong, kernels), wrong)
        sdc = changed + len(wrong) - same
    return Scores(gained - changed, sdc, None)


@dataclass(frozen=True, eq=False)
class _Sweep:
    """Everything about a kernel and its inputs that the sweep reads, whatever the intervals are."""

    bounds: Bounds
    parameter: Parameter
    kernels: Kernels

    def inside(self, around: Spans, rows: NDArray) -> Codes:
        """Samples whose sum stays inside, for every upset: ``(inputs, outputs, bits)``."""
        from netsurf.inject.kinds.dense import append

        unit, x = self.bounds.unit, self.bounds.x
        around = around.relative(self.bounds.sums, rows, append(unit.layer, unit.spec))
        least, most = int(x.min()), int(x.max())
        unsigned = next((t for t in (np.uint8, np.uint16) if most - least <= np.iinfo(t).max), np.uint32)
        alive = np.flatnonzero(x.any(axis=0))
        lines = np.ascontiguousarray((x[:, alive].astype(np.int64) - least).astype(unsigned))
        minus = np.where(self._subtracts()[:, :, alive], np.iinfo(unsigned).max, 0).astype(unsigned)
        counts = np.zeros(minus.shape, np.int32)
        planes = np.arange(self.parameter.format.width)
        self.kernels.sweep(lines, least, most, rows, around.low, around.high, planes, minus, counts)
        unmoved = ((around.low <= 0) & (around.high >= 0)).sum(
            axis=1
        )  # an input that is always 0 moves nothing
        inputs, outputs = self.parameter.codes.shape
        result = np.broadcast_to(unmoved[None, :, None], (inputs, outputs, len(planes))).copy()
        result[alive] = counts.transpose(2, 0, 1)
        return result

    def _subtracts(self) -> NDArray[np.bool_]:
        """``(outputs, bits, inputs)``: whether the upset of this bit lowers the code."""
        codes = self.parameter.codes.T[:, None, :]
        bits = np.arange(self.parameter.format.width)[None, :, None]
        return flip_delta(codes, bits, self.parameter.format) < 0
