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

from netsurf.fixed import flip_bit, flip_delta
from netsurf.inject.golden import Golden
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.kinds.dense import append, moves
from netsurf.inject.losses import losses
from netsurf.inject.rungs import Bounds, last_sums, last_unit
from netsurf.inject.steps import thresholds
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Parameter

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spans:
    """Changes of the sums ``(J, rows)`` that keep a decision: ``low <= change <= high``; none if low > high.

    Parameters
    ----------
    rows
        Samples that the intervals are for.
    """

    rows: NDArray
    low: Codes
    high: Codes

    def scaled(self, gain: int) -> Spans:
        """Intervals of ``change / 2**gain``."""
        if gain == 0:
            return self
        if gain > 0:
            return Spans(self.rows, -((-self.low) >> gain), self.high >> gain)
        # Products that lose bits: as if the loss could be undone, which is what forcing this rung means.
        return Spans(self.rows, self.low << -gain, ((self.high + 1) << -gain) - 1)


@dataclass(frozen=True, eq=False)
class Decisions:
    """The intervals that decide every upset of one unit.

    Parameters
    ----------
    right
        Samples that are correct without a fault: intervals that keep them so.
    wrong, same
        The other samples: intervals that make them correct, and that keep their decision.
    """

    right: Spans
    wrong: Spans
    same: Spans

    @classmethod
    def of(cls, golden: Golden, judge: Judge, bounds: Bounds, kernels: Kernels) -> Decisions:
        """Intervals of a unit; what they rest on is proved in :mod:`netsurf.inject.rungs`."""
        right, wrong = np.flatnonzero(judge.correct), np.flatnonzero(~judge.correct)
        cases = ((right, judge.labels), (wrong, judge.labels), (wrong, judge.decisions))
        return cls(*(_spans(golden, bounds, choice[rows], rows, kernels) for rows, choice in cases))


def _spans(golden: Golden, bounds: Bounds, choice: Codes, rows: NDArray, kernels: Kernels) -> Spans:
    """Intervals around each sum that keep the decisions ``choice`` of the samples ``rows``."""
    if bounds.unit.tensor == golden.network.layers[-1].name:
        return _last_spans(golden, bounds, choice, rows)
    last = last_unit(golden, bounds.unit.tensor)
    assert last is not None, "proved by rungs.linear_logits"
    logits, gains = last_sums(golden, last)
    first, top = bounds.image.low, bounds.image.high
    edges = thresholds(bounds.unit.steps, bounds.low, bounds.high, np.arange(first, top + 2))
    hidden = golden.flat(bounds.unit.tensor)
    low, high = (np.empty((hidden.shape[1], len(rows)), np.int64) for _ in range(2))
    values = hidden, bounds.sums, gains, first, top, edges[:-1].copy(), edges[1:] - 1

    def part(share: range) -> None:
        columns = share.start, share.stop
        kernels.portable.logit_intervals(logits, rows, choice, *values, columns, low, high)

    kernels.each(part, shares(len(low), kernels.jobs))
    return Spans(rows, low, high)


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
    return _around(bounds, rows, low, high)


def _around(bounds: Bounds, rows: NDArray, low: Codes, high: Codes) -> Spans:
    """Intervals of values as intervals of changes of the sum, through monotone steps."""
    empty, around = low > high, bounds.sums[rows].T
    steps, edges = bounds.unit.steps, (bounds.low, bounds.high)
    bottom, top = thresholds(steps, *edges, low), thresholds(steps, *edges, high + 1) - 1
    return Spans(rows, np.where(empty, 1, bottom - around), np.where(empty, 0, top - around))


def scores(golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels) -> Scores:
    """Scores of every upset of a kernel ``(inputs, outputs, bits)`` or of a bias ``(outputs, bits)``."""
    if "decisions" not in bounds.memory:
        bounds.memory["decisions"] = Decisions.of(golden, judge, bounds, kernels)
    decisions = bounds.memory["decisions"]
    is_bias = parameter is bounds.unit.layer.parameters["bias"]
    inside = (
        _BiasSweep(bounds, parameter).inside
        if is_bias
        else _KernelSweep.of(bounds, parameter, kernels).inside
    )
    changed = len(decisions.right.rows) - inside(decisions.right)
    gained, differ = np.zeros_like(changed), changed
    if len(decisions.wrong.rows):
        gained = inside(decisions.wrong)
        differ = changed + len(decisions.same.rows) - inside(decisions.same)
    lost = losses(golden, judge, bounds, parameter, kernels) if judge.loss else None
    return Scores(gained - changed, differ, lost if lost is None else lost.reshape(changed.shape))


@dataclass(frozen=True, eq=False)
class _BiasSweep:
    """The changes of each sum by the upsets of its bias."""

    bounds: Bounds
    parameter: Parameter

    def inside(self, spans: Spans) -> Codes:
        """Samples whose sum stays inside, for every upset: ``(outputs, bits)``."""
        codes, bits = self.parameter.codes[:, None], np.arange(self.parameter.format.width)
        layer, spec = self.bounds.unit.layer, self.bounds.unit.spec
        change = moves(layer, spec, "bias", 1, codes, flip_bit(codes, bits, self.parameter.format))
        kept = [
            ((spans.low <= column) & (column <= spans.high)).sum(axis=1) for column in change.T[:, :, None]
        ]
        return np.stack(kept, axis=1)


@dataclass(frozen=True, eq=False)
class _KernelSweep:
    """A kernel and its inputs as the sweep reads them, whatever the intervals are.

    Parameters
    ----------
    alive
        Inputs that are not 0 in every sample: the others move nothing.
    lines
        Inputs less the ``least`` one, unsigned and narrow, ``(samples, alive)``; ``most`` is the largest.
    minus
        ``(outputs, bits, alive)``: all ones where the upset lowers the code.
    """

    bounds: Bounds
    parameter: Parameter
    kernels: Kernels
    alive: NDArray
    lines: NDArray
    least: int
    most: int
    minus: NDArray

    @classmethod
    def of(cls, bounds: Bounds, parameter: Parameter, kernels: Kernels) -> _KernelSweep:
        """Prepare a sweep."""
        x, codes = bounds.x, parameter.codes
        least, most = int(x.min()), int(x.max())
        unsigned = next((t for t in (np.uint8, np.uint16) if most - least <= np.iinfo(t).max), np.uint32)
        alive = np.flatnonzero(x.any(axis=0))
        lines = x[:, alive] if least == 0 else x[:, alive].astype(np.int64) - least
        bits = np.arange(parameter.format.width)[None, :, None]
        lowers = flip_delta(codes[alive].T[:, None, :], bits, parameter.format) < 0
        minus = np.where(lowers, np.iinfo(unsigned).max, 0).astype(unsigned)
        return cls(bounds, parameter, kernels, alive, lines.astype(unsigned, order="C"), least, most, minus)

    def inside(self, spans: Spans) -> Codes:
        """Samples whose sum stays inside, for every upset: ``(inputs, outputs, bits)``."""
        spans = spans.scaled(append(self.bounds.unit.layer, self.bounds.unit.spec))
        counts = np.zeros(self.minus.shape, np.int32)
        planes = np.arange(self.minus.shape[1])
        edges = self.least, self.most, spans.rows, spans.low, spans.high
        self.kernels.sweep(self.lines, *edges, planes, self.minus, counts)
        unmoved = ((spans.low <= 0) & (spans.high >= 0)).sum(axis=1)
        result = np.empty((self.bounds.x.shape[1], *counts.shape[:2]), np.int64)
        result[:] = unmoved[:, None]
        result[self.alive] = counts.transpose(2, 0, 1)
        return result
