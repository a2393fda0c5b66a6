"""``lstm`` and ``gru``: the forward rung, compiled, where sums wrap and keep every bit of a product.

An upset of a stored code moves every later step of its sample, so that there is no linear form: the layer
runs again. In an accumulator that wraps, sums are equal modulo two to its width in whatever order and integer
type they are added, which makes one pass over features and units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netsurf.fixed import assign
from netsurf.inject.kinds.base import Codes, FastKind, Specs
from netsurf.inject.kinds.dense import append
from netsurf.inject.steps import Step, encode
from netsurf.ir import Layer
from netsurf.ir.kinds import kind_of
from netsurf.ir.kinds.recurrent import operands, tables_of, zero_bias


def _forward(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    accumulator, (outer, inner) = layer.attributes["accumulator"], operands(layer, specs[0])
    gains = append(*outer), append(*inner)
    if accumulator.overflow != "WRAP" or min(gains) < 0:
        return kind_of(layer).execute(layer, [inputs[0].astype(np.int64)], specs, parameters)
    from netsurf.inject import portable_recurrent

    kind = np.int32 if accumulator.width <= 32 else np.int64
    inner_bias = parameters.get("recurrent_bias", zero_bias(layer).codes)
    formats = outer[0].parameters["bias"].format, inner[0].parameters["bias"].format
    stored = (
        parameters["kernel"] << gains[0],
        assign(parameters["bias"], formats[0], accumulator),
        parameters["recurrent"] << gains[1],
        assign(inner_bias, formats[1], accumulator),
    )
    every, units = len(layer.output.shape) == 2, layer.output.shape[-1]
    out = np.empty((len(inputs[0]), inputs[0].shape[1] if every else 1, units), np.int64)
    run = getattr(portable_recurrent, layer.kind)
    run(
        np.ascontiguousarray(inputs[0], np.int64),
        *(np.ascontiguousarray(codes.astype(kind)) for codes in stored),
        *_constants(layer),
        every,
        out,
    )
    return out.reshape(len(out), *layer.output.shape)


def _constants(layer: Layer) -> tuple:
    """Tables, how they are looked up, and the casts to the state."""
    accumulator, state, tables = layer.attributes["accumulator"], layer.output.format, tables_of(layer)
    fraction, size = accumulator.fraction, len(tables["gate"])
    spans = layer.attributes["gate_span"], layer.attributes["cell_span"]
    rows = [
        _row(size, spans[0], fraction),
        _row(size, spans[1], fraction),
        _row(size, spans[1], state.fraction),
    ]
    grid = max(fraction, state.fraction)
    product = state if layer.kind == "lstm" else accumulator
    return (
        tables["gate"],
        tables["cell"],
        np.array(rows, np.int64),
        np.int64(1) << (accumulator.width - 1),
        np.array([grid - fraction, grid - state.fraction, fraction], np.int64),
        encode([Step(fraction + grid, state)]),
        encode([Step(2 * fraction, product)]),
    )


def _row(size: int, span: int, fraction: int) -> tuple[int, ...]:
    """How a code is looked up: see :mod:`netsurf.inject.portable_recurrent`."""
    factor, divisor = size << max(-fraction, 0), span << max(fraction, 0)
    common = int(np.gcd(factor, divisor))
    factor, divisor = factor // common, divisor // common
    shift = divisor.bit_length() - 1 if divisor & (divisor - 1) == 0 else -1
    return factor, divisor, shift, size // 2, size - 1


KINDS = (FastKind("lstm", _forward), FastKind("gru", _forward))
