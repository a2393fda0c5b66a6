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
        f"  // {features // x_beats} + {units // beats} inputs x {GATES[layer.kind] * units} products a cycle, "
        f"{max(x_beats, beats)} cycles a step;",
        f"  // sums are {short(layer.attributes['accumulator'])}.",
    )
    stream = rebeat(stream, features // x_beats, name, body)
    (outer, _), (inner, _) = operands(layer, context.spec)
    clock = Steps(x_beats=x_beats, beats=beats, steps=steps, every=len(layer.output.shape) == 2)
    a = add_sums(outer, _opened(layer, stream, features, clock, body), context, body)
    b = add_sums(replace(inner, name=f"{name}_h"), _state(layer, units // beats, clock, body), context, body)
    return pixels(_add_cell(layer, clock, a, b, body), layer.output.size)


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


def _add_cell(layer: Layer, clock: Steps, a: Stream, b: Stream, body: Body) -> Stream:
    name, state, units = layer.name, layer.output.format, units_of(layer)
    body.use("ns_recurrent", "ns_count", "ns_lstm", "ns_gru", "ns_table", "ns_requantize")
    body.timing.add(Join((a.handshake, b.handshake), f"{name}_sums_"))
    sums = tuple(node for node in body.timing.nodes if isinstance(node, Sums))[-2:]
    body.timing.add(Update(f"{name}_sums_", f"{name}_y_", clock, sums))
    narrow = _reach(layer)
    _list_registers(layer, clock, narrow, body)
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
            _parameters(layer, clock, narrow),
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "x_fire_i": f"{name}_x_fire",
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


def _parameters(layer: Layer, clock: Steps, narrow: int) -> dict[str, str]:
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
        "X_BEAT_W": str(index_width(clock.x_beats)),
        "STEP_W": str(index_width(clock.steps)),
        **{key: value for key, value in numbers.items() if not key.endswith("SIGNED")},
        "H_W": str(narrow),
        **_tables(layer),
    }


def _tables(layer: Layer) -> dict[str, str]:
    """Both tables as the narrowest codes on one grid, and how each is looked up."""
    tables, accumulator = tables_of(layer), layer.attributes["accumulator"]
    drop = _zeros(tables.values(), accumulator.fraction)
    codes = {which: table >> drop for which, table in tables.items()}
    widths = {which: _width(table) for which, table in codes.items()}
    found = {"SIZE": str(len(codes["gate"])), "G_F": str(accumulator.fraction - drop)}
    for letter, which in (("G", "gate"), ("C", "cell")):
        width = widths[which]
        found |= {f"{letter}_W": str(width), f"{letter}_TABLE": _packed(codes[which], width)}
    found |= _steps("G", layer, "gate", accumulator) | _steps("C", layer, "cell", accumulator)
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


def _list_registers(layer: Layer, clock: Steps, narrow: int, body: Body) -> None:
    """The state, the sums between the two stages, and where the cell is in the sample."""
    name, cell, units = layer.name, f"u_{layer.name}_cell", units_of(layer)
    lanes, width = units // clock.beats, layer.attributes["accumulator"].width
    for flag in ("shut", "begun", "fed", "act", "end", "give"):
        body.register(f"{name}.{flag}", "control", (1, 1), f"{cell}.{flag}_q", "ns_recurrent")
    for counter, count in (("x", clock.x_beats), ("beat", clock.beats), ("step", clock.steps)):
        if count > 1:
            shape = (1, index_width(count))
            path = f"{cell}.u_{counter}.gen_count.value_q"
            body.register(f"{name}.{counter}_count", "control", shape, path, "ns_count")
    body.register(f"{name}.state_h", "activation", (units, narrow), f"{cell}.h_q", "ns_recurrent")
    if layer.kind == "lstm":
        state = layer.output.format.width
        path = f"{cell}.gen_lstm.u_cell"
        body.register(f"{name}.state_s", "activation", (units, state), f"{path}.s_q", "ns_lstm")
        body.register(f"{name}.t", "pipeline", (4 * lanes, width), f"{path}.t_q", "ns_lstm")
    else:
        for which in ("z", "t"):
            path = f"{cell}.gen_gru.u_cell.{which}_q"
            body.register(f"{name}.{which}", "pipeline", (lanes, width), path, "ns_gru")


def _factors(layer: Layer, spec: TensorSpec) -> tuple[int, ...]:
    """Cycles that the sums of a step may take: divisors of the features and of the units."""
    sizes = spec.shape[-1], units_of(layer)
    return tuple(sorted({n for size in sizes for n in range(1, size + 1) if size % n == 0}))


LSTM = EmitKind("lstm", _emit, pixels=True, factors=_factors)
GRU = EmitKind("gru", _emit, pixels=True, factors=_factors)
