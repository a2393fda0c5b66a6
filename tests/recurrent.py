"""Hypothesis strategy for LSTM and GRU layers: units, formats, tables, the whole sequence or its end."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.kinds.activation import SPANS, table_codes
from netsurf.ir.kinds.recurrent import GATES
from tests.strategies import OVERFLOWS, ROUNDINGS, formats, random_codes

TABLES = (FixedFormat(18, 8), FixedFormat(8, 2, True, "RND", "SAT"), FixedFormat(6, 1))


@st.composite
def recurrent(draw, name, source, spec: TensorSpec, rng, kinds=tuple(GATES), units=4, widths=(2, 8)):
    """A recurrent layer with random weights that reads ``source``; ``spec`` is what that is."""
    kind, units = draw(st.sampled_from(kinds)), draw(st.integers(1, units))
    (steps, features), columns = spec.shape, GATES[kind] * units
    shapes = {"kernel": (features, columns), "bias": (columns,), "recurrent": (units, columns)}
    if kind == "gru":
        shapes["recurrent_bias"] = (columns,)
    shape = (steps, units) if draw(st.booleans()) else (units,)
    output = TensorSpec(shape, _signed(draw, (2, 9), (-1, 4)))
    stored = {role: _stored(draw, name, role, size, widths, rng) for role, size in shapes.items()}
    attributes = _attributes(draw)
    fractions = (
        spec.format.fraction + stored["kernel"].format.fraction,
        output.format.fraction + stored["recurrent"].format.fraction,
        1,
    )
    if draw(st.booleans()) and max(fractions) <= 16:  # sums that wrap and lose no bit
        integer = attributes["accumulator"].integer
        attributes["accumulator"] = FixedFormat(integer + max(fractions), integer)
    return Layer(name, kind, (source,), output, stored, attributes)


def _stored(draw, name, role, shape, widths, rng) -> Parameter:
    form = draw(formats(widths))
    return Parameter(f"{name}.{role}", random_codes(form, shape, rng), form)


def _signed(draw, widths, integers) -> FixedFormat:
    modes = draw(st.sampled_from(ROUNDINGS)), draw(st.sampled_from(OVERFLOWS))
    return FixedFormat(draw(st.integers(*widths)), draw(st.integers(*integers)), True, *modes)


def _attributes(draw):
    """Accumulator and tables; sums that are exact, that lose bits, that wrap or saturate."""
    integer, fraction = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    modes = draw(st.sampled_from(ROUNDINGS)), draw(st.sampled_from(OVERFLOWS))
    form, size = draw(st.sampled_from(TABLES)), draw(st.sampled_from([16, 64, 1024]))
    attributes = {
        "accumulator": FixedFormat(integer + fraction, integer, True, *modes),
        "table_format": form,
        "reuse_factor": 1,
    }
    for which in ("gate", "cell"):
        function = draw(st.sampled_from(["sigmoid", "tanh"]))
        attributes[f"{which}_table"] = table_codes(function, size, form)
        attributes[f"{which}_span"] = SPANS[function]
    return attributes


@st.composite
def networks(draw, kinds=tuple(GATES), steps=4, features=3, units=4):
    """One recurrent layer over a short sequence, and a dense layer behind half of them."""
    shape = draw(st.integers(1, steps)), draw(st.integers(1, features))
    spec = TensorSpec(shape, draw(formats((1, 8))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers = [draw(recurrent("cell", "input", spec, rng, kinds, units))]
    if len(layers[0].output.shape) > 1:
        flat = TensorSpec((layers[0].output.size,), layers[0].output.format)
        layers.append(Layer("flat", "flatten", ("cell",), flat))
    return Network("drawn", spec, tuple(layers), draw(st.sampled_from(["classification", "regression"])))
