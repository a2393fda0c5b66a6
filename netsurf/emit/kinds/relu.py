"""``relu``: ``ns_relu`` in the input's format, then ``ns_requantize`` to the output's."""

from __future__ import annotations

from dataclasses import replace

from netsurf.emit.kinds.base import EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.verilog import banner, instance, short, wire


def _emit(layer, stream, context, body):
    body.add("", banner(layer.name, f"relu, {short(stream.format)} to {short(layer.output.format)}"))
    return requantize(_rectified(layer, stream, body), layer.output.format, layer.name, body)


def _rectified(layer, stream, body):
    if not stream.format.signed:
        return stream
    data = f"{layer.name}_positive"
    body.use("ns_relu")
    body.add(
        "  " + wire(stream.width, data),
        "",
        *instance(
            "ns_relu",
            f"u_{layer.name}_max",
            {"N": str(stream.per_beat), "WIDTH": str(stream.format.width)},
            {"data_i": stream.data, "data_o": data},
        ),
        "",
    )
    return stream.changed(data, replace(stream.format, signed=True))


KIND = EmitKind("relu", _emit)
