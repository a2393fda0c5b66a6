"""``dense``: two ``ns_store``, ``ns_dense``, and the ``ns_feed`` that holds its sums for the next layer."""

from __future__ import annotations

from dataclasses import replace

from netsurf.emit.beats import add_feed, rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stores import add_store
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Sums
from netsurf.emit.verilog import banner, format_parameters, index_width, instance, quoted, short, wire
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, TensorSpec


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    factor, inputs, outputs = context.reuse_factor, stream.elements, layer.output.size
    per_beat = inputs // factor
    body.add(
        "",
        banner(layer.name, f"dense, {inputs} to {outputs}, reuse factor {factor}"),
        f"  // {per_beat} x {outputs} products a cycle; sums are {short(layer.attributes['accumulator'])}.",
    )
    stream = rebeat(stream, per_beat, layer.name, body)
    sums = add_sums(layer, stream, context, body)
    return to_output(_add_feed(layer, sums, context, body), layer, body)


def to_output(sums: Stream, layer: Layer, body: Body) -> Stream:
    """Sums in the output's format."""
    if layer.output.format != sums.format:
        body.add("")
    return requantize(sums, layer.output.format, f"{layer.name}_y", body)


def add_sums(layer: Layer, stream: Stream, context: Context, body: Body, lanes: int = 1) -> Stream:
    """Stores and ``ns_dense`` of a layer that multiplies ``stream`` with a kernel; the vector of its sums.

    ``lanes`` is the number of codes of an input: one for all outputs, or one for each (depthwise).
    """
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    outputs, serial = bias.codes.size, stream.beats > 1
    add_store(kernel, outputs, stream.per_beat // lanes, stream.handshake, context.masks[kernel.name], body)
    if bias.name in context.masks:  # the sums of an LSTM's state have none
        add_store(bias, outputs, 1, stream.handshake, context.masks[bias.name], body, later=int(serial))
    _add_dense(layer, stream, outputs, lanes, body, stored_bias=bias.name in context.masks)
    sums = f"{layer.name}_sum"
    body.timing.add(Sums(stream.handshake, f"{sums}_", beats=stream.beats, staged=serial))
    return Stream(f"{sums}_", sums, layer.attributes["accumulator"], outputs, outputs)


def _add_dense(
    layer: Layer, stream: Stream, outputs: int, lanes: int, body: Body, stored_bias: bool = True
) -> None:
    name, accumulator, per_beat = layer.name, layer.attributes["accumulator"], stream.per_beat // lanes
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    words, start = (parameter.name.replace(".", "_") for parameter in (kernel, bias))
    body.use("ns_dense", "ns_mac", "ns_requantize")
    if not _is_array(layer, stream):
        body.use("ns_mac_step")
    _list_registers(layer, stream, outputs, lanes, body)
    body.add(
        "",
        f"  wire {name}_sum_valid, {name}_sum_ready;",
        "  " + wire(outputs * accumulator.width, f"{name}_sum"),
        *(
            []
            if stored_bias
            else [f"  wire {start}_read;", f"  wire {start}_unused_ok = &{{1'b0, {start}_read, 1'b0}};"]
        ),
        "",
        *instance(
            "ns_dense",
            f"u_{name}",
            {
                "N_IN": str(stream.elements // lanes),
                "N_OUT": str(outputs),
                "PER_BEAT": str(per_beat),
                "ROW_W": str(index_width(stream.beats)),
                **({"X_LANES": str(lanes)} if lanes > 1 else {}),
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
                "x_last_i": stream.last,
                "x_data_i": stream.data,
                "kernel_read_o": f"{words}_read",
                "kernel_row_o": f"{words}_row",
                "kernel_data_i": f"{words}_data",
                "bias_read_o": f"{start}_read",
                "bias_data_i": f"{start}_data" if stored_bias else f"{outputs * bias.format.width}'d0",
                "acc_valid_o": f"{name}_sum_valid",
                "acc_ready_i": f"{name}_sum_ready",
                "acc_data_o": f"{name}_sum",
            },
        ),
    )


def _copies_bias(bias: FixedFormat, accumulator: FixedFormat) -> bool:
    """Whether assignment copies the smallest code, which a cast would not (:func:`netsurf.fixed.assign`)."""
    return bias == accumulator and accumulator.overflow == "SAT_SYM"


def _list_registers(layer: Layer, stream: Stream, outputs: int, lanes: int, body: Body) -> None:
    """Flip-flops of ``ns_dense``: the sums and whether they are complete; if serial, the beat before them."""
    name, cell = layer.name, f"u_{layer.name}"
    accumulator, kernel = layer.attributes["accumulator"], layer.parameters["kernel"]
    sums = "gen_array.gen_output[{}]" if _is_array(layer, stream) else "gen_chain"
    body.register(
        f"{name}.acc", "accumulator", (outputs, accumulator.width), f"{cell}.u_mac.{sums}.acc_q", "ns_mac"
    )
    body.register(f"{name}.done", "control", (1, 1), f"{cell}.done_q", "ns_dense")
    if stream.beats == 1:
        return
    serial = f"{cell}.gen_serial"
    beat = (stream.per_beat, stream.format.width)
    words = (stream.per_beat // lanes * outputs, kernel.format.width)
    body.register(f"{name}.x", "pipeline", beat, f"{serial}.x_q", "ns_dense")
    body.register(f"{name}.w", "pipeline", words, f"{serial}.w_q", "ns_dense")
    body.register(f"{name}.row", "control", (1, index_width(stream.beats)), f"{serial}.row_q", "ns_dense")
    for flag in ("mac", "first", "last"):
        body.register(f"{name}.{flag}", "control", (1, 1), f"{serial}.{flag}_q", "ns_dense")


def _is_array(layer: Layer, stream: Stream) -> bool:
    """Whether ``ns_mac`` is a plain multiply-add array, and no chain that rounds or saturates every term."""
    accumulator, kernel = layer.attributes["accumulator"], layer.parameters["kernel"]
    exact = accumulator.fraction >= stream.format.fraction + kernel.format.fraction
    return accumulator.overflow == "WRAP" and exact


def _add_feed(layer: Layer, sums: Stream, context: Context, body: Body) -> Stream:
    """The vector that the next layer takes; parallel to parallel, the accumulators themselves hold it."""
    name = layer.name
    if context.reuse_factor == 1 and context.next_per_beat == sums.elements:
        body.add("", f"  wire {name}_sum_last = 1'b1;")
        return sums
    beats = replace(
        sums,
        handshake=f"{name}_beat_",
        data=f"{name}_beat",
        per_beat=context.next_per_beat,
    )
    body.add("")
    add_feed(name, sums.data, beats, body)
    return beats


def _factors(layer: Layer, spec: TensorSpec) -> tuple[int, ...]:
    """Every divisor of the inputs."""
    return tuple(n for n in range(1, spec.size + 1) if spec.size % n == 0)


KIND = EmitKind("dense", _emit, factors=_factors)
