"""The memo rung: an upset reaches the rest of the network through one element, which has few values.

For sum j of sample n there are at most ``V`` values of the element that it becomes, so ``V`` outcomes,
whatever the number of inputs and bits that can move the sum. They are computed once, by running the rest of
the network on every value, and each (fault, sample) pair is a look-up: sum, plus change, to value (a table
over all sums that are reached, so any rounding and overflow is exact), to outcome (a table of this sample).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.chain import Chain, Packed, chain_of
from netsurf.inject.golden import Golden
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.kinds.dense import append
from netsurf.inject.rungs import Bounds
from netsurf.inject.terms import Terms, value_table
from netsurf.inject.workers import Kernels
from netsurf.ir import Parameter

Codes = NDArray[np.int64]
Tables = tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.float64]]
"""Change of correct, SDC and change of loss (or nothing), for each sample and value: ``(samples, V)``."""
Runner = Callable[[NDArray, int, Codes], Codes]
"""Outputs ``(rows, V, outputs)`` of the samples ``rows`` for every value of one element."""

PAIRS = 1 << 16
"""(Sample, value) pairs that run through the rest of the network together while a table is filled."""


def scores(golden: Golden, judge: Judge, bounds: Bounds, parameter: Parameter, kernels: Kernels) -> Scores:
    """Scores of every upset of a stored tensor, in site order; those of its unit are found together."""
    if "memo" not in bounds.memory:
        bounds.memory["memo"] = _unit_scores(golden, judge, bounds, kernels)
    return bounds.memory["memo"][parameter.name]


def _unit_scores(golden: Golden, judge: Judge, bounds: Bounds, kernels: Kernels) -> dict[str, Scores]:
    """Element by element: fill its tables, then look up every upset of kernel and bias."""
    values = np.arange(bounds.image.low, bounds.image.high + 1)
    table = value_table(bounds)
    lookups = [_LookUp(bounds, p, table, judge.loss) for p in bounds.unit.layer.parameters.values()]
    run = _runner(golden, bounds)

    def part(share: range) -> None:
        for element in share:
            tables = _tables(golden, judge, element, values, run)
            for lookup in lookups:
                lookup.add(kernels, element, tables)

    kernels.each(part, [range(j, j + 1) for j in range(bounds.sums.shape[1])])
    return {lookup.parameter.name: lookup.scores() for lookup in lookups}


class _LookUp:
    """A stored tensor of the unit as the look-up reads it, and its totals ``(outputs, inputs, bits)``."""

    def __init__(self, bounds: Bounds, parameter: Parameter, table: tuple, loss: bool) -> None:
        outputs, bits = bounds.sums.shape[1], np.arange(parameter.format.width)
        self.bounds, self.parameter = bounds, parameter
        self.table = table
        self.terms = Terms.of(bounds, parameter)
        self.lines = self.terms.by_row()
        self.before = np.ascontiguousarray(parameter.codes.reshape(-1, outputs).T)
        self.upset = flip_bit(self.before[..., None], bits, parameter.format)
        self.total = Scores.zeros(self.upset.shape, loss)
        is_kernel = parameter is bounds.unit.layer.parameters["kernel"]
        self.gain = append(bounds.unit.layer, bounds.unit.spec) if is_kernel else -1

    def add(self, kernels: Kernels, element: int, tables: Tables) -> None:
        """Look up every upset that reaches an element."""
        total = self.total
        sums = np.ascontiguousarray(self.bounds.sums[:, element])
        lost = np.zeros((0, 0)) if total.loss is None else total.loss[element]
        codes = self.before[element], self.upset[element], self.terms.steps, self.gain
        sinks = total.correct[element], total.sdc[element], lost
        kernels.portable.look_up(*self.lines, *codes, sums, *self.table, *tables, *sinks)

    def scores(self) -> Scores:
        """Totals in site order."""
        return Scores(
            *(
                None if p is None else p.transpose(1, 0, 2)
                for p in (self.total.correct, self.total.sdc, self.total.loss)
            )
        )


def _tables(golden: Golden, judge: Judge, element: int, values: Codes, run: Runner) -> Tables:
    """Outcome of each value of one element in each sample."""
    shape = golden.samples, len(values)
    gained, sdc = np.empty(shape, np.int8), np.empty(shape, np.int8)
    lost = np.empty(shape if judge.loss else (0, 0))
    for rows in _blocks(golden.samples, len(values)):
        outputs = run(rows, element, values)
        outcome = judge.outcome(outputs.reshape(-1, outputs.shape[-1]), np.repeat(rows, len(values)))
        for table, column in zip((gained, sdc, lost), outcome, strict=True):
            if column is not None:
                table[rows] = column.reshape(len(rows), len(values))
    return gained, sdc, lost


def _blocks(samples: int, values: int) -> Iterator[NDArray]:
    step = max(1, PAIRS // values)
    return (np.arange(first, min(first + step, samples)) for first in range(0, samples, step))


def _runner(golden: Golden, bounds: Bounds) -> Runner:
    """How the rest of the network runs: one compiled pass if it is a chain, layer by layer if not."""
    chain = chain_of(golden)
    if isinstance(chain, Chain) and bounds.unit.tensor != golden.network.layers[-1].name:
        return _chain_runner(golden, bounds, chain)

    def run(rows: NDArray, element: int, values: Codes) -> Codes:
        repeated = np.repeat(rows, len(values))
        changed = golden.flat(bounds.unit.tensor)[repeated]
        changed[:, element] = np.tile(values, len(rows))
        return golden.suffix(bounds.unit.tensor, changed, repeated).reshape(len(rows), len(values), -1)

    return run


def _chain_runner(golden: Golden, bounds: Bounds, chain: Chain) -> Runner:
    """The stages behind the unit; the first of them moves linearly in the element."""
    from netsurf.inject.portable_chain import run_values, starts_of

    number = [stage.unit.layer.name for stage in chain.stages].index(bounds.unit.layer.name) + 1
    rest = Chain(chain.network, chain.stages[number:])
    packed, stage = Packed.of(rest), rest.stages[0]
    kind = np.int32 if rest.fits_int32 else np.int64
    first = np.zeros(len(packed.biases), np.int64)
    starts_of(packed.shape, packed.biases, packed.bias_steps, first)
    slopes = stage.unit.layer.parameters["kernel"].codes << stage.gain
    sums, hidden = golden.sums[stage.unit.layer.name], golden.flat(bounds.unit.tensor)
    weights, widest = packed.weights.astype(kind), int(packed.shape[:, 2].max())

    def run(rows: NDArray, element: int, values: Codes) -> Codes:
        outputs = np.empty((len(rows), len(values), golden.outputs.shape[1]), np.int64)
        element_now = hidden[rows, element].astype(np.int64)
        model = packed.shape, weights, first, packed.steps
        scratch = np.zeros(widest, kind), np.zeros(widest, np.int64)
        run_values(sums[rows], element_now, slopes[element], values, *model, *scratch, outputs)
        return outputs

    return run
