"""Drawn graphs of every layer kind in the fast injector; what hls4ml's C++ and bad graphs must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf import ir
from netsurf.errors import NetworkError, UnsupportedLayerError
from netsurf.fixed import FixedFormat, parse_format
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.hls.from_network import model_graph
from netsurf.inject import FastEngine, exhaustive
from netsurf.ir import KINDS, Layer, Network, Parameter, TensorSpec
from tests.drawn import DRAWN, assert_equal, unprotected
from tests.equivalence.test_exhaustive import agrees
from tests.graphs import graphs
from tests.strategies import inputs, random_codes


def kinds(design, expected):
    """Kinds of layer in a graph."""
    return {layer.kind for layer in design.network.layers} | {"graphs"}


def equal(engine, examples: int, **drawn):
    return assert_equal(engine, examples, unprotected(graphs(**drawn)), kinds)


def test_fast_injector_agrees_on_drawn_graphs():
    covered = equal(FastEngine, 120, dilated=True)
    assert covered["graphs"] == 120
    for first in ("lstm", "gru", "activation", "upsample"):
        covered += equal(FastEngine, 8, dilated=True, first=first)
    assert not set(KINDS) - set(covered), f"{set(KINDS) - set(covered)} were not drawn"


@settings(DRAWN, max_examples=25)
@given(st.data())
def test_every_single_upset_of_a_drawn_graph_is_exact(data):
    network = data.draw(graphs(steps=4, dilated=True).filter(lambda n: n.stored_bits <= 600))
    x = data.draw(inputs(network, max_samples=5))
    rng = np.random.default_rng(1)
    outputs = network.output.size
    labels = rng.integers(outputs, size=len(x))
    if network.task == "regression":
        labels = rng.normal(size=(len(x), outputs))
    if len(x):
        assert agrees(network, x, labels)


def small(**changed) -> Network:
    """One convolution whose accumulator and output both round and overflow."""
    rng = np.random.default_rng(4)
    weight, x = FixedFormat(6, 1), TensorSpec((5, 5, 2), parse_format("fixed<6,2>"))
    accumulator = parse_format("fixed<9,3,RND_CONV,SAT>")
    stored = {
        "kernel": Parameter("conv.kernel", random_codes(weight, (3, 3, 2, 3), rng), weight),
        "bias": Parameter("conv.bias", random_codes(weight, (3,), rng), weight),
    }
    attributes = {"strides": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1), "accumulator": accumulator}
    conv = Layer(
        "conv", "conv", ("input",), TensorSpec((5, 5, 3), accumulator), stored, {**attributes, **changed}
    )
    size = {"strides": (5, 5), "padding": (0, 0, 0, 0), "size": (5, 5), "accumulator": accumulator}
    pool = Layer(
        "pool", "average_pool", ("conv",), TensorSpec((3,), parse_format("fixed<7,3,RND,SAT>")), {}, size
    )
    return Network("small", x, (conv, pool))


@pytest.mark.parametrize(
    "other", ["fixed<9,3,TRN,SAT>", "fixed<9,3,RND_CONV,WRAP>", "fixed<9,3,RND_CONV,SAT_ZERO>"]
)
def test_another_mode_of_the_accumulator_gives_other_numbers(other):
    """Negative control: every cast of the convolution counts."""
    x = random_codes(small().input.format, (40, 5, 5, 2), np.random.default_rng(5))
    assert (ir.execute(small(), x) != ir.execute(small(accumulator=parse_format(other)), x)).any()


def test_order_of_a_saturating_sum_is_that_of_the_cpp(quick_csim, tmp_path):
    design = DesignPoint.unprotected(small())
    x = random_codes(small().input.format, (40, 5, 5, 2), np.random.default_rng(6))
    turned = small()
    kernel = turned.layers[0].parameters["kernel"]
    stored = {**turned.layers[0].parameters, "kernel": replace(kernel, codes=kernel.codes[::-1, ::-1])}
    mirror = Layer(
        **{k: getattr(turned.layers[0], k) for k in ("name", "kind", "inputs", "output", "attributes")},
        parameters=stored,
    )
    mirrored = Network("small", turned.input, (mirror, turned.layers[1]))
    flipped = ir.execute(mirrored, x[:, ::-1, ::-1])
    expected = ir.execute(small(), x)
    assert (expected != flipped).any(), "the same products in another order"
    from netsurf.hls.project import NO_FAULT

    assert (CSimEngine(design, tmp_path).run(NO_FAULT, x).outputs[0] == expected).all()


class TestBadGraphs:
    """What is no graph, and what hls4ml cannot express, is one sentence."""

    def test_a_cycle(self):
        form = FixedFormat(4, 2)
        spec = TensorSpec((2,), form)
        layers = (Layer("a", "add", ("input", "b"), spec), Layer("b", "linear", ("a",), spec))
        with pytest.raises(NetworkError, match="a: reads b, which no earlier layer computes"):
            Network("loop", spec, layers)

    @pytest.mark.parametrize(
        ("changed", "rule"),
        [
            ({"strides": (1,)}, "'strides' must be 2 integers from 1 on"),
            ({"padding": (0, 0, 0, -1)}, "'padding' must be 4 integers from 0 on"),
            ({"dilation": (3, 3)}, "output shape must be"),
            ({"dilation": (9, 9)}, "larger than the padded input"),
        ],
    )
    def test_a_window_that_does_not_fit(self, changed, rule):
        with pytest.raises(NetworkError, match=rule):
            small(**changed)

    def test_an_image_of_the_wrong_shape_or_type(self):
        with pytest.raises(NetworkError, match=r"must be \(samples, 5, 5, 2\), not \(3, 5, 5\)"):
            ir.execute(small(), np.zeros((3, 5, 5), np.int64))
        with pytest.raises(NetworkError, match="must be integer codes"):
            ir.execute(small(), np.zeros((3, 5, 5, 2)))

    def test_a_dilated_convolution_has_no_cpp(self, tmp_path):
        conv = small().layers[0]
        attributes = {**conv.attributes, "dilation": (2, 2), "padding": (2, 2, 2, 2)}
        network = Network("wide", small().input, (replace(conv, attributes=attributes),))
        with pytest.raises(UnsupportedLayerError, match=r"'conv': hls4ml 1\.3\.0 has no dilated convolution"):
            model_graph(network, tmp_path)


def test_the_rung_of_a_convolution_is_said():
    x = random_codes(small().input.format, (6, 5, 5, 2), np.random.default_rng(8))
    result = exhaustive(small(), x, np.arange(6) % 3)
    assert set(result.rungs.values()) == {"forward"}, "a saturating accumulator is replayed"
    wide = parse_format("fixed<20,8>")
    result = exhaustive(small(accumulator=wide), x, np.arange(6) % 3)
    assert set(result.rungs.values()) == {"delta"}
