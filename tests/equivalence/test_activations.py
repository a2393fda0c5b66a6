"""Activations against hls4ml's C++ on every code that a format has."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf import ir
from netsurf.errors import NetworkError, UnsupportedLayerError
from netsurf.fixed import FixedFormat, parse_format
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.hls.from_network import model_graph
from netsurf.hls.project import NO_FAULT
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.kinds.activation import SPANS, table_codes

HALF = {
    "slope": 2,
    "slope_format": parse_format("ufixed<2,0>"),
    "shift": 2,
    "shift_format": parse_format("ufixed<2,0>"),
}
KERAS = {
    "slope": 13107,
    "slope_format": parse_format("ufixed<16,0>"),
    "shift": 2,
    "shift_format": parse_format("ufixed<2,0>"),
}
LEAKY = {"alpha": 3, "alpha_format": parse_format("ufixed<4,0>")}


def tables(form: FixedFormat, size: int):
    """Every function that hls4ml tabulates."""
    return {
        name: ("table", {"table": table_codes(name, size, form), "table_format": form, "span": span})
        for name, span in SPANS.items()
    }


def network(source: FixedFormat, target: FixedFormat, table: FixedFormat, size: int = 1024) -> Network:
    """All activations of one element, side by side, and a normalisation, which moves some by 1."""
    kinds = {
        "half": ("hard_sigmoid", HALF),
        "keras": ("hard_sigmoid", KERAS),
        "turn": ("hard_tanh", HALF),
        "leak": ("leaky_relu", LEAKY),
        **tables(table, size),
    }
    spec, layers, last = TensorSpec((1,), target), [], None
    for name, (kind, constants) in kinds.items():
        layers.append(Layer(name, kind, ("input",), spec, {}, constants))
        if last:
            width = len(layers) // 2 + 1
            joined = TensorSpec((width,), target)
            layers.append(Layer(f"with_{name}", "concatenate", (last, name), joined, {}, {"axis": 0}))
        last = layers[-1].name
    bits = FixedFormat(2, 2)
    stored = {
        "scale": Parameter("norm.scale", np.ones(len(kinds), np.int64), bits),
        "bias": Parameter("norm.bias", np.arange(len(kinds)) // 6, bits),
    }
    layers.append(Layer("norm", "batchnorm", (last,), TensorSpec((len(kinds),), target), stored))
    return Network("activations", TensorSpec((1,), source), tuple(layers), "regression")


@pytest.mark.parametrize(
    ("source", "target", "table"),
    [
        ("fixed<12,5>", "fixed<14,4,RND_CONV,SAT>", "fixed<18,8>"),
        ("ufixed<9,-1>", "fixed<8,1,TRN,WRAP>", "fixed<9,2,RND,SAT>"),
    ],
)
def test_every_code_through_every_activation(source, target, table, tmp_path, quick_csim):
    drawn = network(*(parse_format(text) for text in (source, target, table)))
    form = drawn.input.format
    x = np.arange(form.minimum, form.maximum + 1)[:, None]
    expected = ir.execute(drawn, x)
    got = CSimEngine(DesignPoint.unprotected(drawn), tmp_path).run(NO_FAULT, x).outputs[0]
    wrong = [
        (name, x[rows[0], 0])
        for name, rows in zip(
            (y.name for y in drawn.layers if y.kind in KINDS), _rows(expected, got), strict=True
        )
        if len(rows)
    ]
    assert not wrong
    assert (np.ptp(expected, axis=0) > 0).all(), "every activation does something"
    shifted = network(form, drawn.output.format, parse_format("fixed<18,7>"))
    assert (ir.execute(shifted, x) != got).any(), "negative control: a table of another precision"


KINDS = ("hard_sigmoid", "hard_tanh", "leaky_relu", "table")


def _rows(expected, got):
    return [np.flatnonzero(a != b) for a, b in zip(expected.T, got.T, strict=True)]


def test_a_table_that_is_none_of_hls4mls(tmp_path):
    form = FixedFormat(8, 2)
    constants = {"table": (1, 2, 3, 4), "table_format": form, "span": 16}
    layer = Layer("odd", "table", ("input",), TensorSpec((1,), form), {}, constants)
    odd = Network("odd", TensorSpec((1,), form), (layer,))
    with pytest.raises(UnsupportedLayerError, match="its table is none of hls4ml's sigmoid"):
        model_graph(odd, tmp_path)


@pytest.mark.parametrize(
    ("kind", "constants", "rule"),
    [
        ("leaky_relu", {}, "attribute 'alpha_format' must be a format"),
        ("leaky_relu", {**LEAKY, "alpha": 16}, r"'alpha' must be a code of ufixed<4,0"),
        ("hard_tanh", {**HALF, "shift": 4}, r"'shift' must be a code of ufixed<2,0"),
        ("table", {"table_format": FixedFormat(8, 2), "table": 3}, "must be a list of codes"),
        ("table", {"table_format": FixedFormat(2, 2), "table": (5, 5), "span": 8}, "table does not fit"),
    ],
)
def test_a_constant_that_does_not_fit(kind, constants, rule):
    spec = TensorSpec((1,), FixedFormat(8, 2))
    with pytest.raises(NetworkError, match=rule):
        Network("bad", spec, (Layer("act", kind, ("input",), spec, {}, constants),))
