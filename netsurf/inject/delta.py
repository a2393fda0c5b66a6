"""The delta and forward rungs: the rest of the network runs again, on the rows that an upset changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.golden import Golden, forward, taken
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.kinds import Upset
from netsurf.inject.rungs import Bounds
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Parameter

Codes = NDArray[np.int64]
Change = tuple[NDArray, NDArray]
"""Rows that an upset changed in the unit's tensor, and the tensor's flat values in them."""

PAIRS = 1 << 15
"""(Fault, sample) pairs that run through the rest of the network together, if their tensor is small."""

ELEMENTS = 1 << 22
"""Elements of the upset tensor that run through it together."""


def upsets_of(parameter: Parameter, index: int) -> list[Upset]:
    """The upsets of each bit of one stored code, least significant first."""
    role, old = parameter.name.rsplit(".", 1)[1], int(parameter.codes.reshape(-1)[index])
    bits = np.arange(parameter.format.width)
    return [Upset(role, index, old, int(new)) for new in flip_bit(old, bits, parameter.format)]


def delta_change(golden: Golden, bounds: Bounds, upset: Upset) -> Change:
    """Changed rows by the change of the sums that the upset reaches."""
    unit, linear = bounds.unit, bounds.unit.kind.linear
    reached = _columns(linear.reach(unit.layer, upset))
    codes = golden.tensors[unit.layer.inputs[0]]
    moved = linear.change(unit.layer, codes, unit.spec, upset)
    values = golden.flat(unit.tensor)
    new = taken(unit.steps, bounds.sums[:, reached] + moved, golden.network.spec(unit.tensor))
    rows = np.flatnonzero((new != values[:, reached]).any(axis=1))
    changed = values[rows]
    changed[:, reached] = new[rows]
    return rows, changed


def _columns(reached: Codes) -> slice | Codes:
    """Evenly spaced columns, as those of one channel are, as a slice: a view and not a copy."""
    if len(reached) < 2:
        return reached
    step = int(reached[1] - reached[0])
    even = slice(int(reached[0]), int(reached[-1]) + 1, step)
    return even if len(reached) == len(range(even.start, even.stop, step)) else reached


def forward_change(golden: Golden, bounds: Bounds, upset: Upset) -> Change:
    """Changed rows by executing the whole layer with the upset code."""
    unit = bounds.unit
    parameter = unit.layer.parameters[upset.role]
    codes = parameter.codes.copy()
    codes.reshape(-1)[upset.index] = upset.new
    tensors = {name: golden.tensors[name] for name in unit.layer.inputs}
    chain = tuple(golden.network.layer(name) for name in _chain(golden, bounds))
    values = forward(golden.network, tensors, chain, {parameter.name: codes})[unit.tensor]
    values = values.reshape(len(values), -1)
    rows = np.flatnonzero((values != golden.flat(unit.tensor)).any(axis=1))
    return rows, values[rows]


def _chain(golden: Golden, bounds: Bounds) -> list[str]:
    from netsurf.inject.rungs import unit_layers

    return unit_layers(golden, bounds.unit)


def scores(
    golden: Golden,
    judge: Judge,
    bounds: Bounds,
    parameter: Parameter,
    kernels: Kernels,
    change: Callable[[Golden, Bounds, Upset], Change] = delta_change,
) -> Scores:
    """Scores of every upset of a stored tensor, ``(elements, bits)``."""
    width = parameter.format.width
    total = Scores.zeros((parameter.codes.size * width,), judge.loss)

    def part(share: range) -> None:
        for pending in _batches(golden, bounds, parameter, share, change):
            faults, rows, values = (np.concatenate(column) for column in zip(*pending, strict=True))
            outputs = golden.suffix(bounds.unit.tensor, values, rows)
            first = share.start * width
            tally = judge.tally(outputs, rows, faults - first, len(share) * width)
            total.add(tally, slice(first, first + len(share) * width))

    kernels.each(part, shares(parameter.codes.size, kernels.jobs))
    return total.reshape(-1, width)


def _batches(golden, bounds, parameter, share, change) -> Iterator[list[tuple]]:
    """Changed pairs of the faults of a share, in lists of about :data:`PAIRS`."""
    limit = max(1, min(PAIRS, ELEMENTS // golden.network.spec(bounds.unit.tensor).size))
    pending, size = [], 0
    for index in share:
        for bit, upset in enumerate(upsets_of(parameter, index)):
            rows, values = change(golden, bounds, upset)
            if len(rows):
                fault = index * parameter.format.width + bit
                pending.append((np.full(len(rows), fault), rows, values))
                size += len(rows)
            if size >= limit:
                yield pending
                pending, size = [], 0
    if pending:
        yield pending
