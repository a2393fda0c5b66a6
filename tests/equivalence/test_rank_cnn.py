"""Gradients, curvature and impacts of convolutions and normalisations equal brute force, element by element.

As in test_rank_truth: quantisers (and the choices of max pooling) are frozen at a point, and what is left is
differentiated by central differences in float64. Everything is a loop over window positions.
"""

from __future__ import annotations

import numpy as np
import pytest

from netsurf import ir
from netsurf.errors import NetworkError
from netsurf.fixed import parse_format, to_real
from netsurf.rank.activations import corrupted_input
from netsurf.rank.bits import by_tensor, deltas, reals, to_planes
from tests.twins import STEP, Twin, layers_under_upsets, require_close, require_equal

pytestmark = pytest.mark.tf

SAMPLES = 30


def model_of(tf):
    """Conv, depthwise with padding, conv with a folded normalisation, max pool, a normalisation, dense."""
    import qkeras
    from qkeras import QActivation, QDense, QDepthwiseConv2D, quantized_bits, quantized_relu

    def q(bits=6, integer=0):
        return quantized_bits(bits=bits, integer=integer, symmetric=0, alpha=1)

    def relu(name):
        return QActivation(quantized_relu(6, 2), name=name)

    def conv(kind, name):
        return getattr(qkeras, kind)(2, 2, kernel_quantizer=q(), bias_quantizer=q(), name=name)

    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((5, 6, 1), name="sample"),
            conv("QConv2D", "conv1"),
            relu("relu1"),
            QDepthwiseConv2D(2, depthwise_quantizer=q(), bias_quantizer=q(), padding="same", name="deep"),
            relu("relu2"),
            conv("QConv2DBatchnorm", "folded"),
            relu("relu3"),
            layers.MaxPooling2D((2, 3), name="pool"),
            layers.BatchNormalization(name="norm"),
            relu("relu4"),
            layers.Flatten(name="flat"),
            QDense(3, kernel_quantizer=q(), bias_quantizer=q(), name="fc"),
        ],
        name="cnn",
    )


@pytest.fixture(scope="module")
def case():
    """Differential, network, input codes and labels."""
    from netsurf.frontend.convert import convert
    from netsurf.frontend.gradients import Differential
    from netsurf.frontend.session import start

    tf = start(1)
    model, rng = model_of(tf), np.random.default_rng(8)
    drawn = [rng.normal(0.15, 0.3, w.shape) for w in model.get_weights()]
    names = [v.name for v in model.weights]
    model.set_weights(
        [abs(w) + 0.3 if "gamma" in n or "variance" in n else w for n, w in zip(names, drawn, strict=True)]
    )
    network = convert(model, "cnn", parse_format("ufixed<8,0>"))
    inputs = rng.integers(0, 255, (SAMPLES, 5, 6, 1), endpoint=True)
    labels = rng.integers(0, 3, SAMPLES)
    at = Differential(model, network, to_real(inputs, 8), labels)
    return at, network, inputs, labels


class ImageTwin(Twin):
    """A Twin that knows windows, normalisations and max pooling."""

    def outputs(self, weights, freeze=False):
        stored, tensors = by_tensor(self.network, weights), {"input": self.x}
        for layer in self.network.layers:
            z = self._sum(layer, tensors[layer.inputs[0]], stored, freeze)
            if layer.output.format.overflow == "SAT" and layer.kind in ("relu", "linear"):
                if freeze:
                    self.frozen[layer.name] = self._freeze(layer, z)
                slope, offset = self.frozen[layer.name]
                z = slope * z + offset
            tensors[layer.name] = z
        return z

    def _sum(self, layer, x, stored, freeze):
        own = {role: stored[p.name] for role, p in layer.parameters.items()}
        if layer.kind == "dense":
            return x @ own["kernel"] + own["bias"]
        if layer.kind == "batchnorm":
            return x * own["scale"] + own["bias"]
        if layer.kind == "conv":
            return (
                over_windows(layer, x, own["kernel"].shape[:2], lambda p: conv(p, own["kernel"]))
                + own["bias"]
            )
        if layer.kind == "depthwise":
            k = own["kernel"]
            return over_windows(layer, x, k.shape[:2], lambda p: (p * k).sum(axis=(1, 2))) + own["bias"]
        if layer.kind == "max_pool":
            return self._largest(layer, x, freeze)
        return x.reshape(len(x), -1) if layer.kind == "flatten" else x

    def _largest(self, layer, x, freeze):
        """The element of each window that was the first of the largest where the twin was frozen."""
        size = layer.attributes["size"]
        flat = over_windows(layer, x, size, lambda p: p.reshape(len(p), -1, p.shape[-1]))
        if freeze:
            self.frozen[layer.name] = flat.argmax(axis=3)[:, :, :, None]
        return np.take_along_axis(flat, self.frozen[layer.name], axis=3)[:, :, :, 0]


