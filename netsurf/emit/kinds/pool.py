"""``max_pool`` and ``average_pool``: ``ns_window`` and ``ns_pool``; over a whole image ``ns_pool`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Sums
from netsurf.emit.verilog import banner, format_parameters, index_width, instance, wire
from netsurf.emit.windows import add_window, pixels
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer
from netsurf.ir.kinds.window import window_of


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    mean, size = layer.kind == "average_pool", layer.attributes["size"]
    window = window_of(layer, context.spec, size)
    count, channels = prod(size), window.shape[-1]
    shapes = " to ".join(" x ".join(map(str, spec.shape)) for spec in (context.spec, layer.output))
    body.add("", banner(layer.name, f"{layer.kind.replace('_', ' ')} of {count} pixels, {shapes}"))
    stream = rebeat(stream, channels, layer.name, body)
    if size != window.shape[:-1] or any(window.padding):
        pad = 0 if mean else stream.format.minimum
        stream = add_window(layer.name, window, pad, stream, channels, body)
        body.add(f"  wire {layer.name}_unused_ok = &{{1'b0, {layer.name}_patch_last, 1'b0}};")
    target = layer.attributes["accumulator"] if mean else stream.format
    divisors = window.overlap().reshape(-1).tolist() if mean else [count]
    reduced = pixels(_add_pool(layer, stream, count, channels, target, body, divisors), layer.output.size)
    accumulated = requantize(reduced, layer.attributes["accumulator"], f"{layer.name}_acc", body)
    return requantize(accumulated, layer.output.format, f"{layer.name}_y", body)


def _add_pool(
    layer: Layer,
    stream: Stream,
    count: int,
    channels: int,
    target: FixedFormat,
    body: Body,
    divisors: Sequence[int],
) -> Stream:
    """``ns_pool`` over ``count`` pixels; its vector of ``channels`` codes. ``divisors``: of each result."""
    name, cell, mean = f"{layer.name}_pool", f"u_{layer.name}_pool", layer.kind == "average_pool"
    body.use("ns_pool", *(["ns_requantize"] if mean else []))
    body.timing.add(Sums(stream.handshake, f"{name}_", beats=count))
    sums, still = (channels, target.width), channels * _still(stream.format, target) if mean else 0
    body.register(f"{layer.name}.acc", "accumulator", sums, f"{cell}.acc_q", "ns_pool", idle=still)
    body.register(f"{layer.name}.done", "control", (1, 1), f"{cell}.done_q", "ns_pool")
    if count > 1:
        beat = (1, index_width(count))
        body.register(f"{layer.name}.beat", "control", beat, f"{cell}.gen_parts.beat_q", "ns_pool")
    places = _places(divisors, count)
    if "PLACES" in places:
        place = (1, index_width(len(divisors)))
        body.register(f"{layer.name}.place", "control", place, f"{cell}.gen_places.place_q", "ns_pool")
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
                **places,
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


def _still(source: FixedFormat, target: FixedFormat) -> int:
    """Low bits of every sum that are 0: those of an accumulator finer than its codes, unless it saturates."""
    return max(target.fraction - source.fraction, 0) if target.overflow == "WRAP" else 0


def _places(divisors: Sequence[int], count: int) -> dict[str, str]:
    """Parameters of ``ns_pool`` that tell it the divisor of each result; none if all are ``count``.

    >>> _places([4, 6, 4], 9)["DIVISORS"]
    "{32'd6, 32'd4}"
    """
    kinds = sorted(set(divisors))
    if len(kinds) == 1:
        return {} if kinds == [count] else {"DIVISORS": f"32'd{kinds[0]}"}
    width = index_width(len(kinds))
    which = sum(kinds.index(divisor) << (width * place) for place, divisor in enumerate(divisors))
    return {
        "PLACES": str(len(divisors)),
        "KINDS": str(len(kinds)),
        "DIVISORS": "{" + ", ".join(f"32'd{n}" for n in reversed(kinds)) + "}",
        "PLACE_W": str(index_width(len(divisors))),
        "KIND_W": str(width),
        "WHICH": f"{width * len(divisors)}'h{which:x}",
    }


MAX = EmitKind("max_pool", _emit, pixels=True)
AVERAGE = EmitKind("average_pool", _emit, pixels=True)
