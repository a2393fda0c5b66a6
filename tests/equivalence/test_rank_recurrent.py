"""Gradients, curvature and impacts of recurrent layers equal brute force, element by element.

As in test_rank_cnn. Tables are frozen like quantisers: with the slope of their function where the twin was
frozen, and the entry that was read there.
"""

from __future__ import annotations

import numpy as np
import pytest

from netsurf import ir
from netsurf.fixed import parse_format, quantize, to_real
from netsurf.ir.kinds.activation import look_up
from netsurf.ir.kinds.recurrent import tables_of
from netsurf.rank.activations import corrupted_input
from netsurf.rank.bits import by_tensor, reals
from tests.twins import STEP, Twin, layers_under_upsets, require_close, require_equal

pytestmark = pytest.mark.tf

SAMPLES, STEPS = 8, 3


def model_of(tf):
    """A dense layer of every step, an LSTM that gives all states, a GRU that gives one, a dense layer."""
    import qkeras

    def stored(*roles):
        return {f"{role}_quantizer": qkeras.quantized_bits(6, 0, symmetric=0, alpha=1) for role in roles}

    cell = stored("kernel", "recurrent", "bias") | {
        "state_quantizer": qkeras.quantized_bits(9, 1, alpha=1),
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
    }
    return tf.keras.Sequential(
        [
            tf.keras.Input((STEPS, 2), name="sample"),
            qkeras.QDense(3, **stored("kernel", "bias"), name="wide"),
            qkeras.QActivation(qkeras.quantized_relu(6, 2), name="relu1"),
            qkeras.QLSTM(2, **cell, return_sequences=True, name="long"),
            qkeras.QGRU(2, **cell, reset_after=True, name="gated"),
            qkeras.QDense(3, **stored("kernel", "bias"), name="fc"),
        ],
        name="sequences",
    )


@pytest.fixture(scope="module")
def case():
    """Differential, network, input codes and labels."""
    from netsurf.frontend.convert import convert
    from netsurf.frontend.gradients import Differential
    from netsurf.frontend.session import start

    tf = start(1)
    model, rng = model_of(tf), np.random.default_rng(8)
    model.set_weights([rng.uniform(-0.9, 0.9, w.shape) for w in model.get_weights()])
    network = convert(model, "sequences", parse_format("ufixed<8,1>"))
    inputs = rng.integers(0, 255, (SAMPLES, STEPS, 2), endpoint=True)
    labels = rng.integers(0, 3, SAMPLES)
    return Differential(model, network, to_real(inputs, 7), labels), network, inputs, labels


