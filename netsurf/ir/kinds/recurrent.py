"""``lstm`` and ``gru``: layers over a sequence ``(steps, features)`` (``nnet::lstm_static``, ``gru_static``).

Every step computes two sums, each bias first and then every product in order, as ``dense`` does::

    a = accumulator sums of x[t] with kernel and bias
    b = accumulator sums of h with recurrent and recurrent_bias (an LSTM has none: zero)

and then, ``A(.)`` an assignment to the accumulator's format and ``O(.)`` one to the output's, for each unit
of an LSTM, whose gates stand in the order input, forget, cell, output::

    i, f, o = A(gate_table[A(a + b)])       g = A(cell_table[A(a + b)])
    s = O(g*i + s*f)                        h = O(o * A(cell_table[s]))

and of a GRU, whose gates stand in the order update, reset, candidate, with the reset after the product::

    z, r = A(gate_table[A(a + b)])          g = A(cell_table[A(a + A(r * b))])
    h = O(g*(1 - z) + h*z)

``h`` and ``s`` begin every sample as zero, and have the output's format. The tables are looked up as in the
kind ``table`` and have one format. The output is ``h`` of every step ``(steps, units)``, or of the last
``(units,)``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from netsurf.fixed import FixedFormat, assign, cast
from netsurf.ir.kinds.activation import look_up
from netsurf.ir.kinds.base import Codes, LayerKind, format_attribute, require
from netsurf.ir.kinds.sums import check_sums, matrix_sums
from netsurf.ir.network import Layer, Parameter, TensorSpec

GATES = {"lstm": 4, "gru": 3}
"""Columns of a kernel for each unit."""


def units_of(layer: Layer) -> int:
    """Units of a recurrent layer."""
    return layer.output.shape[-1]


def zero_bias(layer: Layer) -> Parameter:
    """What an LSTM adds its second sum to: no stored tensor."""
    count = GATES[layer.kind] * units_of(layer)
    return Parameter(f"{layer.name}.zero", np.zeros(count, np.int64), FixedFormat(1, 1))


def operands(layer: Layer, spec: TensorSpec) -> tuple[tuple[Layer, TensorSpec], tuple[Layer, TensorSpec]]:
    """The two sums of a step as dense layers, with what they read: the step's input, and ``h``."""
    accumulator = format_attribute(layer, "accumulator")
    sums = TensorSpec((GATES[layer.kind] * units_of(layer),), accumulator)
    roles = layer.parameters
    inner = {"kernel": roles["recurrent"], "bias": roles.get("recurrent_bias", zero_bias(layer))}
    outer = {"kernel": roles["kernel"], "bias": roles["bias"]}
    of_step = replace(layer, kind="dense", output=sums, parameters=outer)
    of_state = replace(layer, kind="dense", output=sums, parameters=inner)
    state = TensorSpec((units_of(layer),), layer.output.format)
    return (of_step, TensorSpec(spec.shape[-1:], spec.format)), (of_state, state)


def _check(layer, specs):
    require(len(specs) == 1 and len(specs[0].shape) == 2, layer, "reads one sequence (steps, features)")
    (steps, features), shape = specs[0].shape, layer.output.shape
    units, columns = units_of(layer), GATES[layer.kind] * units_of(layer)
    require(shape in ((units,), (steps, units)), layer, f"output shape must be (units,) or ({steps}, units)")
    shapes = {"kernel": (features, columns), "bias": (columns,), "recurrent": (units, columns)}
    if layer.kind == "gru":
        shapes["recurrent_bias"] = (columns,)
    found = {role: parameter.codes.shape for role, parameter in layer.parameters.items()}
    require(found == shapes, layer, f"parameters must have the shapes {shapes}, not {found}")
    require(list(found) == list(shapes), layer, f"parameters must come in the order {', '.join(shapes)}")
    _check_formats(layer)
    for operand, spec in operands(layer, specs[0]):
        check_sums(operand, spec, spec.size)


def _check_formats(layer):
    accumulator, form = format_attribute(layer, "accumulator"), format_attribute(layer, "table_format")
    state = layer.output.format
    require(accumulator.signed and state.signed, layer, "accumulator and output are signed")
    require(accumulator.fraction >= 0, layer, "the accumulator's codes are fractions of one")
    for which in ("gate", "cell"):
        table, span = layer.attributes.get(f"{which}_table"), layer.attributes.get(f"{which}_span")
        require(isinstance(table, tuple) and len(table) >= 2, layer, f"'{which}_table' is a list of codes")
        require(form.minimum <= min(table) <= max(table) <= form.maximum, layer, f"tables must fit {form}")
        require(isinstance(span, int) and span > 0, layer, f"'{which}_span' is a positive integer")
        fits = max(accumulator.integer, state.integer) + len(table).bit_length() <= 30
        require(fits, layer, "an index would not fit 32 bits")
    gate = max(int(np.abs(codes).max()) for codes in tables_of(layer).values()).bit_length() + 1
    shift = abs(accumulator.fraction - state.fraction)
    width = gate + max(gate + 1, accumulator.width, state.width) + 2
    require(width + shift <= 62, layer, "products of the gates would not fit 62 bits")


