"""Lowering: layers as the few operations that compiled waves know, with a proof that they are exact.

An operation turns rows (all channels of one position) of a tensor into rows of another: sums of products
(``full`` for convolutions and dense layers, ``each`` for what works channel by channel), the largest or the
average of a window, the sum of two tensors, a copy. Behind it comes a chain of links, element by element: a
scale and a start, steps, a table. A dense layer is a convolution with one window. Flattening and reshaping that
keeps channels are other names of the same tensor.

What is proved, for every value that the tensor under an upset can take and whatever follows from it: sums are
linear in codes (:mod:`netsurf.inject.kinds`), every intermediate is a 32-bit integer, and codes, their
differences and weights that are multiplied are 16-bit integers. A layer for which this does not hold, or that is
no such operation, is refused by name, and another rung or the same rung in NumPy serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.kinds import fast_kind
from netsurf.inject.kinds import conv as convolution
from netsurf.inject.kinds.dense import append, start
from netsurf.inject.steps import Step, apply, image
from netsurf.ir import Layer, Network, TensorSpec
from netsurf.ir.kinds import batchnorm, kind_of
from netsurf.ir.kinds.window import Window, window_of

Codes = NDArray[np.int64]
Range = tuple[int, int]

INT32, INT16 = (1 << 31) - 1, (1 << 15) - 1

TABULATED = ("leaky_relu", "hard_sigmoid", "hard_tanh", "table")
"""Kinds that work element by element by their reference semantics, and become a table."""

TABLE, CANONICAL = 1 << 16, 1 << 20
"""Longest table of a link; longest range of sums on which steps are compared with their short form."""

FULL, EACH, MAXIMUM, AVERAGE, ADD, COPY = range(6)
"""Kinds of operation, as ``waves.cpp`` counts them."""


class Refused(Exception):
    """Layers that compiled waves do not serve, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What happens to one element behind an operation: exactly one of three things.

    Parameters
    ----------
    range
        Codes that come in.
    steps
        Assignments.
    scale, start
        ``code * scale + start``, one of each a channel.
    table
        Code that each of the codes of ``range`` becomes.
    """

    range: Range
    steps: tuple[Step, ...] = ()
    scale: Codes | None = None
    start: Codes | None = None
    table: Codes | None = None


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a program.

    Parameters
    ----------
    kind
        :data:`FULL` and so on.
    sources
        Tensors that are read: one, or two for an addition.
    target
        The tensor that is written.
    positions
        ``int64 (rows, taps)``: source row under each tap of each target row, or -1 for padding.
    weights
        ``full``: ``(taps, source channels, target channels)``; ``each``: ``(taps, channels)``. Gains included.
    starts
        Sums that biases start, one a channel; for an average, positions of each window.
    lifts
        Zero bits appended to each source.
    links
        In order.
    """

    kind: int
    sources: tuple[int, ...]
    target: int
    positions: Codes
    weights: Codes | None = None
    starts: Codes | None = None
    lifts: tuple[int, ...] = (0, 0)
    links: list[Link] = field(default_factory=list)
    needed: NDArray[np.bool_] | None = None


@dataclass(slots=True)
class Rows:
    """A tensor: rows, channels, and the range of its codes."""

    positions: int
    channels: int
    range: Range