class StepTwin(Twin):
    """A Twin that goes through recurrent layers step by step, with every gate by its formula."""

    def outputs(self, weights, freeze=False):
        stored, tensors = by_tensor(self.network, weights), {"input": self.x}
        for layer in self.network.layers:
            own = {role: stored[p.name] for role, p in layer.parameters.items()}
            z = self._layer(layer, tensors[layer.inputs[0]], own, freeze)
            if layer.kind in ("relu", "linear") and layer.output.format.overflow == "SAT":
                z = self._line(layer.name, freeze, z, lambda z, layer=layer: self._freeze(layer, z))
            tensors[layer.name] = z
        return z

    def _layer(self, layer, x, own, freeze):
        if layer.kind in ("lstm", "gru"):
            return self._recurrent(layer, x, own, freeze)
        if not own:
            return x
        return x @ own["kernel"].reshape(-1, own["kernel"].shape[-1]) + own["bias"]

    def _line(self, key, freeze, z, make):
        if freeze:
            self.frozen[key] = make(z)
        slope, offset = self.frozen[key]
        return slope * z + offset

    def _recurrent(self, layer, x, own, freeze):
        units = layer.output.shape[-1]
        h = s = np.zeros((len(x), units))
        states = []
        for t in range(x.shape[1]):
            place = iter(range(20))

            def use(which, z, t=t, place=place):
                """A table, or the rounding of a state, as it was when the twin was frozen."""
                key = (layer.name, t, next(place), which)
                return self._line(key, freeze, z, lambda z: rounding(layer, which, z))

            a, b = x[:, t] @ own["kernel"] + own["bias"], h @ own["recurrent"] + own.get("recurrent_bias", 0)
            a, b = (np.split(z, z.shape[1] // units, axis=1) for z in (a, b))
            if layer.kind == "lstm":
                i, f, g, o = (p + q for p, q in zip(a, b, strict=True))
                s = use("state", use("cell", g) * use("gate", i) + s * use("gate", f))
                h = use("state", use("gate", o) * use("cell", s))
            else:
                z, r = use("gate", a[0] + b[0]), use("gate", a[1] + b[1])
                h = use("state", use("cell", a[2] + r * b[2]) * (1 - z) + h * z)
            states.append(h)
        return np.stack(states, axis=1) if len(layer.output.shape) == 2 else h


def rounding(layer, which, z):
    """Slope and offset around ``z`` of a table (``gate``: sigmoid, ``cell``: tanh) or of the state."""
    if which == "state":
        form = layer.output.format
        return np.ones_like(z), to_real(quantize(z, form), form.fraction) - z
    accumulator = layer.attributes["accumulator"]
    codes = np.round(z * 2.0**accumulator.fraction).astype(np.int64)
    entry = look_up(codes, accumulator.fraction, tables_of(layer)[which], layer.attributes[f"{which}_span"])
    smooth = FUNCTIONS[which](z)
    slope = smooth * (1 - smooth) if which == "gate" else 1 - smooth**2
    return slope, entry * 2.0**-accumulator.fraction - slope * z


class CurvedTwin(StepTwin):
    """A Twin whose tables are their functions, and whose states are not rounded."""

    def _line(self, key, freeze, z, make):
        return super()._line(key, freeze, z, make) if isinstance(key, str) else FUNCTIONS[key[3]](z)


FUNCTIONS = {"state": lambda z: z, "gate": lambda z: np.tanh(z / 2) / 2 + 0.5, "cell": np.tanh}


def require_each(network, found, expected):
    """All elements equal, every tensor among them with something to compare, and two swapped ones refused."""
    require_equal(found, expected)
    for tensor, part in by_tensor(network, expected).items():
        assert np.abs(part).max() > 1e-5, f"{tensor}: zeros show nothing"
    low, high = np.abs(expected).argmin(), np.abs(expected).argmax()
    swapped = found.copy()
    swapped[[low, high]] = swapped[[high, low]]
    with pytest.raises(AssertionError):
        require_equal(swapped, expected)


@pytest.fixture(scope="module")
def slopes(case):
    """Gradients of every sample ``(samples, E)``, by finite differences of the frozen twin."""
    _, network, inputs, labels = case
    here = reals(network)
    return StepTwin(network, inputs, labels, here).sample_gradients(here)


def test_model_network_and_twin_compute_the_same(case):
    """Tables and rounded states included, which QKeras' own layers do not have."""
    at, network, inputs, labels = case
    expected = to_real(ir.execute(network, inputs), network.output.format.fraction)
    here = reals(network)
    np.testing.assert_allclose(at.model(at.x, training=False).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(StepTwin(network, inputs, labels, here).outputs(here), expected, atol=1e-9)


def test_gradient_and_fisher(case, slopes):
    from netsurf.frontend.gradients import Effort, measure

    at, network, *_ = case
    found = measure(at, ("gradient", "fisher"), Effort(samples=SAMPLES))
    require_each(network, found["gradient"], slopes.mean(axis=0))
    require_each(network, found["fisher"], (slopes**2).mean(axis=0))


def test_curvature_of_the_outputs(case):
    """Squares of the roots' gradients: ``sum_c p_c (d(f_c - p.f)/dw)**2``, from the outputs' Jacobian."""
    from netsurf.frontend.gradients import Effort, measure

    at, network, inputs, labels = case
    here = reals(network)
    twin = StepTwin(network, inputs, labels, here)
    by_weight = [
        (twin.outputs(here + h) - twin.outputs(here - h)) / (2 * STEP) for h in STEP * np.eye(len(here))
    ]
    jacobian = np.stack(by_weight, axis=-1)
    f = twin.outputs(here)
    chance = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    centred = jacobian - np.einsum("sc,sce->se", chance, jacobian)[:, None]
    expected = np.einsum("sc,sce->se", chance, centred**2).mean(axis=0)
    require_each(
        network, measure(at, ("hessian_diagonal",), Effort(samples=SAMPLES))["hessian_diagonal"], expected
    )


@pytest.mark.slow
def test_product_with_the_hessian(case, monkeypatch):
    """Where weights move, entries of tables and states jump: so both sides have functions in their place."""
    from netsurf.frontend.gradients import Differential
    from netsurf.frontend.recurrent_layer import StoredRecurrent

    at, network, inputs, labels = case
    cells = [layer for layer in at.model.layers if isinstance(layer, StoredRecurrent)]
    assert [layer.name for layer in cells] == ["long", "gated"]
    monkeypatch.setattr(StoredRecurrent, "_table", lambda self, which, x: self.functions[which](x))
    monkeypatch.setattr(StoredRecurrent, "_round", lambda self, x: x)
    here, vector = reals(network), np.random.default_rng(3).normal(size=at.size)
    twin = CurvedTwin(network, inputs, labels, here)
    there, back = (twin.sample_gradients(here + sign * 1e-3 * vector).mean(axis=0) for sign in (1, -1))
    smooth = Differential(at.model, network, at.x, labels)
    require_each(network, smooth.product(vector), (there - back) / 2e-3)


def test_corrupted_inputs_step_by_step(case):
    """What qpolar reads: inputs and states that each element multiplies, with every stored bit upset."""
    _, network, inputs, _ = case
    expected = []
    for layer, x, tensors in layers_under_upsets(network, inputs):
        x = x.reshape(len(x), -1, x.shape[-1])
        for role, parameter in layer.parameters.items():
            for index in np.ndindex(parameter.codes.shape):
                if layer.name == "gated" and role == "recurrent":
                    continue
                met = np.ones(x.shape[:2]) if "bias" in role else x[:, :, index[-2]]
                if layer.name == "long" and role == "recurrent":
                    h = tensors["long"][:, :-1, index[0]] * 2.0**-layer.output.format.fraction
                    met = np.pad(h, ((0, 0), (1, 0)))
                signed = met[:, 0] if layer.kind == "dense" else np.sqrt((met**2).sum(axis=1))
                expected.append(signed.mean())
    found = by_tensor(network, corrupted_input(network, inputs))
    inner = found.pop("gated.recurrent")
    flat = np.concatenate([part.reshape(-1) for part in found.values()])
    require_close(flat, expected)
    assert (inner[:, :1] == inner).all(), "a row multiplies one unit's state"
    assert (inner > 0).all()
