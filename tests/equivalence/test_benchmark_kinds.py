"""Layers of benchmark.yaml: what they say of their shape is Keras', and what is trained is what is stored."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from netsurf.errors import DisagreementError, FormatError, UsageError
from netsurf.fixed import FixedFormat
from netsurf.frontend import model as models
from netsurf.frontend import spec as specs
from netsurf.frontend.equality import random_inputs, require_alike, require_equal
from netsurf.frontend.settle import formats, scale_and_bias, settle

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module", autouse=True)
def tensorflow():
    from netsurf.frontend.session import start

    return start(1, threads=1)


def spec(layers: list[dict], shape: tuple[int, ...] = (8, 6, 2), **changes) -> specs.BenchmarkSpec:
    document = {
        "title": "kinds",
        "data": "dummy",
        "task": "classification",
        "input": {"shape": list(shape), "format": "ufixed<8,0>"},
        "scheme": "q<6,0,1>",
        "layers": layers,
        "training": {"epochs": 1, "batch": 8, "learning_rate": 0.01},
    }
    return specs.parse(yaml.safe_dump(document | changes), "kinds")


def conv(name: str, **keys) -> dict:
    return {"kind": "conv", "name": name, "filters": 3, "size": [3, 3]} | keys


def relu(name: str, **keys) -> dict:
    return {"kind": "relu", "name": name, "scheme": "q<6,2,0>"} | keys


IMAGE = [
    conv("c1", padding="same", strides=[2, 1]),
    relu("r1"),
    {"kind": "depthwise", "name": "d1", "size": [2, 3], "strides": [1, 1]},
    {"kind": "batchnorm", "name": "n1", "scheme": "q<8,2,1>"},
    relu("r2"),
    {"kind": "conv_transpose", "name": "t1", "filters": 4, "size": [3, 2], "strides": [2, 2]},
    {"kind": "tanh", "name": "h1", "bits": 6},
    {"kind": "zero_pad", "name": "z1", "padding": [0, 1, 1, 0]},
    {"kind": "max_pool", "name": "m1", "size": [2, 2], "strides": [1, 2], "padding": "same"},
    {"kind": "average_pool", "name": "a1", "size": [2, 2]},
    {"kind": "sigmoid", "name": "s1", "bits": 6},
    {"kind": "average_pool", "name": "whole"},
    {"kind": "reshape", "name": "w1", "shape": [2, 2]},
    {"kind": "flatten", "name": "f1"},
    {"kind": "dropout", "name": "x1", "rate": 0.5},
    {"kind": "dense", "name": "o1", "units": 3},
]
LINE = [
    {"kind": "conv", "name": "c1", "filters": 4, "size": [3], "strides": [2]},
    relu("r1"),
    {"kind": "dense", "name": "o1", "units": 5},
    relu("r2"),
    {"kind": "lstm", "name": "l1", "units": 3, "state": "q<10,2,1>", "sequences": True},
    {"kind": "gru", "name": "g1", "units": 4, "state": "q<10,2,1>"},
]
BRANCHES = [
    conv("c1", padding="same"),
    relu("r1"),
    conv("c2", padding="same"),
    {"kind": "batchnorm", "name": "n1", "scheme": "q<8,2,1>"},
    {"kind": "linear", "name": "q1", "scheme": "q<8,3,1>"},
    {"kind": "add", "name": "sum", "inputs": ["q1", "r1"]},
    relu("r2"),
    {"kind": "concatenate", "name": "both", "inputs": ["r2", "r1"]},
    {"kind": "flatten", "name": "f1"},
    {"kind": "dense", "name": "o1", "units": 3},
]


@pytest.mark.parametrize(("layers", "shape"), [(IMAGE, (8, 6, 2)), (LINE, (9, 2)), (BRANCHES, (4, 4, 2))])
@pytest.mark.parametrize("quantised", [True, False])
def test_shapes_are_those_of_keras(layers, shape, quantised):
    bench = spec(layers, shape)
    model = models.build(bench, quantised)
    for layer in bench.layers:
        assert model.get_layer(layer.name).output_shape[1:] == bench.shapes[layer.name], layer.name


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([conv("c1", size=[9, 9])], "'c1': a window of (9, 9) does not fit into (8, 6, 2)"),
        ([conv("c1", size=[3])], "'c1': a window of 1 axes on (8, 6, 2)"),
        ([conv("c1", inputs=["later"])], "'c1' reads later, which comes before it nowhere; use input"),
        ([conv("c1"), {"kind": "add", "name": "sum", "inputs": ["c1"]}], "'sum' reads 2 tensors, not c1"),
        ([conv("c1"), {"kind": "add", "name": "s", "inputs": ["c1", "input"]}], "adds tensors of one shape"),
        ([{"kind": "reshape", "name": "w", "shape": [5]}], "(8, 6, 2) has not as many elements as (5,)"),
        ([conv("c1", reuse_factor=4)], "reuse_factor 4 must divide its 18 inputs"),
        ([relu("r1", scheme="q<6,2,1>")], "a relu needs an unsigned scheme"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, said):
    with pytest.raises(UsageError) as error:
        spec(layers)
    assert said in str(error.value)


def trained(bench: specs.BenchmarkSpec):
    """A model whose normalisations are what training might have left."""
    model, random = models.build(bench), np.random.default_rng(0)
    for name in formats(bench):
        layer = model.get_layer(name)
        shape = layer.gamma.shape
        layer.set_weights([random.uniform(low, 2, shape) for low in (0.5, -1, -1, 0.5)])
    return model


def test_a_settled_normalisation_is_what_the_network_stores():
    from netsurf.frontend.convert import convert_benchmark

    bench = spec(BRANCHES, (4, 4, 2))
    model = settle(trained(bench), bench)
    network = convert_benchmark(model, bench)
    stored = network.parameters["n1.scale"]
    assert stored.format == FixedFormat(8, 3)
    scale, bias = scale_and_bias(model.get_layer("n1"))
    assert np.array_equal(stored.codes, np.rint(scale * 2**5))
    assert np.array_equal(network.parameters["n1.bias"].codes, np.rint(bias * 2**5))
    inputs = random_inputs(network, 50, np.random.default_rng(1))
    assert require_equal(network, model, inputs) == 50
    assert require_alike(network, model, inputs) == 50


def test_a_normalisation_beyond_its_format_is_refused():
    bench = spec(BRANCHES, (4, 4, 2))
    model = trained(bench)
    gamma, *rest = model.get_layer("n1").get_weights()
    model.get_layer("n1").set_weights([gamma + 9, *rest])
    with pytest.raises(FormatError, match=r"'n1': trained to a scale or bias of .*more integer bits"):
        settle(model, bench)


def test_an_unsettled_normalisation_is_noticed():
    from netsurf.frontend.convert import convert_benchmark

    bench = spec(BRANCHES, (4, 4, 2))
    model = trained(bench)
    network = convert_benchmark(model, bench)
    with pytest.raises(DisagreementError, match="differ on"):
        require_equal(network, model, random_inputs(network, 50, np.random.default_rng(1)))


def test_decisions_that_differ_too_often_are_noticed():
    from netsurf.frontend.convert import convert_benchmark

    bench = spec(BRANCHES, (4, 4, 2))
    model = settle(trained(bench), bench)
    network = convert_benchmark(model, bench)
    last = model.get_layer("o1")
    last.set_weights([-weights for weights in last.get_weights()])
    with pytest.raises(DisagreementError, match="at least 97% are asked for"):
        require_alike(network, model, random_inputs(network, 50, np.random.default_rng(1)))


def test_tuning_starts_from_the_twin():
    from netsurf.frontend import train as training
    from netsurf.frontend.datasets import Split

    random = np.random.default_rng(0)
    data = Split(random.uniform(0, 1, (16, 8, 6, 2)), random.integers(0, 3, 16))
    rule = {"epochs": 2, "batch": 8, "learning_rate": 1e-9, "tune": 1}
    layers = [conv("c1"), relu("r1"), {"kind": "flatten", "name": "f"}]
    bench = spec([*layers, {"kind": "dense", "name": "o", "units": 3}], training=rule)
    twin = training.train(bench, data, quantised=False)
    seen = []
    tuned = training.train(bench, data, progress=lambda done, total, note: seen.append(total), twin=twin)
    assert seen == [1]
    for ours, theirs in zip(tuned.get_weights(), twin.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("quantised", [False, True])
def test_training_on_the_first_samples_sees_no_others(quantised):
    from netsurf.frontend import train as training
    from netsurf.frontend.datasets import Split

    random = np.random.default_rng(0)
    x, y = random.uniform(0, 1, (16, 8, 6, 2)), random.integers(0, 3, 16)
    layers = [
        conv("c1"),
        relu("r1"),
        {"kind": "flatten", "name": "f"},
        {"kind": "dense", "name": "o", "units": 3},
    ]

    def weights(samples: int | None, data: Split):
        rule = {"epochs": 1, "batch": 8, "learning_rate": 0.01} | ({"samples": samples} if samples else {})
        return training.train(spec(layers, training=rule), data, quantised).get_weights()

    few = weights(8, Split(x, y))
    for ours, theirs in zip(few, weights(None, Split(x[:8], y[:8])), strict=True):
        assert np.array_equal(ours, theirs)
    pairs = zip(few, weights(None, Split(x, y)), strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)
    with pytest.raises(UsageError, match=r"training\.samples: 17, but dummy has 16"):
        weights(17, Split(x, y))


def telescope_by_hand(wanted: np.ndarray, found: np.ndarray) -> float:
    """One module ``(8, 8)``, in plain loops over what the docstring says."""
    from netsurf.frontend.datasets.hgcal import IMAGE
    from netsurf.frontend.telescope import windows

    place = {int(cell): divmod(i, 8) for i, cell in enumerate(IMAGE.ravel()) if cell >= 0}
    want, have = (np.array([image[place[c]] for c in range(48)]) for image in (wanted, found))
    total = np.mean([found[divmod(i, 8)] ** 2 for i, cell in enumerate(IMAGE.ravel()) if cell < 0])
    groups = [np.flatnonzero(window) for window in windows()]
    count = [sum(c in group for group in groups) for c in range(48)]
    for factor, members, weigh in (
        (4, [[c] for c in range(48)], lambda group: 1.0),
        (2, groups, lambda group: np.mean([1 / count[c] for c in group])),
        (1, [range(16 * k, 16 * k + 16) for k in range(3)], lambda group: 1.0),
    ):
        terms = []
        for group in members:
            y, p = sum(want[c] for c in group), sum(have[c] for c in group)
            terms.append(weigh(group) * max(y, p) * (p - y) ** 2)
        total += factor * np.mean(terms)
    return float(total)


def test_the_telescope_loss_is_its_formula():
    from netsurf.frontend.telescope import telescope

    random = np.random.default_rng(3)
    wanted, found = random.uniform(0, 0.2, (2, 4, 8, 8))
    got = telescope(wanted.reshape(4, 64).astype("f4"), found.reshape(4, 64).astype("f4")).numpy()
    assert got == pytest.approx(
        [telescope_by_hand(w, f) for w, f in zip(wanted, found, strict=True)], rel=1e-5
    )
    mixed = telescope(wanted[::-1].reshape(4, 64).astype("f4"), found.reshape(4, 64).astype("f4")).numpy()
    assert not np.allclose(got, mixed)