@dataclass(eq=False)
class Draft:
    """Tensors and operations so far.

    Parameters
    ----------
    names
        Layer (or input) to number of the tensor that holds its codes.
    outside
        Numbers of the tensors that no operation writes, by name.
    """

    network: Network
    tensors: list[Rows] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)
    writers: dict[int, Operation] = field(default_factory=dict)

    def bring(self, name: str, low: int, high: int) -> int:
        """A tensor from outside."""
        number = self.tensor(self.network.spec(name), (low, high))
        self.names[name] = self.outside[name] = number
        return number

    def tensor(self, spec: TensorSpec, span: Range) -> int:
        """A new tensor."""
        *spatial, channels = spec.shape
        self.tensors.append(Rows(prod(spatial), channels, span))
        return len(self.tensors) - 1

    def put(self, name: str, operation: Operation) -> None:
        """Add an operation that writes the tensor of a layer."""
        self.operations.append(operation)
        self.names[name], self.writers[operation.target] = operation.target, operation

    def read(self, layer: Layer, place: int = 0) -> tuple[int, Rows, TensorSpec]:
        """An input of a layer whose rows are as its shape says: number, tensor, and its spec."""
        number, spec = self.names[layer.inputs[place]], self.network.spec(layer.inputs[place])
        rows = self.tensors[number]
        if (rows.positions, rows.channels) != (prod(spec.shape[:-1]), spec.shape[-1]):
            raise Refused(f"layer '{layer.name}' reads rows that were flattened")
        return number, rows, spec


    def alone(self, number: int) -> bool:
        """Whether an operation here writes a tensor that no more than one layer reads."""
        names = [name for name, held in self.names.items() if held == number]
        return number in self.writers and all(len([*self.network.consumers(name)]) < 2 for name in names)


def lower(draft: Draft, layers: Iterable[Layer]) -> Draft:
    """Add layers, in network order, to a draft.

    Raises
    ------
    Refused
        If a layer is no operation, or not exact.
    """
    for layer in layers:
        if layer.kind not in _LOWERED:
            raise Refused(f"layer '{layer.name}' is a {layer.kind}")
        _LOWERED[layer.kind](draft, layer)
    return draft


def fits(low: int, high: int, limit: int = INT32) -> bool:
    """Whether a range lies in ``-limit .. limit``."""
    return -limit <= low and high <= limit


def largest(steps: Sequence[Step], low: int, high: int) -> int:
    """No intermediate of the steps on the codes ``low .. high`` is larger, either way."""
    most = max(abs(low), abs(high))
    for step in steps:
        after = image([step], low, high)
        lifted = [abs(edge) << max(-step.shift, 0) for edge in (low, high, after.low, after.high)]
        wrapped = (1 << step.target.width) - 1 if after.broken else 0
        most = max(most, *lifted, wrapped) + (1 << max(step.shift, 0))
        low, high = after.low, after.high
    return most


def then(draft: Draft, operation: Operation, layer: Layer, link: Link) -> None:
    """Append a link to an operation, and prove it; steps are joined to steps before them."""
    low, high = link.range
    before = operation.links[-1] if operation.links and operation.links[-1].steps and link.steps else None
    if link.table is not None:
        span = int(link.table.min()), int(link.table.max())
    elif link.scale is not None:
        edges = [link.scale * edge + link.start for edge in (low, high)]
        span = int(np.min(edges)), int(np.max(edges))
        product = int(np.abs(link.scale).max()) * max(abs(low), abs(high))
        if not fits(*span) or product > INT32 or int(np.abs(link.start).max()) > INT32:
            raise Refused(f"layer '{layer.name}': sums reach {span[0]}..{span[1]}, beyond 32 bits")
    else:
        if (most := largest(link.steps, low, high)) > INT32:
            raise Refused(f"layer '{layer.name}': codes reach {most}, beyond 32 bits")
        after = image(link.steps, low, high)
        span = after.low, after.high
    if before:
        operation.links[-1] = Link(before.range, before.steps + link.steps)
    elif link.steps or link.scale is not None or link.table is not None:
        operation.links.append(link)
    draft.tensors[operation.target].range = span


def _identity(rows: Rows) -> Codes:
    return np.arange(rows.positions, dtype=np.int64)[:, None]


def _rename(draft: Draft, layer: Layer) -> None:
    """Another name of the same tensor, if rows stay rows or nothing that reads it needs them."""
    spec = draft.network.spec(layer.inputs[0])
    if layer.kind == "reshape" and layer.output.shape[-1] != spec.shape[-1]:
        raise Refused(f"layer '{layer.name}' is a reshape that splits rows")
    draft.names[layer.name] = draft.names[layer.inputs[0]]