def conv(patch, kernel):
    return np.stack([(patch * kernel[..., f]).sum(axis=(1, 2, 3)) for f in range(kernel.shape[-1])], axis=-1)


def over_windows(layer, x, size, work):
    """``work`` of the patch at every position, stacked to ``(samples, rows, columns, ...)``."""
    top, bottom, left, right = layer.attributes["padding"]
    down, along = layer.attributes["strides"]
    x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    rows = range(0, x.shape[1] - size[0] + 1, down)
    columns = range(0, x.shape[2] - size[1] + 1, along)
    found = [[work(x[:, i : i + size[0], j : j + size[1]]) for j in columns] for i in rows]
    return np.stack([np.stack(row, axis=1) for row in found], axis=1)


def twin(case, weights):
    return ImageTwin(case[1], case[2], case[3], weights)


def test_model_network_and_twin_compute_the_same(case):
    """With stored values in its variables: the folded normalisation folds nothing any more."""
    at, network, inputs, _ = case
    expected = to_real(ir.execute(network, inputs), network.output.format.fraction)
    here = reals(network)
    np.testing.assert_allclose(at.model(at.x, training=False).numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(twin(case, here).outputs(here), expected, atol=1e-9)


def test_gradient_fisher_and_diagonal(case):
    from netsurf.frontend.gradients import Effort, measure

    at, network, *_ = case
    here = reals(network)
    frozen = twin(case, here)
    slopes = frozen.sample_gradients(here)
    wide, middle = 10 * STEP, frozen.losses(here).mean()
    bends = [
        (frozen.losses(here + h).mean() - 2 * middle + frozen.losses(here - h).mean()) / wide**2
        for h in wide * np.eye(len(here))
    ]
    found = measure(at, ("gradient", "fisher", "hessian_diagonal"), Effort(samples=SAMPLES))
    for name, expected in (
        ("gradient", slopes.mean(axis=0)),
        ("fisher", (slopes**2).mean(axis=0)),
        ("hessian_diagonal", np.array(bends)),
    ):
        require_equal(found[name], expected)
        for tensor, part in by_tensor(network, expected).items():
            assert np.abs(part).max() > 1e-4, f"{name} of {tensor}: zeros show nothing"
        low, high = np.abs(expected).argmin(), np.abs(expected).argmax()
        swapped = found[name].copy()
        swapped[[low, high]] = swapped[[high, low]]
        with pytest.raises(AssertionError):
            require_equal(swapped, expected)


def test_product_with_the_hessian(case):
    """What Hutchinson's probes and the eigenpairs are made of."""
    at, network, *_ = case
    here, vector = reals(network), np.random.default_rng(3).normal(size=at.size)
    frozen = twin(case, here)
    there, back = (frozen.sample_gradients(here + sign * 1e-3 * vector).mean(axis=0) for sign in (1, -1))
    require_equal(at.product(vector), (there - back) / 2e-3)


def test_gradient_at_the_deltas_of_a_plane(case):
    at, network, *_ = case
    weights = to_planes(network, deltas(network))[4]
    at.place(weights)
    found = at.gradient()
    at.place(reals(network))
    require_equal(found, twin(case, weights).sample_gradients(weights).mean(axis=0))


def test_corrupted_inputs_position_by_position(case):
    """What qpolar reads: inputs of each tap in the network with every stored bit upset, one by one."""
    _, network, inputs, _ = case
    expected = []
    for layer, x, _ in layers_under_upsets(network, inputs):
        for role, parameter in layer.parameters.items():
            for index in np.ndindex(parameter.codes.shape):
                met = inputs_met(layer, x, role, index)
                signed = met[:, 0] if layer.kind == "dense" else np.sqrt((met**2).sum(axis=1))
                expected.append(signed.mean())
    require_close(corrupted_input(network, inputs), expected)


def inputs_met(layer, x, role, index):
    """``(samples, positions)``: what an element multiplies."""
    if role == "bias":
        return np.ones((len(x), int(np.prod(layer.output.shape[:-1]))))
    if layer.kind == "dense":
        return x[:, index[0], None]
    if layer.kind == "batchnorm":
        return x[..., index[0]].reshape(len(x), -1)
    row, column, channel = index[:3]
    size = layer.parameters["kernel"].codes.shape[:2]
    return over_windows(layer, x, size, lambda p: p[:, row, column, channel]).reshape(len(x), -1)


def test_a_tensor_without_a_variable_is_refused(case):
    from netsurf.frontend.variables import variables

    at, network, *_ = case
    smaller = at.tf.keras.Sequential(at.model.layers[:-1])
    with pytest.raises(
        NetworkError, match=r"cnn: fc\.kernel \(2, 3\) has no variable of its own in the model"
    ):
        variables(smaller, network)
