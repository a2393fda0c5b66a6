"""Convolutional QKeras models, by way of hls4ml, become networks that compute the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import DisagreementError, UnsupportedLayerError
from netsurf.fault import exact_count
from netsurf.fixed import parse_format
from netsurf.frontend.equality import random_inputs, require_equal
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from netsurf.ir import Layer, Network, Parameter

pytestmark = pytest.mark.tf

BYTE = parse_format("ufixed<8,0>")


@pytest.fixture(scope="module")
def keras():
    from netsurf.frontend.session import start

    return start(1).keras


def q(bits=6, integer=0):
    from qkeras import quantized_bits

    return quantized_bits(bits=bits, integer=integer, symmetric=0, alpha=1)


def conv(filters, size, name, kind="QConv2D", **more):
    import qkeras

    quantisers = {"kernel_quantizer": q(), "bias_quantizer": q()}
    return getattr(qkeras, kind)(filters, size, **quantisers, name=name, **more)


def relu(name, bits=6, integer=2):
    from qkeras import QActivation, quantized_relu

    return QActivation(quantized_relu(bits, integer), name=name)


def linear(name):
    from qkeras import QActivation

    return QActivation(q(8, 3), name=name)


def fc(units, name):
    from qkeras import QDense

    return QDense(units, kernel_quantizer=q(), bias_quantizer=q(), name=name)


def straight(keras):
    """conv - relu - max pool - conv (same, strides) - relu - average pool - flatten - dense."""
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((10, 9, 2), name="sample"),
            conv(4, 3, "conv1"),
            relu("relu1"),
            k.MaxPooling2D(2, name="pool1"),
            conv(3, 2, "conv2", padding="same", strides=(1, 2)),
            relu("relu2"),
            k.AveragePooling2D(2, name="pool2"),
            k.Flatten(name="flat"),
            fc(5, "fc1"),
        ],
        name="straight",
    )


def residual(keras):
    """Two branches that are added and joined, with padding, upsampling, a separable conv and 1 x 1."""
    from qkeras import QDepthwiseConv2D

    k = keras.layers
    x = keras.Input((6, 6, 2), name="sample")
    stem = relu("relu1")(conv(3, 3, "conv1", padding="same")(x))
    deep = QDepthwiseConv2D(3, depthwise_quantizer=q(), bias_quantizer=q(), padding="same", name="deep")(stem)
    point = linear("q1")(conv(3, 1, "point")(relu("relu2")(deep)))
    total = relu("relu3")(k.Add(name="add")([stem, point]))
    small = k.MaxPooling2D(2, name="pool")(total)
    large = k.ZeroPadding2D(((0, 1), (1, 0)), name="pad")(k.UpSampling2D(2, name="up")(small))
    cut = relu("relu4")(conv(3, 2, "cut")(large))
    both = k.Concatenate(name="both")([cut, total])
    tail = k.GlobalMaxPooling2D(name="whole")(k.Permute((2, 1, 3), name="turn")(both))
    return keras.Model(x, fc(4, "fc1")(tail), name="residual")


def folded(keras):
    """A batch normalisation that QKeras folds into the kernel, and averages over the whole image."""
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="sample"),
            conv(4, 3, "conv1", "QConv2DBatchnorm", padding="same"),
            relu("relu1"),
            k.GlobalAveragePooling2D(name="mean"),
            fc(3, "fc1"),
        ],
        name="folded",
    )


def activations(keras):
    """Hard sigmoid and tanh, and a leaky rectifier that is quantised behind."""
    from qkeras import QActivation

    k = keras.layers
    x = keras.Input((6, 4, 1), name="sample")
    y = conv(2, 3, "conv1")(x)
    soft = QActivation("quantized_sigmoid(6)", name="soft")(y)
    turn = QActivation("quantized_tanh(7)", name="turn")(y)
    leak = linear("q1")(k.LeakyReLU(0.25, name="leak")(y))
    joined = k.Concatenate(name="all")([k.Concatenate(name="two")([soft, turn]), leak])
    return keras.Model(x, fc(3, "fc1")(k.Flatten(name="flat")(joined)), name="activations")


def line(keras):
    """One axis."""
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 2), name="sample"),
            conv(4, 3, "conv1", "QConv1D", padding="same"),
            relu("relu1"),
            k.MaxPooling1D(2, name="pool1"),
            conv(3, 3, "conv2", "QConv1D", strides=2),
            relu("relu2"),
            k.AveragePooling1D(2, name="pool2"),
            k.Flatten(name="flat"),
            fc(3, "fc1"),
        ],
        name="line",
    )


def dilated(keras):
    """Dilated convolutions, which hls4ml's converter would read as dense ones."""
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((9, 8, 2), name="sample"),
            conv(3, 3, "conv1", padding="same", dilation_rate=2),
            relu("relu1"),
            conv(2, (2, 3), "conv2", padding="same", dilation_rate=(3, 1)),
            relu("relu2"),
            k.Flatten(name="flat"),
            fc(3, "fc1"),
        ],
        name="dilated",
    )