def _element(draft: Draft, layer: Layer) -> Operation:
    """The operation behind which an element-wise layer hangs: the one before it, or a copy."""
    number = draft.names[layer.inputs[0]]
    rows = draft.tensors[number]
    if draft.alone(number):
        draft.names[layer.name] = number
        return draft.writers[number]
    draft.tensors.append(Rows(rows.positions, rows.channels, rows.range))
    operation = Operation(COPY, (number,), len(draft.tensors) - 1, _identity(rows))
    draft.put(layer.name, operation)
    return operation


def _pointwise(draft: Draft, layer: Layer) -> None:
    steps = fast_kind(layer).pointwise(layer, [draft.network.spec(layer.inputs[0])])
    operation = _element(draft, layer)
    then(draft, operation, layer, Link(draft.tensors[operation.target].range, steps))


def _tabulated(draft: Draft, layer: Layer) -> None:
    low, high = draft.tensors[draft.names[layer.inputs[0]]].range
    if high - low >= TABLE:
        raise Refused(f"layer '{layer.name}': a table of {high - low + 1} codes is too long")
    codes, spec = np.arange(low, high + 1), draft.network.spec(layer.inputs[0])
    table = kind_of(layer).execute(layer, [codes], [spec], {}).reshape(-1)
    then(draft, _element(draft, layer), layer, Link((low, high), table=table))


def _batchnorm(draft: Draft, layer: Layer) -> None:
    _, _, spec = draft.read(layer)
    scale, shift, steps = normalisation(layer, spec)
    operation = _element(draft, layer)
    then(draft, operation, layer, Link(draft.tensors[operation.target].range, scale=scale, start=shift))
    then(draft, operation, layer, Link(draft.tensors[operation.target].range, steps))


def normalisation(layer: Layer, spec: TensorSpec) -> tuple[Codes, Codes, tuple[Step, ...]]:
    """Scales and starts on the grid of the exact sum, one a channel, and the steps behind it."""
    fraction = batchnorm.fraction_of(layer, spec)
    scale, bias = layer.parameters["scale"], layer.parameters["bias"]
    lift = fraction - spec.format.fraction - scale.format.fraction
    starts = bias.codes << (fraction - bias.format.fraction)
    return scale.codes << lift, starts, (Step(fraction, layer.output.format),)


def taps_of(view: Window) -> Codes:
    """Input position under each tap of each output position, ``(positions, taps)``; -1 in the padding."""
    numbers = np.arange(1, prod(view.shape[:-1]) + 1).reshape(1, *view.shape[:-1], 1)
    return view.patches(numbers).reshape(prod(view.positions), -1).astype(np.int64) - 1


def sums_of(layer: Layer, rows: Rows, spec: TensorSpec, kernel: Codes | None = None) -> dict[str, object]:
    """Kind, positions, weights and starts of a layer that adds products of ``rows``.

    Raises
    ------
    Refused
        If sums are not linear in the codes of ``rows``, or do not fit.
    """
    low, high = rows.range
    mode = fast_kind(layer).linear.summation(layer, spec, low, high, False)
    if mode.mode != "exact":
        raise Refused(f"layer '{layer.name}': {mode.reason}")
    codes, gain = layer.parameters["kernel"].codes, append(layer, spec)
    starts = start(layer, layer.parameters["bias"].codes)
    if layer.kind == "dense":
        positions = np.arange(rows.positions)[None, :]
        weights = codes.reshape(rows.positions, rows.channels, -1) << gain
    else:
        view = convolution.window(layer, spec)
        positions = taps_of(view)
        weights = codes.reshape(prod(view.size), *codes.shape[len(view.size) :]) << gain
    kind = EACH if layer.kind == "depthwise" else FULL
    return {"kind": kind, "positions": positions, "weights": weights, "starts": starts}


