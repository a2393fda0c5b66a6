"""A recurrent layer of a network as a Keras layer, through which gradients and their products flow.

QKeras' layers cannot be differentiated sample by sample or twice: their loop keeps what it went through in
lists that allow neither. :class:`StoredRecurrent` computes what the network computes, tables and rounded
states included (:mod:`netsurf.ir.kinds.recurrent`), and has a derivative of its own: a loop from the last
step to the first that computes each step again (backpropagation through time; Werbos, Proc. IEEE 78, 1990).
Gradients pass rounding straight; the slope of a table is that of its function.

Imported only where gradients are measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from netsurf.fixed import to_real
from netsurf.ir import Layer
from netsurf.ir.kinds.base import format_attribute
from netsurf.ir.kinds.recurrent import tables_of, units_of

FUNCTIONS = {"sigmoid": tf.sigmoid, "tanh": tf.tanh}


class StoredRecurrent(tf.keras.layers.Layer):
    """An ``lstm`` or ``gru`` whose variables are the stored tensors, as real numbers.

    Parameters
    ----------
    stored
        The network's layer.
    gate, cell
        Names of the functions behind its tables, of :data:`FUNCTIONS`.
    """

    def __init__(self, stored: Layer, gate: str, cell: str) -> None:
        super().__init__(name=stored.name)
        self.stored, self.units = stored, units_of(stored)
        self.functions = {"gate": FUNCTIONS[gate], "cell": FUNCTIONS[cell]}
        scale = 2.0 ** -format_attribute(stored, "accumulator").fraction
        self.tables = {which: np.float32(codes * scale) for which, codes in tables_of(stored).items()}
        for role, parameter in stored.parameters.items():
            setattr(self, role, self.add_weight(role, parameter.codes.shape))

    def call(self, inputs: Any) -> Any:
        """``h`` of all steps, or of the last."""
        return self._given_out(self.states(*self._operands(inputs)))

    def sample_gradients(self, inputs: Any, slope: Any) -> list[Any]:
        """Gradients of each sample ``(samples, *shape)`` by each variable, from those by the output."""
        operands = self._operands(inputs)
        states = self.states(*operands)
        with tf.GradientTape() as tape:
            tape.watch(states)
            result = self._given_out(states)
        before = self._before(states)
        by_state = tape.gradient(result, states, output_gradients=slope)
        outer, inner = self._back(*operands, before, by_state)
        found = {
            "kernel": tf.einsum("btf,btg->bfg", inputs, outer),
            "bias": tf.reduce_sum(outer, 1),
            "recurrent": tf.einsum("btn,btg->bng", before[:, :, 0], inner),
            "recurrent_bias": tf.reduce_sum(inner, 1),
        }
        return [found[role] for role in self.stored.parameters]

    def _operands(self, inputs: Any) -> tuple[Any, Any, Any]:
        """The first sum of every step, and what the second is made of besides the state.

        Keras' quantisers are off by the last bit of a 32-bit number, by which a table would be read beside.
        """
        recurrent = tf.convert_to_tensor(self.recurrent)
        inner = getattr(self, "recurrent_bias", tf.zeros_like(self.bias))
        first = inputs @ self.kernel + self.bias
        grid = 2.0 ** format_attribute(self.stored, "accumulator").fraction
        first = _valued(tf.round(first * grid) / grid, first)
        return first, recurrent, tf.convert_to_tensor(inner)

    def _given_out(self, states: Any) -> Any:
        return states[:, :, 0] if len(self.stored.output.shape) == 2 else states[:, -1, 0]

    @staticmethod
    def _before(states: Any) -> Any:
        """The state before every step."""
        return tf.concat([tf.zeros_like(states[:, :1]), states[:, :-1]], axis=1)

    def states(self, first: Any, recurrent: Any, bias: Any) -> Any:
        """The state after every step ``(samples, steps, 2, units)`` (a GRU's: 1), from the first sums."""

        @tf.custom_gradient
        def run(first: Any, recurrent: Any, bias: Any) -> Any:
            def back(slope: Any) -> Any:
                before = self._before(self.states(first, recurrent, bias))
                outer, inner = self._back(first, recurrent, bias, before, slope)
                return outer, tf.einsum("btn,btg->ng", before[:, :, 0], inner), tf.reduce_sum(inner, (0, 1))

            return self._forward(first, recurrent, bias), back

        return run(first, recurrent, bias)

    def _forward(self, first: Any, recurrent: Any, bias: Any) -> Any:
        steps = first.shape[1]

        def body(step: Any, state: Any, kept: Any) -> Any:
            state = self.step(first[:, step], state[:, 0] @ recurrent + bias, state)
            return step + 1, state, kept.write(step, state)

        kept = tf.TensorArray(first.dtype, size=steps)
        start = tf.zeros((tf.shape(first)[0], 1 if self.stored.kind == "gru" else 2, self.units))
        *_, kept = tf.while_loop(lambda step, *_: step < steps, body, (0, start, kept))
        return tf.transpose(kept.stack(), (1, 0, 2, 3))

    def _back(self, first: Any, recurrent: Any, bias: Any, before: Any, slope: Any) -> tuple[Any, Any]:
        """Slopes by both sums of every step, each ``(samples, steps, gates)``."""
        steps = first.shape[1]

        def body(step: Any, later: Any, outer: Any, inner: Any) -> Any:
            a, state = first[:, step], before[:, step]
            b = state[:, 0] @ recurrent + bias
            with tf.GradientTape() as tape:
                tape.watch((a, b, state))
                after = self.step(a, b, state)
            later += slope[:, step]
            by_a, by_b, by_state = tape.gradient(after, (a, b, state), output_gradients=later)
            through = (by_b @ tf.transpose(recurrent))[:, None]
            by_state += tf.concat([through, tf.zeros_like(by_state[:, 1:])], axis=1)
            return step - 1, by_state, outer.write(step, by_a), inner.write(step, by_b)

        kept = [tf.TensorArray(first.dtype, size=steps) for _ in range(2)]
        start = (steps - 1, tf.zeros_like(before[:, 0]), *kept)
        *_, outer, inner = tf.while_loop(lambda step, *_: step >= 0, body, start)
        return tf.transpose(outer.stack(), (1, 0, 2)), tf.transpose(inner.stack(), (1, 0, 2))

    def step(self, a: Any, b: Any, state: Any) -> Any:
        """The state after a step, from its two sums and the state before it."""
        return self._lstm(a, b, state) if self.stored.kind == "lstm" else self._gru(a, b, state)

    def _lstm(self, a: Any, b: Any, state: Any) -> Any:
        i, f, g, o = tf.split(a + b, 4, axis=1)
        i, f, o = (self._table("gate", x) for x in (i, f, o))
        s = self._round(self._table("cell", g) * i + state[:, 1] * f)
        return tf.stack([self._round(o * self._table("cell", s)), s], axis=1)

    def _gru(self, a: Any, b: Any, state: Any) -> Any:
        n = 2 * self.units
        z, r = tf.split(self._table("gate", a[:, :n] + b[:, :n]), 2, axis=1)
        g = self._table("cell", a[:, n:] + r * b[:, n:])
        return self._round(g * (1 - z) + state[:, 0] * z)[:, None]

    def _table(self, which: str, x: Any) -> Any:
        """The table's entry, with the slope of its function."""
        table = self.tables[which]
        index = tf.cast(x * (len(table) / self.stored.attributes[f"{which}_span"]), tf.int32)
        entry = tf.gather(table, tf.clip_by_value(index + len(table) // 2, 0, len(table) - 1))
        smooth = self.functions[which](x)
        return _valued(entry, smooth)

    def _round(self, x: Any) -> Any:
        """Rounded to the format of the state, passed straight."""
        form = self.stored.output.format
        low = -form.maximum if form.overflow == "SAT_SYM" else form.minimum
        codes = tf.clip_by_value(tf.round(x * 2.0**form.fraction), low, form.maximum)
        return _valued(codes * 2.0**-form.fraction, x)


def _valued(value: Any, x: Any) -> Any:
    """Exactly ``value``, with the slope of ``x``."""
    return tf.stop_gradient(value) + (x - tf.stop_gradient(x))


def stand(layer: Any, stored: Layer) -> tuple[StoredRecurrent, list[np.ndarray]]:
    """What stands for the Keras layer that ``stored`` was read from, and its weights."""
    names = [getattr(f, "__name__", "") for f in (layer.recurrent_activation, layer.activation)]
    values = [to_real(p.codes, p.format.fraction) for p in stored.parameters.values()]
    return StoredRecurrent(stored, *names), values
