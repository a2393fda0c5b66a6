"""Kinds that select or move codes, on codes of any integer width, and averages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import assign
from netsurf.inject.kinds.base import Codes, FastKind, Specs
from netsurf.ir import Layer
from netsurf.ir.kinds import kind_of
from netsurf.ir.kinds.window import Window, window_of


def _same(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    """The reference semantics, which only move codes."""
    return kind_of(layer).execute(layer, inputs, specs, parameters)


def _over_taps(
    view: Window, x: NDArray, fill: int, join: Callable[[NDArray, NDArray, NDArray], object]
) -> NDArray:
    """Join what lies under one tap after the other, in place, without laying out patches."""
    patches = view.patches(x, fill)
    around = (slice(None),) * (view.axes + 1)
    total = patches[(*around, *(0,) * view.axes)].copy()
    for tap in list(np.ndindex(*view.size))[1:]:
        join(total, patches[(*around, *tap)], total)
    return total


def _max_pool(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    spec, accumulator = specs[0], layer.attributes["accumulator"]
    view = window_of(layer, spec, layer.attributes["size"])
    low = np.iinfo(inputs[0].dtype).min if inputs[0].dtype.kind == "i" else 0
    largest = _over_taps(view, inputs[0], max(spec.format.minimum, int(low)), np.maximum)
    if not spec.format == accumulator == layer.output.format:
        largest = assign(assign(largest, spec.format, accumulator), accumulator, layer.output.format)
    return largest.reshape(len(largest), *layer.output.shape)


def _average_pool(
    layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]
) -> Codes:
    spec, accumulator = specs[0], layer.attributes["accumulator"]
    lift = accumulator.fraction - spec.format.fraction
    largest = prod(layer.attributes["size"]) * max(-spec.format.minimum, spec.format.maximum) << max(lift, 0)
    fits = accumulator.signed or not spec.format.signed
    if lift < 0 or not fits or largest > accumulator.maximum:  # a partial sum may round or overflow
        return _same(layer, [inputs[0].astype(np.int64)], specs, parameters)
    view = window_of(layer, spec, layer.attributes["size"])
    total = _over_taps(view, inputs[0].astype(np.int64), 0, np.add) << lift
    mean = np.sign(total) * (np.abs(total) // view.overlap()[..., None])
    return assign(mean, accumulator, layer.output.format).reshape(len(total), *layer.output.shape)


KINDS = (
    FastKind("max_pool", _max_pool),
    FastKind("average_pool", _average_pool),
    FastKind("reshape", _same, pointwise=lambda layer, specs: ()),
    *(FastKind(name, _same) for name in ("zero_pad", "upsample", "zero_insert", "transpose")),
)