def range_of(weights: Codes, starts: Codes, low: int, high: int) -> Range:
    """Range of the sums of any codes in ``low .. high``, some of them left out."""
    low, high = min(low, 0), max(high, 0)
    terms = weights.reshape(-1, weights.shape[-1])
    bottom = np.minimum(terms * low, terms * high).sum(axis=0) + starts
    top = np.maximum(terms * low, terms * high).sum(axis=0) + starts
    return int(min(bottom.min(), starts.min())), int(max(top.max(), starts.max()))


def _sums(draft: Draft, layer: Layer) -> None:
    if layer.kind == "dense":
        number, spec = draft.names[layer.inputs[0]], draft.network.spec(layer.inputs[0])
        rows = draft.tensors[number]
    else:
        number, rows, spec = draft.read(layer)
    parts = sums_of(layer, rows, spec)
    span = range_of(parts["weights"], parts["starts"], *rows.range)
    require_words(layer, rows.range, parts["weights"], span)
    operation = Operation(sources=(number,), target=draft.tensor(layer.output, span), **parts)
    draft.put(layer.name, operation)
    then(draft, operation, layer, Link(span, fast_kind(layer).linear.steps(layer, spec)))


def require_words(layer: Layer, span: Range, weights: Codes, sums: Range) -> None:
    """Refuse codes, differences or weights beyond 16 bits, and sums beyond 32."""
    low, high = span
    if not fits(low, high, INT16) or high - low > INT16:
        raise Refused(f"layer '{layer.name}' reads codes in {low}..{high}: differences are beyond 16 bits")
    if int(np.abs(weights).max(initial=0)) > INT16:
        raise Refused(f"layer '{layer.name}': weights and their gain are beyond 16 bits")
    if not fits(*sums, INT32 >> 2):  # a golden sum, and any part of what is added to it and taken away
        raise Refused(f"layer '{layer.name}': sums reach {sums[0]}..{sums[1]}, beyond 30 bits")


def _max_pool(draft: Draft, layer: Layer) -> None:
    number, rows, spec = draft.read(layer)
    accumulator, source = layer.attributes["accumulator"], spec.format
    same = source == accumulator == layer.output.format
    steps = () if same else _assigned(layer, source.fraction)
    positions = taps_of(window_of(layer, spec, layer.attributes["size"]))
    operation = Operation(MAXIMUM, (number,), _like(draft, len(positions), rows), positions)
    draft.put(layer.name, operation)
    then(draft, operation, layer, Link(rows.range, steps))


def _assigned(layer: Layer, fraction: int) -> tuple[Step, ...]:
    accumulator = layer.attributes["accumulator"]
    return Step(fraction, accumulator), Step(accumulator.fraction, layer.output.format)


def _like(draft: Draft, positions: int, rows: Rows) -> int:
    """A new tensor of the same channels."""
    draft.tensors.append(Rows(positions, rows.channels, rows.range))
    return len(draft.tensors) - 1


def _average_pool(draft: Draft, layer: Layer) -> None:
    number, rows, spec = draft.read(layer)
    accumulator = layer.attributes["accumulator"]
    lift, taps = accumulator.fraction - spec.format.fraction, prod(layer.attributes["size"])
    low, high = (taps * edge << max(lift, 0) for edge in (min(rows.range[0], 0), max(rows.range[1], 0)))
    if lift < 0:
        raise Refused(f"layer '{layer.name}': codes lose {-lift} bits in {accumulator}")
    if not (Step(0, accumulator).minimum <= low and high <= accumulator.maximum and fits(low, high)):
        raise Refused(f"layer '{layer.name}': sums reach {low}..{high}, beyond {accumulator} or 32 bits")
    view = window_of(layer, spec, layer.attributes["size"])
    positions = taps_of(view)
    operation = Operation(AVERAGE, (number,), _like(draft, len(positions), rows), positions, lifts=(lift, 0))
    operation.starts = view.overlap().reshape(-1)
    draft.put(layer.name, operation)
    then(draft, operation, layer, Link((low, high), _assigned(layer, accumulator.fraction)))


