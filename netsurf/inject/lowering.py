"""Lowering: layers as operations (:mod:`netsurf.inject.operations`), each under the name of its kind.

Element-wise layers become links of the operation before them if nothing else reads it. Flattening, and
reshaping that keeps channels, are other names of the same tensor. A layer that is no operation, or whose sums
are not linear in its codes, is refused by name, and another rung, or the same rung in NumPy, serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.kinds import conv as convolution
from netsurf.inject.kinds import fast_kind
from netsurf.inject.kinds.batchnorm import gain
from netsurf.inject.kinds.dense import append, start
from netsurf.inject.operations import (
    ADD,
    AVERAGE,
    COPY,
    EACH,
    FULL,
    INT32,
    MAXIMUM,
    Draft,
    Link,
    Operation,
    Range,
    Refused,
    Rows,
    fits,
    range_of,
    require_words,
    then,
)
from netsurf.inject.steps import Step, image
from netsurf.ir import Layer, Parameter, TensorSpec
from netsurf.ir.kinds import kind_of
from netsurf.ir.kinds.window import Window, window_of

Codes = NDArray[np.int64]

TABULATED = ("leaky_relu", "hard_sigmoid", "hard_tanh", "table")
"""Kinds that work element by element by their reference semantics, and become a table."""

TABLE = 1 << 16
"""Longest table of a link."""


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
    scale, shift, steps = normalisation(layer, spec, codes_of(layer))
    operation, contents = _element(draft, layer), ()
    if draft.anything:
        ends = [{role: _end(p, top) for role, p in layer.parameters.items()} for top in (False, True)]
        mixed = [{"scale": a["scale"], "bias": b["bias"]} for a in ends for b in ends]
        contents = tuple(normalisation(layer, spec, codes)[:2] for codes in mixed)
    span = draft.tensors[operation.target].range
    then(draft, operation, layer, Link(span, scale=scale, start=shift, contents=contents, layer=layer))
    then(draft, operation, layer, Link(draft.tensors[operation.target].range, steps))


def _end(parameter: Parameter, top: bool) -> Codes:
    """The smallest or largest codes that a stored tensor can hold."""
    form = parameter.format
    return np.full_like(parameter.codes, form.maximum if top else form.minimum)


def codes_of(layer: Layer) -> dict[str, Codes]:
    """Golden codes of a layer, by role."""
    return {role: parameter.codes for role, parameter in layer.parameters.items()}


def normalisation(
    layer: Layer, spec: TensorSpec, codes: Mapping[str, Codes]
) -> tuple[Codes, Codes, tuple[Step, ...]]:
    """Scales and starts on the grid of the exact sum, one a channel, and the steps behind it."""
    scale, starts = (codes[role] << gain(layer, spec, role) for role in ("scale", "bias"))
    return scale, starts, fast_kind(layer).linear.steps(layer, spec)


def taps_of(view: Window) -> Codes:
    """Input position under each tap of each output position, ``(positions, taps)``; -1 in the padding."""
    numbers = np.arange(1, prod(view.shape[:-1]) + 1).reshape(1, *view.shape[:-1], 1)
    return view.patches(numbers).reshape(prod(view.positions), -1).astype(np.int64) - 1


def sums_of(layer: Layer, rows: Rows, spec: TensorSpec) -> dict[str, object]:
    """Kind, positions, weights and starts of a layer that adds products of ``rows``, with golden codes.

    Raises
    ------
    Refused
        If sums are not linear in the codes of ``rows``.
    """
    low, high = rows.range
    mode = fast_kind(layer).linear.summation(layer, spec, low, high, False)
    if mode.mode != "exact":
        raise Refused(f"layer '{layer.name}': {mode.reason}")
    return _summed(layer, rows, spec)


def _summed(layer: Layer, rows: Rows, spec: TensorSpec) -> dict[str, object]:
    view = None if layer.kind == "dense" else convolution.window(layer, spec)
    positions = np.arange(rows.positions)[None, :] if view is None else taps_of(view)
    weights, starts = products(layer, spec, positions.shape[1], codes_of(layer))
    kind = EACH if layer.kind == "depthwise" else FULL
    return {"kind": kind, "positions": positions, "weights": weights, "starts": starts, "layer": layer}


def products(layer: Layer, spec: TensorSpec, taps: int, codes: Mapping[str, Codes]) -> tuple[Codes, Codes]:
    """Weights and starts of an operation whose layer holds ``codes``; see :class:`Operation`."""
    outputs = codes["kernel"].shape[-1]
    shape = (taps, outputs) if layer.kind == "depthwise" else (taps, -1, outputs)
    return codes["kernel"].reshape(shape) << append(layer, spec), start(layer, codes["bias"])


def _sums(draft: Draft, layer: Layer) -> None:
    if layer.kind == "dense":
        number, spec = draft.names[layer.inputs[0]], draft.network.spec(layer.inputs[0])
        rows = draft.tensors[number]
    else:
        number, rows, spec = draft.read(layer)
    if draft.anything:
        parts, (largest, span) = _summed(layer, rows, spec), _range_of_anything(layer, rows, spec)
    else:
        parts = sums_of(layer, rows, spec)
        largest = int(np.abs(parts["weights"]).max(initial=0))
        span = range_of(parts["weights"], parts["starts"], *rows.range)
    require_words(layer, rows.range, largest, span)
    operation = Operation(sources=(number,), target=draft.tensor(layer.output, span), **parts)
    draft.put(layer.name, operation)
    then(draft, operation, layer, Link(span, fast_kind(layer).linear.steps(layer, spec)))


def _range_of_anything(layer: Layer, rows: Rows, spec: TensorSpec) -> tuple[int, Range]:
    """Largest weight, and range of the sums, whatever the layer stores; Refused if they are not linear."""
    gain, accumulator = append(layer, spec), layer.attributes["accumulator"]
    if gain < 0:
        raise Refused(f"layer '{layer.name}': products lose {-gain} bits in {accumulator}")
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    form, terms = kernel.format, kernel.codes.size // kernel.codes.shape[-1]
    edges = [w * x << gain for w in (form.minimum, form.maximum) for x in rows.range]
    starts = [start(layer, np.array(code)) for code in (bias.format.minimum, bias.format.maximum)]
    first = image([Step(bias.format.fraction, accumulator)], bias.format.minimum, bias.format.maximum)
    span = (
        terms * min(0, *edges) + min(first.low, *map(int, starts)),
        terms * max(0, *edges) + max(first.high, *map(int, starts)),
    )
    inside = Step(0, accumulator).minimum <= span[0] and span[1] <= accumulator.maximum
    if accumulator.overflow != "WRAP" and not inside:
        raise Refused(
            f"layer '{layer.name}': {accumulator} can saturate: sums may reach {span[0]}..{span[1]}"
        )
    return max(abs(form.minimum), form.maximum) << gain, span


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
    lifted = [edge << max(lifts) for edge in (*a.range, *b.range)]
    if not fits(min(span[0], *lifted), max(span[1], *lifted), INT32 >> 1):
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
    span = min(rows.range[0], 0), max(rows.range[1], 0)
    target = _like(draft, len(positions), Rows(0, rows.channels, span))
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
