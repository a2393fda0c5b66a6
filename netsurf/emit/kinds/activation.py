"""``leaky_relu``, ``hard_sigmoid``, ``hard_tanh`` and ``table``: one cell, exact, and ``ns_requantize``."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, instance, short, wire
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer


def _cell(
    layer: Layer, cell: str, parameters: Mapping[str, str], target: FixedFormat, stream: Stream, body: Body
) -> Stream:
    """``stream`` through a cell whose results have the format ``target``, then to the layer's output."""
    name = f"{layer.name}_exact"
    body.use(cell)
    body.add(
        "",
        banner(layer.name, f"{layer.kind}, {short(stream.format)} to {short(layer.output.format)}"),
        "  " + wire(stream.per_beat * target.width, name),
        "",
        *instance(
            cell,
            f"u_{layer.name}",
            {
                "N": str(stream.per_beat),
                "X_W": str(stream.format.width),
                "X_SIGNED": str(int(stream.format.signed)),
                **parameters,
                "Y_W": str(target.width),
            },
            {"en_i": f"{stream.handshake}valid", "data_i": stream.data, "data_o": name},
        ),
        "",
    )
    return requantize(stream.changed(name, target), layer.output.format, f"{layer.name}_y", body)


def _leaky(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    alpha = layer.attributes["alpha_format"]
    product = stream.format.fraction + alpha.fraction
    fraction = max(stream.format.fraction, product)
    ups = fraction - stream.format.fraction, fraction - product
    width = stream.format.width + max(ups[0], alpha.width + ups[1]) + 2
    parameters = {"ALPHA": layer.attributes["alpha"], "X_UP": ups[0], "PRODUCT_UP": ups[1]}
    return _cell(layer, "ns_leaky_relu", _text(parameters), _exact(width, fraction), stream, body)


def _hard(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    slope, shift = layer.attributes["slope_format"], layer.attributes["shift_format"]
    product = stream.format.fraction + slope.fraction
    fraction = max(product, shift.fraction)
    ups = fraction - product, fraction - shift.fraction
    line = max(stream.format.width + slope.width + 1 + ups[0], shift.width + 1 + ups[1]) + 1
    parameters = {
        "SLOPE": layer.attributes["slope"],
        "SHIFT": layer.attributes["shift"],
        "PRODUCT_UP": ups[0],
        "SHIFT_UP": ups[1],
        "TANH": int(layer.kind == "hard_tanh"),
        "FRACTION": fraction,
    }
    width = max(line, fraction + 3)
    return _cell(layer, "ns_hard", _text(parameters), _exact(width, fraction), stream, body)


def _table(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    table, target = layer.attributes["table"], layer.attributes["table_format"]
    fraction, size = stream.format.fraction, len(table)
    up, down = size << max(-fraction, 0), layer.attributes["span"] << max(fraction, 0)
    common = gcd(up, down)
    up, down = up // common, down // common
    width = max(stream.format.width + up.bit_length(), down.bit_length(), size.bit_length()) + 3
    code = sum((entry & ((1 << target.width) - 1)) << (k * target.width) for k, entry in enumerate(table))
    parameters = {
        "SIZE": str(size),
        "UP": str(up),
        "DOWN": _number(down, width),
        "WIDE": str(width),
        "TABLE": f"{size * target.width}'h{code:x}",
    }
    plain = FixedFormat(target.width, target.integer, target.signed)
    return _cell(layer, "ns_table", parameters, plain, stream, body)


def _number(value: int, width: int) -> str:
    """A literal of any size: a plain number has 32 bits."""
    return str(value) if value < 1 << 31 else f"{width}'d{value}"


def _text(parameters: Mapping[str, int]) -> dict[str, str]:
    return {key: str(value) for key, value in parameters.items()}


def _exact(width: int, fraction: int) -> FixedFormat:
    """A signed format that holds every bit of a result."""
    return FixedFormat(width, width - fraction)


KINDS = (
    EmitKind("leaky_relu", _leaky),
    EmitKind("hard_sigmoid", _hard),
    EmitKind("hard_tanh", _hard),
    EmitKind("table", _table),
)