def network_of(keras, make):
    """The model with drawn weights, and its network."""
    from netsurf.frontend.convert import convert

    model, rng = make(keras), np.random.default_rng(5)
    drawn = [rng.normal(0, 0.5, w.shape) for w in model.get_weights()]
    model.set_weights(
        [abs(w) + 0.2 if "variance" in v.name else w for w, v in zip(drawn, model.weights, strict=True)]
    )
    return model, convert(model, model.name, BYTE)


@pytest.mark.parametrize("make", [straight, residual, folded, line, activations, dilated])
def test_network_equals_qkeras_model(keras, make):
    model, network = network_of(keras, make)
    inputs = random_inputs(network, 200, np.random.default_rng(6))
    assert require_equal(network, model, inputs) == 200
    wrong = _with_other_weight(network)
    with pytest.raises(DisagreementError):
        require_equal(wrong, model, inputs)


def _with_other_weight(network: Network) -> Network:
    """The network with the most significant bit of all weights of one layer inverted."""
    first = next(layer for layer in network.layers if layer.parameters)
    kernel = first.parameters["kernel"]
    codes = kernel.codes ^ -(1 << kernel.format.width - 1)
    stored = {**first.parameters, "kernel": Parameter(kernel.name, codes, kernel.format)}
    changed = Layer(first.name, first.kind, first.inputs, first.output, stored, first.attributes)
    layers = tuple(changed if layer is first else layer for layer in network.layers)
    return Network(network.name, network.input, layers, network.task)


def test_a_cnn_is_equal_in_reference_fast_and_csim(keras, tmp_path, quick_csim):
    _, network = network_of(keras, residual)
    design = DesignPoint.unprotected(network)
    faults = exact_count(design.space, 40, 2, seed=3)
    inputs = random_inputs(network, 8, np.random.default_rng(7))
    expected = ReferenceEngine(design).run(faults, inputs)
    assert (expected.outputs != expected.outputs[0]).any()
    assert compare("fast", expected, FastEngine(design).run(faults, inputs)).count == 0
    engine = CSimEngine(design, tmp_path)
    assert compare("csim", expected, engine.run(faults, inputs)).count == 0
    engine.libraries[0].flip(word=0, mask=0b100000)
    assert compare("csim", expected, engine.run(faults, inputs)).count > 0, "a stale weight shows"


def ends(keras, how):
    """A classifier whose quantisers are arguments of its layers, and that ends in a softmax or in none."""
    k, from_qkeras = keras.layers, __import__("qkeras")
    last = {"activation": "softmax"} if how == "dense" else {}
    weights = {"kernel_quantizer": q(), "bias_quantizer": q()}
    hidden = from_qkeras.quantized_relu(5, 2)
    layers = [
        keras.Input((6, 5, 2), name="sample"),
        from_qkeras.QConv2D(3, 3, activation=hidden, name="conv1", **weights),
        k.Flatten(name="flat"),
        from_qkeras.QDense(4, activation=q(7, 3), name="fc1", **weights),
        from_qkeras.QDense(3, name="fc2", **weights, **last),
    ]
    tail = {"layer": [k.Softmax(name="prob")], "activation": [k.Activation("softmax", name="prob")]}
    return keras.Sequential([*layers, *tail.get(how, [])], name=f"ends_{how}")


@pytest.mark.parametrize("how", ["dense", "layer", "activation", "logits"])
def test_a_last_softmax_is_left_out_and_quantisers_may_be_arguments(keras, how):
    from netsurf.frontend.rewrite import without_softmax

    model, network = network_of(keras, lambda keras: ends(keras, how))
    assert [layer.output.format.width for layer in network.layers][1] == 5
    inputs = random_inputs(network, 100, np.random.default_rng(6))
    logits = without_softmax(model)
    assert (logits is model) == (how == "logits")
    assert require_equal(network, logits, inputs) == 100
    if logits is not model:
        with pytest.raises(DisagreementError):
            require_equal(network, model, inputs)


def test_what_cannot_be_converted_is_one_list(keras):
    from netsurf.frontend.layers import check

    k = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            k.Conv2D(2, 3, name="plain"),
            conv(2, 3, "wide", groups=2),
            k.LayerNormalization(name="norm"),
        ],
        name="mixed",
    )
    with pytest.raises(UnsupportedLayerError) as error:
        check(model)
    text = str(error.value)
    assert text.startswith("mixed has 3 layers that cannot be converted:\n  layer 'plain' is a Conv2D")
    assert "use QConv2D" in text
    assert "'wide': hls4ml 1.3.0 ignores groups" in text
    assert "'norm' is a LayerNormalization" in text