def _add(draft: Draft, layer: Layer) -> None:
    (first, a, one), (second, b, two) = (draft.read(layer, place) for place in (0, 1))
    fraction = max(one.format.fraction, two.format.fraction)
    lifts = fraction - one.format.fraction, fraction - two.format.fraction
    span = tuple((x << lifts[0]) + (y << lifts[1]) for x, y in zip(a.range, b.range, strict=True))
    if not all(fits(edge, edge, INT32 >> 1) for edge in (*span, *(e << max(lifts) for e in (*a.range, *b.range)))):
        raise Refused(f"layer '{layer.name}': sums reach {span[0]}..{span[1]}, beyond 32 bits")
    operation = Operation(ADD, (first, second), _like(draft, a.positions, a), _identity(a), lifts=lifts)
    draft.put(layer.name, operation)
    then(draft, operation, layer, Link(span, (Step(fraction, layer.output.format),)))


def _moved(draft: Draft, layer: Layer) -> None:
    """Rows that only move: each row of the output is one of the input, or zero."""
    number, rows, spec = draft.read(layer)
    if layer.kind == "transpose" and layer.attributes["permutation"][-1] != len(spec.shape) - 1:
        raise Refused(f"layer '{layer.name}' is a transpose that splits rows")
    numbers = np.broadcast_to(np.arange(1, rows.positions + 1)[:, None], (rows.positions, rows.channels))
    moved = kind_of(layer).execute(layer, [numbers.reshape(1, *spec.shape)], [spec], {})
    positions = moved.reshape(-1, rows.channels)[:, :1] - 1
    target = _like(draft, len(positions), Rows(0, rows.channels, (min(rows.range[0], 0), max(rows.range[1], 0))))
    draft.put(layer.name, Operation(COPY, (number,), target, positions))


_LOWERED = {
    **dict.fromkeys(("flatten", "reshape"), _rename),
    **dict.fromkeys(("linear", "relu"), _pointwise),
    **dict.fromkeys(TABULATED, _tabulated),
    **dict.fromkeys(("conv", "depthwise", "dense"), _sums),
    **dict.fromkeys(("zero_pad", "upsample", "transpose"), _moved),
    "batchnorm": _batchnorm,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "add": _add,
}


def short(steps: Sequence[Step], low: int, high: int) -> tuple[int, int, int, int] | None:
    """``(shift, add, least, most)`` with ``steps(s) == clip((s + add) >> shift, least, most)``, or None.

    Compared on every sum in ``low .. high``, so what is found is proved.

    >>> from netsurf.fixed import FixedFormat
    >>> short([Step(2, FixedFormat(4, 4, overflow="SAT"), rectify=True)], -99, 99)
    (2, 0, 0, 7)
    """
    shift = sum(step.shift for step in steps)
    if not 0 <= shift < 31 or high - low >= CANONICAL:
        return None
    sums = np.arange(low, high + 1)
    after = apply(steps, sums)
    least, most = int(after.min()), int(after.max())
    half = 1 << shift >> 1
    for add in dict.fromkeys((0, half, max(half - 1, 0))):
        if (np.clip((sums + add) >> shift, least, most) == after).all():
            return shift, add, least, most
    return None


def mark_needed(draft: Draft, output: int) -> None:
    """Mark the rows of each operation that the output, or a row that is needed, reads."""
    needed = [np.zeros(rows.positions, dtype=bool) for rows in draft.tensors]
    needed[output][:] = True
    for operation in reversed(draft.operations):
        operation.needed = needed[operation.target]
        read = operation.positions[operation.needed]
        for source in operation.sources:
            needed[source][read[read >= 0]] = True
    for number, writer in draft.writers.items():
        if writer.needed is None:
            writer.needed = needed[number]


__all__ = ["Draft", "Link", "Operation", "Refused", "lower"]
