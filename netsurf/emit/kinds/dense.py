"""``dense``: two ``ns_store``, ``ns_dense``, and the ``ns_feed`` that holds its sums for the next layer."""

from __future__ import annotations

from dataclasses import replace

from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stores import add_store
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, format_parameters, index_width, instance, quoted, short, wire
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    factor, inputs, outputs = context.reuse_factor, stream.elements, layer.output.size
    per_beat = inputs // factor
    serial = factor > 1
    body.interval = max(body.interval, factor)
    body.add(
        "",
        banner(layer.name, f"dense, {inputs} to {outputs}, reuse factor {factor}"),
        f"  // {per_beat} x {outputs} products a cycle; sums are {short(layer.attributes['accumulator'])}.",
    )
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    add_store(kernel, outputs, per_beat, stream.cycle, context.masks[kernel.name], body)
    add_store(bias, outputs, 1, stream.cycle + int(serial), context.masks[bias.name], body)
    _add_dense(layer, stream, per_beat, body)
    sums = _add_feed(layer, stream, context, body)
    if layer.output.format != sums.format:
        body.add("")
    return requantize(sums, layer.output.format, f"{layer.name}_y", body)


def _add_dense(layer: Layer, stream: Stream, per_beat: int, body: Body) -> None:
    name, outputs, accumulator = layer.name, layer.output.size, layer.attributes["accumulator"]
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    body.use("ns_dense", "ns_mac", "ns_requantize")
    if not _is_array(layer, stream):
        body.use("ns_mac_step")
    _list_registers(layer, stream, per_beat, body)
    body.add(
        "",
        f"  wire {name}_sum_valid, {name}_sum_ready;",
        "  " + wire(outputs * accumulator.width, f"{name}_sum"),
        "",
        *instance(
            "ns_dense",
            f"u_{name}",
            {
                "N_IN": str(stream.elements),
                "N_OUT": str(outputs),
                "PER_BEAT": str(per_beat),
                "ROW_W": str(index_width(stream.beats)),
                **format_parameters("X", stream.format),
                **format_parameters("W", kernel.format),
                **format_parameters("B", bias.format),
                **format_parameters("ACC", accumulator, modes=True),
                **({"B_OVERFLOW": quoted("WRAP")} if _copies_bias(bias.format, accumulator) else {}),
            },
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "x_valid_i": f"{stream.handshake}valid",
                "x_ready_o": f"{stream.handshake}ready",
                "x_last_i": f"{stream.handshake}last",
                "x_data_i": stream.data,
                "kernel_read_o": f"{name}_kernel_read",
                "kernel_row_o": f"{name}_kernel_row",
                "kernel_data_i": f"{name}_kernel_data",
                "bias_read_o": f"{name}_bias_read",
                "bias_data_i": f"{name}_bias_data",
                "acc_valid_o": f"{name}_sum_valid",
                "acc_ready_i": f"{name}_sum_ready",
                "acc_data_o": f"{name}_sum",
            },
        ),
    )


def _copies_bias(bias: FixedFormat, accumulator: FixedFormat) -> bool:
    """Whether assignment copies the smallest code, which a cast would not (:func:`netsurf.fixed.assign`)."""
    return bias == accumulator and accumulator.overflow == "SAT_SYM"


def _list_registers(layer: Layer, stream: Stream, per_beat: int, body: Body) -> None:
    """Flip-flops of ``ns_dense``: the sums and whether they are complete; if serial, the beat before them."""
    name, cell, outputs = layer.name, f"u_{layer.name}", layer.output.size
    accumulator, kernel = layer.attributes["accumulator"], layer.parameters["kernel"]
    sums = "gen_array.gen_output[{}]" if _is_array(layer, stream) else "gen_chain"
    body.register(
        f"{name}.acc", "accumulator", (outputs, accumulator.width), f"{cell}.u_mac.{sums}.acc_q", "ns_mac"
    )
    body.register(f"{name}.done", "control", (1, 1), f"{cell}.done_q", "ns_dense")
    if per_beat == stream.elements:
        return
    serial = f"{cell}.gen_serial"
    beat = (per_beat, stream.format.width)
    body.register(f"{name}.x", "pipeline", beat, f"{serial}.x_q", "ns_dense")
    body.register(
        f"{name}.w", "pipeline", (per_beat * outputs, kernel.format.width), f"{serial}.w_q", "ns_dense"
    )
    body.register(f"{name}.row", "control", (1, index_width(stream.beats)), f"{serial}.row_q", "ns_dense")
    for flag in ("mac", "first", "last"):
        body.register(f"{name}.{flag}", "control", (1, 1), f"{serial}.{flag}_q", "ns_dense")


def _is_array(layer: Layer, stream: Stream) -> bool:
    """Whether ``ns_mac`` is a plain multiply-add array, and no chain that rounds or saturates every term."""
    accumulator, kernel = layer.attributes["accumulator"], layer.parameters["kernel"]
    exact = accumulator.fraction >= stream.format.fraction + kernel.format.fraction
    return accumulator.overflow == "WRAP" and exact


def _add_feed(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    """The vector that the next layer takes; parallel to parallel, the accumulators themselves hold it."""
    factor, name = context.reuse_factor, layer.name
    cycle = stream.cycle + (factor + 1 if factor > 1 else 1)
    sums = Stream(
        f"{name}_sum_",
        f"{name}_sum",
        layer.attributes["accumulator"],
        layer.output.size,
        layer.output.size,
        cycle,
    )
    if factor == 1 and context.next_per_beat == sums.elements:
        body.add("", f"  wire {name}_sum_last = 1'b1;")
        return sums
    beats = replace(
        sums, handshake=f"{name}_beat_", data=f"{name}_beat", per_beat=context.next_per_beat, cycle=cycle + 1
    )
    body.add("")
    add_feed(name, sums.data, beats, body)
    return beats


def add_feed(name: str, vector: str, sums: Stream, body: Body) -> None:
    """The vector register ``u_<name>_feed`` that turns wires ``<vector>`` into the beats of ``sums``."""
    body.use("ns_feed")
    shape = (sums.elements, sums.format.width)
    body.register(f"{name}.feed", "activation", shape, f"u_{name}_feed.data_q", "ns_feed")
    body.register(f"{name}.feed_valid", "control", (1, 1), f"u_{name}_feed.valid_q", "ns_feed")
    if sums.beats > 1:
        counter = (1, index_width(sums.beats))
        body.register(f"{name}.feed_beat", "control", counter, f"u_{name}_feed.gen_parts.beat_q", "ns_feed")
    body.add(
        f"  wire {sums.handshake}valid, {sums.handshake}ready, {sums.handshake}last;",
        "  " + wire(sums.width, sums.data),
        "",
        *instance(
            "ns_feed",
            f"u_{name}_feed",
            {
                "N": str(sums.elements),
                "WIDTH": str(sums.format.width),
                "PER_BEAT": str(sums.per_beat),
                "COUNT_W": str(index_width(sums.beats)),
            },
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "vec_valid_i": f"{vector}_valid",
                "vec_ready_o": f"{vector}_ready",
                "vec_data_i": vector,
                "beat_valid_o": f"{sums.handshake}valid",
                "beat_ready_i": f"{sums.handshake}ready",
                "beat_last_o": f"{sums.handshake}last",
                "beat_data_o": sums.data,
            },
        ),
    )


KIND = EmitKind("dense", _emit)
