"""``lstm`` and ``gru``: a ``ns_dense`` for the step's input, one for the state, and ``ns_recurrent``.

The reuse factor is the cycles of the slower of the two sums. Each takes the most beats that divide its inputs
and are no more; the units are updated in as many beats as the state is read in.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.dense import add_sums
from netsurf.emit.kinds.linear import requantize
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Join, Opening, State, Steps, Sums, Update
from netsurf.emit.verilog import banner, format_parameters, index_width, instance, short, wire
from netsurf.emit.windows import pixels
from netsurf.fixed import FixedFormat, cast
from netsurf.fixed.format import MAX_WIDTH
from netsurf.ir import Layer, TensorSpec
from netsurf.ir.kinds.recurrent import GATES, operands, tables_of, units_of


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    steps, features = context.spec.shape
    units, name = units_of(layer), layer.name
    x_beats, beats = _beats(features, context.reuse_factor), _beats(units, context.reuse_factor)
    body.add(
        "",
        banner(name, f"{layer.kind}, {steps} steps of {features} to {units} units"),
        f"  // {features // x_beats} + {units // beats} inputs x {GATES[layer.kind] * units} sums a cycle, "
        f"{max(x_beats, beats)} cycles a step;",
        f"  // sums are {short(layer.attributes['accumulator'])}.",
    )
    body.add(f"  wire {name}_last_unused_ok = &{{1'b0, {stream.last}, 1'b0}};")
    stream = rebeat(stream, features // x_beats, name, body)
    (outer, _), (inner, _) = operands(layer, context.spec)
    clock = Steps(x_beats=x_beats, beats=beats, steps=steps, every=len(layer.output.shape) == 2)
    a = _add_sums(outer, _opened(layer, stream, features, clock, body), context, body)
    inner = replace(inner, name=f"{name}_h")
    b = _add_sums(inner, _state(layer, units // beats, clock, body), context, body)
    kept = max(a.format.fraction, b.format.fraction)
    a, b = (_on_grid(sums, layer, body) for sums in (a, b))
    return pixels(_add_cell(layer, clock, kept, a, b, body), layer.output.size)


def _add_sums(operand: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    """The sums of one operand; one that wraps has no bits below those that its terms have."""
    accumulator, (kernel, bias) = operand.attributes["accumulator"], operand.parameters.values()
    fraction = stream.format.fraction + kernel.format.fraction
    if bias.name in context.masks:
        fraction = max(fraction, bias.format.fraction)
    width = accumulator.integer + fraction
    if accumulator.overflow == "WRAP" and 1 <= width < accumulator.width:
        narrow = replace(accumulator, width=width)
        operand = replace(operand, attributes={**operand.attributes, "accumulator": narrow})
    return add_sums(operand, stream, context, body)


def _on_grid(sums: Stream, layer: Layer, body: Body) -> Stream:
    """Sums as codes of the accumulator."""
    return requantize(sums, layer.attributes["accumulator"], f"{sums.data}_wide", body)


def _beats(inputs: int, factor: int) -> int:
    """The most beats that divide ``inputs`` and are no more than ``factor``."""
    return max(n for n in range(1, min(inputs, factor) + 1) if inputs % n == 0)


def _opened(layer: Layer, stream: Stream, features: int, clock: Steps, body: Body) -> Stream:
    """The beats of the steps, let in one step after the other."""
    name = layer.name
    body.timing.add(Opening("", f"{name}_open_", clock))
    body.timing.add(Join((stream.handshake, f"{name}_open_"), f"{name}_x_"))
    body.add(
        "",
        f"  wire {name}_open, {name}_x_ready;",
        f"  wire {name}_x_valid = {stream.handshake}valid && {name}_open;",
        f"  wire {name}_x_fire = {name}_x_valid && {name}_x_ready;",
        f"  assign {stream.handshake}ready = {name}_x_ready && {name}_open;",
    )
    return replace(stream, handshake=f"{name}_x_", elements=features, pixels=True)


def _state(layer: Layer, lanes: int, clock: Steps, body: Body) -> Stream:
    """The beats of the state."""
    name, form = layer.name, layer.output.format
    body.timing.add(State("", f"{name}_h_", clock))
    body.add(
        "",
        f"  wire {name}_h_valid, {name}_h_ready;",
        "  " + wire(lanes * form.width, f"{name}_h"),
    )
    return Stream(f"{name}_h_", f"{name}_h", form, units_of(layer), lanes, pixels=True)


def _add_cell(layer: Layer, clock: Steps, kept: int, a: Stream, b: Stream, body: Body) -> Stream:
    """``ns_recurrent``; ``kept`` is the number of fractional bits that the sums can have."""
    name, state, units = layer.name, layer.output.format, units_of(layer)
    body.use("ns_recurrent", "ns_count", "ns_lstm", "ns_gru", "ns_table", "ns_requantize")
    body.timing.add(Join((a.handshake, b.handshake), f"{name}_sums_"))
    sums = tuple(node for node in body.timing.nodes if isinstance(node, Sums))[-2:]
    body.timing.add(Update(f"{name}_sums_", f"{name}_y_", clock, sums))
    narrow, between = _reach(layer), _without(layer.attributes["accumulator"], kept)
    _list_registers(layer, clock, narrow, between.width, body)
    body.add(
        "",
        f"  wire {name}_sums_ready, {name}_y_valid, {name}_y_ready;",
        f"  wire {name}_sums_valid = {a.handshake}valid && {b.handshake}valid;",
        f"  assign {a.handshake}ready = {name}_sums_ready;",
        f"  assign {b.handshake}ready = {name}_sums_ready;",
        "  " + wire(units * state.width, f"{name}_y"),
        "",
        *instance(
            "ns_recurrent",
            f"u_{name}_cell",
            _parameters(layer, clock, narrow, between),
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "x_fire_i": f"{name}_x_fire",
                "x_last_i": _last_row(layer, clock),
                "x_open_o": f"{name}_open",
                "h_valid_o": f"{name}_h_valid",
                "h_ready_i": f"{name}_h_ready",
                "h_data_o": f"{name}_h",
                "sums_valid_i": f"{name}_sums_valid",
                "sums_ready_o": f"{name}_sums_ready",
                "a_data_i": a.data,
                "b_data_i": b.data,
                "y_valid_o": f"{name}_y_valid",
                "y_ready_i": f"{name}_y_ready",
                "y_data_o": f"{name}_y",
            },
        ),
    )
    return Stream(f"{name}_y_", f"{name}_y", state, units, units)


def _last_row(layer: Layer, clock: Steps) -> str:
    """Whether the first ``ns_dense`` reads its last row."""
    row = f"{layer.name}_kernel_row"
    return f"{row} == {index_width(clock.x_beats)}'d{clock.x_beats - 1}"


def _without(accumulator: FixedFormat, fraction: int) -> FixedFormat:
    """The accumulator's format without the bits below ``fraction``."""
    return replace(accumulator, width=accumulator.integer + min(fraction, accumulator.fraction))


