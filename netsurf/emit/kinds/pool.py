"""``max_pool`` and ``average_pool``: ``ns_window`` and ``ns_pool``; over a whole image ``ns_pool`` alone."""

from __future__ import annotations

from math import prod

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Sums
from netsurf.emit.verilog import banner, format_parameters, index_width, instance, wire
from netsurf.emit.windows import add_window, pixels
from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer
from netsurf.ir.kinds.window import window_of


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    mean, size = layer.kind == "average_pool", layer.attributes["size"]
    window = window_of(layer, context.spec, size)
    count, channels = prod(size), window.shape[-1]
    if mean and len(set(window.overlap().reshape(-1))) > 1:
        raise UnsupportedLayerError(
            f"layer '{layer.name}': an average over windows that the border cuts has no Verilog; "
            "use padding 'valid' there"
        )
    shapes = " to ".join(" x ".join(map(str, spec.shape)) for spec in (context.spec, layer.output))
    body.add("", banner(layer.name, f"{layer.kind.replace('_', ' ')} of {count} pixels, {shapes}"))
    stream = rebeat(stream, channels, layer.name, body)
    if size != window.shape[:-1] or any(window.padding):
        pad = 0 if mean else stream.format.minimum
        stream = add_window(layer.name, window, pad, stream, channels, body)
        body.add(f"  wire {layer.name}_unused_ok = &{{1'b0, {layer.name}_patch_last, 1'b0}};")
    target = layer.attributes["accumulator"] if mean else stream.format
    reduced = pixels(_add_pool(layer, stream, count, channels, target, body), layer.output.size)
    accumulated = requantize(reduced, layer.attributes["accumulator"], f"{layer.name}_acc", body)
    return requantize(accumulated, layer.output.format, f"{layer.name}_y", body)


def _add_pool(
    layer: Layer, stream: Stream, count: int, channels: int, target: FixedFormat, body: Body
) -> Stream:
    """``ns_pool`` over ``count`` pixels; its vector of ``channels`` codes."""
    name, cell, mean = f"{layer.name}_pool", f"u_{layer.name}_pool", layer.kind == "average_pool"
    body.use("ns_pool", *(["ns_requantize"] if mean else []))
    body.timing.add(Sums(stream.handshake, f"{name}_", beats=count))
    body.register(f"{layer.name}.acc", "accumulator", (channels, target.width), f"{cell}.acc_q", "ns_pool")
    body.register(f"{layer.name}.done", "control", (1, 1), f"{cell}.done_q", "ns_pool")
    if count > 1:
        beat = (1, index_width(count))
        body.register(f"{layer.name}.beat", "control", beat, f"{cell}.gen_parts.beat_q", "ns_pool")
    body.add(
        "",
        f"  wire {name}_valid, {name}_ready;",
        "  " + wire(channels * target.width, name),
        "",
        *instance(
            "ns_pool",
            cell,
            {
                "N": str(channels),
                "COUNT": str(count),
                "MEAN": str(int(mean)),
                "COUNT_W": str(index_width(count)),
                **format_parameters("X", stream.format),
                **format_parameters("ACC", target, modes=True),
            },
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "x_valid_i": f"{stream.handshake}valid",
                "x_ready_o": f"{stream.handshake}ready",
                "x_data_i": stream.data,
                "acc_valid_o": f"{name}_valid",
                "acc_ready_i": f"{name}_ready",
                "acc_data_o": name,
            },
        ),
    )
    return Stream(f"{name}_", name, target, channels, channels)


MAX = EmitKind("max_pool", _emit, pixels=True)
AVERAGE = EmitKind("average_pool", _emit, pixels=True)
