"""``batchnorm``: two stores of one word, ``ns_scale``, and the assignment to the output's format."""

from __future__ import annotations

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stores import add_store
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, instance, wire
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    channels = layer.output.shape[-1]
    body.add("", banner(layer.name, f"batch normalisation, {channels} channels, scale and bias are stored"))
    stream = rebeat(stream, channels, layer.name, body)
    for parameter in layer.parameters.values():
        add_store(parameter, channels, 1, stream.handshake, context.masks[parameter.name], body)
    exact = _add_scale(layer, stream, body)
    return requantize(
        stream.changed(f"{layer.name}_exact", exact), layer.output.format, f"{layer.name}_y", body
    )


def _add_scale(layer: Layer, stream: Stream, body: Body) -> FixedFormat:
    """``ns_scale``; the format that holds its results."""
    name, scale, bias = (
        layer.name,
        layer.parameters["scale"].format,
        layer.parameters["bias"].format,
    )
    product = stream.format.fraction + scale.fraction
    fraction = max(product, bias.fraction)
    ups = fraction - product, fraction - bias.fraction
    width = max(stream.format.width + scale.width + 1 + ups[0], bias.width + 1 + ups[1]) + 1
    body.use("ns_scale")
    body.add(
        f"  assign {name}_scale_read = {stream.handshake}valid && {stream.handshake}ready;",
        f"  assign {name}_bias_read = {stream.handshake}valid && {stream.handshake}ready;",
        "",
        "  " + wire(stream.per_beat * width, f"{name}_exact"),
        "",
        *instance(
            "ns_scale",
            f"u_{name}",
            {
                "N": str(stream.per_beat),
                "X_W": str(stream.format.width),
                "X_SIGNED": str(int(stream.format.signed)),
                "S_W": str(scale.width),
                "S_SIGNED": str(int(scale.signed)),
                "B_W": str(bias.width),
                "B_SIGNED": str(int(bias.signed)),
                "PRODUCT_UP": str(ups[0]),
                "BIAS_UP": str(ups[1]),
                "Y_W": str(width),
            },
            {
                "en_i": f"{stream.handshake}valid",
                "x_i": stream.data,
                "scale_i": f"{name}_scale_data",
                "bias_i": f"{name}_bias_data",
                "y_o": f"{name}_exact",
            },
        ),
        "",
    )
    return FixedFormat(width, width - fraction)


KIND = EmitKind("batchnorm", _emit, pixels=True)
