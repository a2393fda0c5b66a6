"""Transposed convolutions: Keras' own geometry, QKeras' numbers, and one arithmetic in every engine."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from netsurf.emit import architecture, emit
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import DisagreementError, UnsupportedLayerError
from netsurf.fault import exact_count
from netsurf.fixed import FixedFormat, parse_format
from netsurf.frontend.equality import random_inputs, require_equal
from netsurf.frontend.rewrite import transposed_sides, turned
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute
from tests import rtl_bench

pytestmark = pytest.mark.tf

BYTE, WIDE = FixedFormat(8, 8), FixedFormat(24, 24)


@pytest.fixture(scope="module")
def keras():
    from netsurf.frontend.session import start

    return start(1).keras


def as_convolution(image, kernel, bias, strides, padding, shape):
    """The network of a transposed convolution: zeros inserted, then a convolution."""
    grown = TensorSpec((image[0] * strides[0], image[1] * strides[1], image[2]), BYTE)
    sides = [transposed_sides(k, s, padding) for k, s in zip(kernel.shape, strides, strict=False)]
    stored = {
        "kernel": Parameter("conv.kernel", turned(kernel), BYTE),
        "bias": Parameter("conv.bias", bias, BYTE),
    }
    attributes = {"strides": (1, 1), "dilation": (1, 1), "accumulator": WIDE}
    attributes["padding"] = tuple(n for side in sides for n in side)
    layers = (
        Layer("zeros", "zero_insert", ("input",), grown, {}, {"factors": strides}),
        Layer("conv", "conv", ("zeros",), TensorSpec(shape, WIDE), stored, attributes),
    )
    return Network("transposed", TensorSpec(image, BYTE), layers)


def drawn_case(keras, rng):
    """A drawn layer's outputs by Keras, what it is, and what it read."""
    image = (*(int(n) for n in rng.integers(1, 7, 2)), int(rng.integers(1, 4)))
    size, strides = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (6, 4))
    padding = ("same", "valid")[rng.integers(2)]
    layer = keras.layers.Conv2DTranspose(int(rng.integers(1, 4)), size, strides=strides, padding=padding)
    layer.build((None, *image))
    kernel, bias = (rng.integers(-100, 100, w.shape) for w in layer.weights)
    layer.set_weights([kernel, bias])
    x = rng.integers(-100, 100, (3, *image))
    return layer(x.astype(np.float32)).numpy(), (image, kernel, bias, strides, padding), x


def test_every_geometry_equals_keras_on_integers(keras):
    rng, kinds = np.random.default_rng(0), set()
    for _ in range(150):
        expected, case, x = drawn_case(keras, rng)
        network = as_convolution(*case, expected.shape[1:])
        np.testing.assert_array_equal(execute(network, x), expected.reshape(3, -1))
        kinds.add((case[4], case[1].shape[0] < case[3][0]))
    assert len(kinds) == 4, "both paddings, kernels smaller and larger than the stride"


def test_a_kernel_that_is_not_turned_is_noticed(keras):
    rng = np.random.default_rng(1)
    expected, (image, kernel, *rest), x = drawn_case(keras, rng)
    while prod(kernel.shape[:2]) < 2:
        expected, (image, kernel, *rest), x = drawn_case(keras, rng)
    network = as_convolution(image, kernel[::-1, ::-1], *rest, expected.shape[1:])
    assert (execute(network, x) != expected.reshape(3, -1)).any()


def encoder(keras, **last):
    """An autoencoder in small: the decoder of ECONT_AE, with both of its transposed convolutions."""
    from qkeras import QActivation, QConv2D, QConv2DTranspose, QDense, quantized_bits, quantized_relu

    bits = quantized_bits(bits=5, integer=0, symmetric=0, alpha=1)
    quantised = {"kernel_quantizer": bits, "bias_quantizer": bits}
    k = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="sample"),
            QConv2D(3, 3, strides=2, padding="same", name="conv1", **quantised),
            QActivation(quantized_relu(4, 2), name="relu1"),
            k.Flatten(name="flat"),
            QDense(6, name="code", **quantised),
            QActivation(quantized_relu(4, 2), name="relu2"),
            QDense(32, name="fc1", **quantised),
            QActivation(quantized_relu(4, 2), name="relu3"),
            k.Reshape((4, 4, 2), name="shape"),
            QConv2DTranspose(3, 3, strides=2, padding="same", name="up1", **quantised),
            QActivation(quantized_relu(4, 2), name="relu4"),
            QConv2DTranspose(1, 3, padding="same", name="up2", **{**quantised, **last}),
            QActivation("quantized_sigmoid(6)", name="soft"),
        ],
        name="encoder",
    )


@pytest.fixture(scope="module")
def pair(keras):
    from netsurf.frontend.convert import convert

    model, rng = encoder(keras), np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model, convert(model, "encoder", parse_format("ufixed<6,0>"), task="regression")


def test_qkeras_model_becomes_an_equal_network(pair):
    model, network = pair
    assert [layer.kind for layer in network.layers if "up1" in layer.name] == ["zero_insert", "conv"]
    inputs = random_inputs(network, 100, np.random.default_rng(6))
    assert require_equal(network, model, inputs) == 100
    kernel, bias = model.get_layer("up1").get_weights()
    model.get_layer("up1").set_weights([kernel[::-1], bias])
    try:
        with pytest.raises(DisagreementError):
            require_equal(network, model, inputs)
    finally:
        model.get_layer("up1").set_weights([kernel, bias])


def test_reference_fast_and_csim_agree(pair, tmp_path, quick_csim):
    design = DesignPoint.unprotected(pair[1])
    faults = exact_count(design.space, 40, 2, seed=3)
    inputs = random_inputs(design.network, 8, np.random.default_rng(7))
    expected = ReferenceEngine(design).run(faults, inputs)
    assert (expected.outputs != expected.outputs[0]).any()
    assert compare("fast", expected, FastEngine(design).run(faults, inputs)).count == 0
    engine = CSimEngine(design, tmp_path)
    assert compare("csim", expected, engine.run(faults, inputs)).count == 0
    engine.libraries[0].flip(word=0, mask=0b10000)
    assert compare("csim", expected, engine.run(faults, inputs)).count > 0, "a stale weight shows"


@pytest.mark.rtl("icarus")
@pytest.mark.parametrize("name", ["serial", "parallel"])
def test_verilog_agrees(pair, name, tmp_path):
    _, network = pair
    accelerator = emit(DesignPoint.unprotected(network), architecture(name, network), tmp_path / "d")
    inputs = random_inputs(network, 3, np.random.default_rng(8))
    seen = rtl_bench.run(accelerator, network, inputs)
    np.testing.assert_array_equal(seen.outputs, execute(network, inputs).reshape(3, -1))
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    rtl_bench.plant(accelerator, "ns_upsample.v", "ZEROS != 0", "ZEROS != ZEROS")
    assert (rtl_bench.run(accelerator, network, inputs).outputs != seen.outputs).any()


def test_what_is_no_code_is_refused(keras):
    from netsurf.frontend.layers import check

    with pytest.raises(UnsupportedLayerError, match="'up2': its kernel has the quantiser NoneType"):
        check(encoder(keras, kernel_quantizer=None))
