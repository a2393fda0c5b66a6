"""Activations beyond the rectifier: ``leaky_relu``, ``hard_sigmoid``, ``hard_tanh`` and ``table``.

``leaky_relu``    ``output(x)`` for positive x, else ``output(alpha * x)``, the product exact.
``hard_sigmoid``  ``output(clip(slope * x + shift, 0, 1))``, exact before the assignment.
``hard_tanh``     ``output(2 * clip(slope * x + shift, 0, 1) - 1)``, exact before the assignment.
``table``         ``output(table[clip(trunc(x * size / span) + size / 2, 0, size - 1)])``: ``x`` is the real
                  value, ``trunc`` goes towards zero, ``size`` is the table's length and ``span`` the part of
                  the real line that it covers. The codes of the table are part of the network: no engine
                  computes a function of real numbers.

Constants are attributes: a code and its format (``alpha`` and ``alpha_format``, and so on). They are no
stored bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netsurf.errors import UnknownNameError
from netsurf.fixed import FixedFormat, assign, cast, quantize
from netsurf.ir.kinds.base import Codes, LayerKind, format_attribute, require
from netsurf.ir.kinds.linear import check_elementwise


def _constant(layer, key):
    """Code and format of a constant."""
    form, code = format_attribute(layer, f"{key}_format"), layer.attributes.get(key)
    fits = isinstance(code, int) and form.minimum <= code <= form.maximum
    require(fits, layer, f"'{key}' must be a code of {form}, not {code}")
    return code, form


def _check_leaky(layer, specs):
    check_elementwise(layer, specs)
    _, form = _constant(layer, "alpha")
    require(
        specs[0].format.width + form.width + abs(form.fraction) <= 61, layer, "products would not fit 62 bits"
    )


def _leaky(layer, inputs, specs, parameters):
    (alpha, form), x = _constant(layer, "alpha"), inputs[0]
    fraction = specs[0].format.fraction
    above = cast(x, fraction, layer.output.format)
    return np.where(x > 0, above, cast(x * alpha, fraction + form.fraction, layer.output.format))


def _check_hard(layer, specs):
    check_elementwise(layer, specs)
    (_, slope), (_, shift) = _constant(layer, "slope"), _constant(layer, "shift")
    require(slope.fraction >= 0 and shift.fraction >= 0, layer, "slope and shift need fractional bits")
    lift = max(shift.fraction - specs[0].format.fraction - slope.fraction, 0)
    require(specs[0].format.width + slope.width + lift <= 59, layer, "products would not fit 62 bits")


def _unit(layer, inputs, specs):
    """``clip(slope * x + shift, 0, 1)`` and its fractional bits."""
    (slope, slope_format), (shift, shift_format) = _constant(layer, "slope"), _constant(layer, "shift")
    product = specs[0].format.fraction + slope_format.fraction
    fraction = max(product, shift_format.fraction)
    line = (inputs[0] * slope << (fraction - product)) + (shift << (fraction - shift_format.fraction))
    return np.clip(line, 0, 1 << fraction), fraction


def _hard_sigmoid(layer, inputs, specs, parameters):
    unit, fraction = _unit(layer, inputs, specs)
    return cast(unit, fraction, layer.output.format)


def _hard_tanh(layer, inputs, specs, parameters):
    unit, fraction = _unit(layer, inputs, specs)
    return cast(2 * unit - (1 << fraction), fraction, layer.output.format)


def _check_table(layer, specs):
    check_elementwise(layer, specs)
    form, table = format_attribute(layer, "table_format"), layer.attributes.get("table")
    require(isinstance(table, tuple) and len(table) >= 2, layer, "attribute 'table' must be a list of codes")
    require(form.minimum <= min(table) <= max(table) <= form.maximum, layer, f"table does not fit {form}")
    span = layer.attributes.get("span")
    require(isinstance(span, int) and span > 0, layer, "attribute 'span' must be a positive integer")
    source = specs[0].format
    require(source.integer + len(table).bit_length() <= 30, layer, "an index would not fit 32 bits")


def look_up(codes: Codes, fraction: int, table: Sequence[int] | Codes, span: int) -> Codes:
    """Entries of a table for codes with ``fraction`` fractional bits."""
    scaled = codes * (len(table) << max(-fraction, 0))
    steps = np.sign(scaled) * (np.abs(scaled) // (span << max(fraction, 0)))
    index = np.clip(steps + len(table) // 2, 0, len(table) - 1)
    return np.asarray(table, dtype=np.int64)[index]


def _table(layer, inputs, specs, parameters):
    table, span = layer.attributes["table"], layer.attributes["span"]
    codes = look_up(inputs[0], specs[0].format.fraction, table, span)
    return assign(codes, format_attribute(layer, "table_format"), layer.output.format)


SPANS = {"sigmoid": 16, "tanh": 8, "softplus": 16, "softsign": 16}
"""Functions that hls4ml tabulates, and how much of the real line each table covers, around zero."""

_F = np.float32
_REAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda x: (1.0 / (_F(1) + np.exp(-x)).astype(np.float64)).astype(_F),
    "tanh": lambda x: np.tanh(x.astype(np.float64)),
    "softplus": lambda x: np.log(np.exp(x).astype(np.float64) + 1.0).astype(_F),
    "softsign": lambda x: (x / (np.abs(x).astype(np.float64) + 1.0)).astype(_F),
}


def table_codes(function: str, size: int, form: FixedFormat) -> tuple[int, ...]:
    """Codes of hls4ml's table of a function, with its own mixture of 32- and 64-bit floating point.

    >>> table_codes("sigmoid", 4, FixedFormat(8, 1))
    (0, 2, 64, 125)
    """
    if function not in SPANS:
        raise UnknownNameError("table function", function, SPANS)
    x = (SPANS[function] * (np.arange(size) - size / 2) / size).astype(_F)
    return tuple(int(code) for code in quantize(_REAL[function](x), form))


KINDS = (
    LayerKind("leaky_relu", _check_leaky, _leaky),
    LayerKind("hard_sigmoid", _check_hard, _hard_sigmoid),
    LayerKind("hard_tanh", _check_hard, _hard_tanh),
    LayerKind("table", _check_table, _table),
)