def _parameters(layer: Layer, clock: Steps, narrow: int, between: FixedFormat) -> dict[str, str]:
    accumulator, state, units = layer.attributes["accumulator"], layer.output.format, units_of(layer)
    numbers = {
        **format_parameters("A", accumulator, modes=True),
        **format_parameters("Y", state, modes=True),
    }
    return {
        "GRU": str(int(layer.kind == "gru")),
        "UNITS": str(units),
        "LANES": str(units // clock.beats),
        "STEPS": str(clock.steps),
        "SEQUENCE": str(int(clock.every)),
        "X_BEATS": str(clock.x_beats),
        "BEAT_W": str(index_width(clock.beats)),
        "STEP_W": str(index_width(clock.steps)),
        **{key: value for key, value in numbers.items() if not key.endswith("SIGNED")},
        "H_W": str(narrow),
        "K_W": str(between.width),
        **_tables(layer, between),
    }


def _tables(layer: Layer, between: FixedFormat) -> dict[str, str]:
    """Both tables as the narrowest codes on one grid, and how each is looked up by sums and by a state."""
    tables, accumulator = tables_of(layer), layer.attributes["accumulator"]
    drop = _zeros(tables.values(), accumulator.fraction)
    codes = {which: table >> drop for which, table in tables.items()}
    widths = {which: _width(table) for which, table in codes.items()}
    found = {"SIZE": str(len(codes["gate"])), "G_F": str(accumulator.fraction - drop)}
    for letter, which in (("G", "gate"), ("C", "cell")):
        width = widths[which]
        found |= {f"{letter}_W": str(width), f"{letter}_TABLE": _packed(codes[which], width)}
    summed = between if layer.kind == "lstm" else accumulator
    found |= _steps("G", layer, "gate", between) | _steps("C", layer, "cell", summed)
    return found | _steps("S", layer, "cell", layer.output.format)


def _zeros(tables, most: int) -> int:
    """Bits at the low end, ``most`` at most, that are zero in every code."""
    bits = int(np.bitwise_or.reduce(np.concatenate([np.abs(table) for table in tables])))
    return next((n for n in range(most) if bits >> n & 1), most)


def _width(codes) -> int:
    """Bits of signed codes; two at least."""
    return max(2, int(max(codes.max(), ~codes.min())).bit_length() + 1)


def _packed(codes, width: int) -> str:
    whole = sum((int(code) & ((1 << width) - 1)) << (k * width) for k, code in enumerate(codes))
    return f"{len(codes) * width}'h{whole:x}"


def _steps(letter: str, layer: Layer, which: str, source: FixedFormat) -> dict[str, str]:
    """How ``ns_table`` finds the entry of a code of ``source``."""
    size, fraction = len(layer.attributes[f"{which}_table"]), source.fraction
    up, down = size << max(-fraction, 0), layer.attributes[f"{which}_span"] << max(fraction, 0)
    up, down = up // gcd(up, down), down // gcd(up, down)
    wide = max(source.width + up.bit_length(), down.bit_length(), size.bit_length()) + 3
    return {
        f"{letter}_UP": str(up),
        f"{letter}_DOWN": str(down) if down < 1 << 31 else f"{wide}'d{down}",
        f"{letter}_WIDE": str(wide),
    }


def _reach(layer: Layer) -> int:
    """Bits of ``h`` that can differ from its sign: an LSTM's is a product of two entries of tables."""
    form, tables = layer.output.format, tables_of(layer)
    if layer.kind == "gru":
        return form.width
    most = int(np.abs(tables["gate"]).max()) * int(np.abs(tables["cell"]).max())
    fraction = 2 * layer.attributes["accumulator"].fraction
    wide = FixedFormat(MAX_WIDTH, MAX_WIDTH - form.fraction, True, form.rounding, "WRAP")
    edges = cast(np.array([most, -most]), fraction, wide)
    return min(form.width, max(2, int(max(edges.max(), ~edges.min())).bit_length() + 1))


def _list_registers(layer: Layer, clock: Steps, narrow: int, kept: int, body: Body) -> None:
    """The state, the sums between the two stages, and where the cell is in the sample."""
    name, cell, units = layer.name, f"u_{layer.name}_cell", units_of(layer)
    lanes, width = units // clock.beats, layer.attributes["accumulator"].width
    begun = ("gen_several.begun",) if clock.x_beats > 1 else ()
    ending = ("gen_parts.end",) if clock.beats > 1 else ()
    for flag in ("shut", *begun, "fed", "act", *ending, "give"):
        register = f"{name}.{flag.rsplit('.')[-1]}"
        body.register(register, "control", (1, 1), f"{cell}.{flag}_q", "ns_recurrent")
    for counter, count in (("beat", clock.beats), ("step", clock.steps)):
        if count > 1:
            shape = (1, index_width(count))
            path = f"{cell}.u_{counter}.gen_count.value_q"
            body.register(f"{name}.{counter}_count", "control", shape, path, "ns_count")
    body.register(f"{name}.state_h", "activation", (units, narrow), f"{cell}.h_q", "ns_recurrent")
    if layer.kind == "lstm":
        state = layer.output.format.width
        path = f"{cell}.gen_lstm.u_cell"
        body.register(f"{name}.state_s", "activation", (units, state), f"{path}.s_q", "ns_lstm")
        body.register(f"{name}.t", "pipeline", (4 * lanes, kept), f"{path}.t_q", "ns_lstm")
    else:
        for which, bits in (("z", kept), ("t", width)):
            path = f"{cell}.gen_gru.u_cell.{which}_q"
            body.register(f"{name}.{which}", "pipeline", (lanes, bits), path, "ns_gru")


def _factors(layer: Layer, spec: TensorSpec) -> tuple[int, ...]:
    """Cycles that the sums of a step may take: divisors of the features and of the units."""
    sizes = spec.shape[-1], units_of(layer)
    return tuple(sorted({n for size in sizes for n in range(1, size + 1) if size % n == 0}))


LSTM = EmitKind("lstm", _emit, pixels=True, factors=_factors)
GRU = EmitKind("gru", _emit, pixels=True, factors=_factors)