def tables_of(layer: Layer) -> dict[str, Codes]:
    """What the tables ``gate`` and ``cell`` say, as codes of the accumulator."""
    form, accumulator = format_attribute(layer, "table_format"), format_attribute(layer, "accumulator")
    return {
        which: assign(np.array(layer.attributes[f"{which}_table"], np.int64), form, accumulator)
        for which in ("gate", "cell")
    }


class Cell:
    """What a step does behind its two sums, for codes of any shape whose last axis is the units or gates."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.units = layer, units_of(layer)
        self.accumulator, self.state = format_attribute(layer, "accumulator"), layer.output.format
        self._tables = tables_of(layer)

    def start(self, samples: int) -> tuple[Codes, ...]:
        """The state before the first step: ``h``, and ``s`` of an LSTM."""
        return tuple(np.zeros((samples, self.units), np.int64) for _ in range(2 - (self.layer.kind == "gru")))

    def step(self, a: Codes, b: Codes, state: tuple[Codes, ...]) -> tuple[Codes, ...]:
        """The state after a step, from the two sums and the state before it."""
        return self._lstm(a, b, *state) if self.layer.kind == "lstm" else self._gru(a, b, *state)

    def _lstm(self, a, b, h, s):
        n, total = self.units, self._cast(a + b)
        i, f, o = (self._gate(total[..., k * n : (k + 1) * n]) for k in (0, 1, 3))
        g = self._cell(total[..., 2 * n : 3 * n], self.accumulator)
        s = self._mixed(g, i, s, f)
        return self._product(o, self._cell(s, self.state)), s

    def _gru(self, a, b, h):
        n, fraction = self.units, self.accumulator.fraction
        z, r = np.split(self._gate(self._cast(a[..., : 2 * n] + b[..., : 2 * n])), 2, axis=-1)
        reset = cast(r * b[..., 2 * n :], 2 * fraction, self.accumulator)
        g = self._cell(self._cast(a[..., 2 * n :] + reset), self.accumulator)
        return (self._mixed(g, (1 << fraction) - z, h, z),)

    def _mixed(self, g, i, s, f):
        """``O(g*i + s*f)`` of ``g``, ``i`` and ``f`` on the accumulator's grid."""
        fraction, grid = self.accumulator.fraction, max(self.accumulator.fraction, self.state.fraction)
        exact = (g * i << (grid - fraction)) + (s * f << (grid - self.state.fraction))
        return cast(exact, fraction + grid, self.state)

    def _product(self, o, g):
        return cast(o * g, 2 * self.accumulator.fraction, self.state)

    def _cast(self, total):
        return cast(total, self.accumulator.fraction, self.accumulator)

    def _gate(self, x):
        return self._table("gate", x, self.accumulator)

    def _cell(self, x, source):
        return self._table("cell", x, source)

    def _table(self, which, x, source):
        return look_up(x, source.fraction, self._tables[which], self.layer.attributes[f"{which}_span"])


Sums = Callable[[Codes], Codes]


def run(layer: Layer, x: Codes, sums: Callable[[int], tuple[Sums, Sums]]) -> Iterator[tuple[Codes, ...]]:
    """The state after every step of ``x (samples, steps, features)``; ``sums(step)`` has both sums."""
    cell = Cell(layer)
    state = cell.start(len(x))
    for step in range(x.shape[1]):
        of_step, of_state = sums(step)
        state = cell.step(of_step(x[:, step]), of_state(state[0]), state)
        yield state


def collected(layer: Layer, states: Iterator[tuple[Codes, ...]]) -> Codes:
    """The output: ``h`` of all steps, or of the last."""
    if len(layer.output.shape) == 2:
        return np.stack([state[0] for state in states], axis=1)
    *_, last = states
    return last[0]


def _execute(layer, inputs, specs, parameters):
    return _staged(layer, inputs, specs, [(0, parameters)])


def _staged(layer, inputs, specs, stages):
    """A visit is a step."""
    starts = [visit for visit, _ in stages]
    made = [_sums(layer, specs[0], parameters) for _, parameters in stages]
    return collected(layer, run(layer, inputs[0], lambda step: made[bisect_right(starts, step) - 1]))


def _sums(layer: Layer, spec: TensorSpec, parameters: Mapping[str, Codes]) -> tuple[Sums, Sums]:
    """What computes the two sums of a step with these codes."""
    (step, step_spec), (state, state_spec) = operands(layer, spec)
    inner = parameters.get("recurrent_bias", zero_bias(layer).codes)
    return (
        lambda x: matrix_sums(step, step_spec, x, parameters["kernel"], parameters["bias"]),
        lambda h: matrix_sums(state, state_spec, h, parameters["recurrent"], inner),
    )


LSTM = LayerKind("lstm", _check, _execute, _staged)
GRU = LayerKind("gru", _check, _execute, _staged)
