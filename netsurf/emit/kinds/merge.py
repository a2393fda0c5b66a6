"""``add`` and ``concatenate``: branches that meet. A FIFO holds what the shorter one has ready too early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Fifo, Join
from netsurf.emit.verilog import banner, index_width, instance, wire
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer


def _add(layer: Layer, streams: Sequence[Stream], context: Context, body: Body) -> Stream:
    body.add("", banner(layer.name, f"add, {' x '.join(map(str, layer.output.shape))}"))
    per_beat = layer.output.shape[-1]
    both = _joined(layer, streams, (per_beat, per_beat), body)
    a, b = (stream.format for stream in both)
    fraction = max(a.fraction, b.fraction)
    width = max(f.width + fraction - f.fraction for f in (a, b)) + 2
    name = f"{layer.name}_exact"
    body.use("ns_add")
    sizes = {"N": str(per_beat)}
    for prefix, number in (("A", a), ("B", b)):
        sizes |= {f"{prefix}_W": str(number.width), f"{prefix}_SIGNED": str(int(number.signed))}
        sizes |= {f"{prefix}_UP": str(fraction - number.fraction)}
    ports = {"en_i": f"{layer.name}_valid", "a_i": both[0].data, "b_i": both[1].data, "y_o": name}
    body.add(
        "  " + wire(per_beat * width, name),
        "",
        *instance("ns_add", f"u_{layer.name}", {**sizes, "Y_W": str(width)}, ports),
        "",
    )
    met = _met(layer, name, FixedFormat(width, width - fraction), per_beat)
    return requantize(met, layer.output.format, f"{layer.name}_y", body)


def _concatenate(layer: Layer, streams: Sequence[Stream], context: Context, body: Body) -> Stream:
    """Along the last axis pixel by pixel; along another one, of a whole image after the other."""
    axis = layer.attributes["axis"]
    body.add("", banner(layer.name, f"concatenate along axis {axis} to {layer.output.shape}"))
    # Codes that stand together in the result: everything from the axis on.
    pieces = [stream.elements // prod(layer.output.shape[:axis]) for stream in streams]
    both = _joined(layer, streams, pieces, body)
    assigned = []
    for number, stream in enumerate(both):
        watched = replace(stream, handshake=f"{layer.name}_")
        assigned.append(requantize(watched, layer.output.format, f"{layer.name}_{number}_y", body))
    name, per_beat = f"{layer.name}_all", sum(pieces)
    width = per_beat * layer.output.format.width
    joined = f"{{{assigned[1].data}, {assigned[0].data}}}"
    body.add("  " + wire(width, name).replace(";", f" = {joined};"))
    return _met(layer, name, layer.output.format, per_beat)


def _met(layer: Layer, data: str, target: FixedFormat, per_beat: int) -> Stream:
    return Stream(f"{layer.name}_", data, target, layer.output.size, per_beat, pixels=True)


def _joined(layer: Layer, streams: Sequence[Stream], beats: Sequence[int], body: Body) -> list[Stream]:
    """The streams, ``beats`` codes a beat, behind their FIFOs; they move under the handshake ``<layer>_``."""
    held = []
    for number, (stream, per_beat) in enumerate(zip(streams, beats, strict=True)):
        name = f"{layer.name}_{number}"
        held.append(_held(rebeat(stream, per_beat, name, body), name, body))
    body.timing.add(Join(tuple(stream.handshake for stream in held), f"{layer.name}_"))
    a, b = (stream.handshake for stream in held)
    body.add(
        "",
        f"  wire {layer.name}_valid = {a}valid && {b}valid;",
        f"  wire {layer.name}_ready;",
        f"  assign {a}ready = {layer.name}_ready && {b}valid;",
        f"  assign {b}ready = {layer.name}_ready && {a}valid;",
    )
    return held


def _held(stream: Stream, name: str, body: Body) -> Stream:
    """``stream`` behind the FIFO ``<name>``, if it needs one."""
    depth = body.depths.get(name)
    if depth == 0:
        return stream
    body.timing.add(Fifo(stream.handshake, f"{name}_held_", depth=depth, name=name))
    _list_fifo(stream, name, depth or 1, body)
    data = f"{name}_held"
    body.add(
        "",
        f"  wire {data}_valid, {data}_ready;",
        "  " + wire(stream.width, data),
        "",
        *instance(
            "ns_fifo",
            f"u_{name}_fifo",
            {
                "DEPTH": str(depth),
                "WIDTH": str(stream.width),
                "PLACE_W": str(index_width(depth or 1)),
                "COUNT_W": str(index_width((depth or 1) + 1)),
            },
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "in_valid_i": f"{stream.handshake}valid",
                "in_ready_o": f"{stream.handshake}ready",
                "in_data_i": stream.data,
                "out_valid_o": f"{data}_valid",
                "out_ready_i": f"{data}_ready",
                "out_data_o": data,
            },
        ),
    )
    return replace(stream, handshake=f"{data}_", data=data, pixels=True)


def _list_fifo(stream: Stream, name: str, depth: int, body: Body) -> None:
    cell = f"u_{name}_fifo"
    body.use("ns_fifo")
    body.register(f"{name}.fifo", "activation", (depth, stream.width), f"{cell}.mem_q[{{}}]", "ns_fifo")
    for register, width in (("head", depth), ("tail", depth), ("count", depth + 1)):
        shape = (1, index_width(width))
        body.register(f"{name}.{register}", "control", shape, f"{cell}.{register}_q", "ns_fifo")


ADD = EmitKind("add", _add, pixels=True)
CONCATENATE = EmitKind("concatenate", _concatenate, pixels=True)
