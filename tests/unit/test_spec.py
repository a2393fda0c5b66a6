"""benchmark.yaml: what it may say, and what is said about one that says something else."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from netsurf.errors import FormatError, UnknownNameError, UnsupportedLayerError, UsageError
from netsurf.fixed import FixedFormat
from netsurf.frontend import spec as specs
from netsurf.frontend.datasets import Split
from netsurf.frontend.score import score

DOCUMENT = {
    "title": "a line",
    "data": "dummy",
    "task": "regression",
    "input": {"shape": [1], "format": "fixed<8,1>"},
    "scheme": "q<6,0,1>",
    "layers": [
        {"kind": "dense", "name": "fc1", "units": 4, "reuse_factor": 1},
        {"kind": "relu", "name": "relu1", "scheme": "q<6,1,0>"},
        {"kind": "dense", "name": "fc2", "units": 1, "reuse_factor": 4},
    ],
    "training": {"epochs": 1, "batch": 8, "learning_rate": 0.01},
    "target": {"offset": 1.0, "scale": 4.0},
    "tolerance": 0.5,
}


def spec(**changes) -> specs.BenchmarkSpec:
    return specs.parse(yaml.safe_dump(DOCUMENT | changes), "line")


def layers(number: int, **changes) -> list[dict]:
    return [dict(layer, **changes) if i == number else layer for i, layer in enumerate(DOCUMENT["layers"])]


def test_reads_what_is_written():
    line = spec()
    assert line.name == "line"
    assert line.scheme == FixedFormat(6, 1, rounding="RND_CONV", overflow="SAT")
    assert line.layers[1].scheme == FixedFormat(6, 1, False, "RND_CONV", "SAT")
    assert line.shapes == {"input": (1,), "fc1": (4,), "relu1": (4,), "fc2": (1,)}
    assert line.shape == "1-4-1"
    assert line.scheme_text == "q<6,0,1>"
    assert line.reuse_factors == {"fc1": 1, "fc2": 4}


@pytest.mark.parametrize("name", specs.names())
def test_every_benchmark_can_be_read(name):
    benchmark = specs.load(name)
    assert benchmark.name == name
    *_, outputs = benchmark.shapes.values()
    assert len(outputs) == 1


def test_the_promised_benchmarks_are_there():
    assert {"mnist_fnn", "mnist_fnn_lite", "fashion_mnist_fnn", "autompg", "dummy"} <= set(specs.names())


def test_variants_are_benchmarks_like_another():
    pruned, original = specs.load("mnist_fnn_q621_p0250"), specs.load("mnist_fnn")
    assert pruned.like == "mnist_fnn_q621"
    assert pruned.scheme_text == "q<6,2,1>"
    assert pruned.sparsity == 0.25
    assert (pruned.layers, pruned.training, pruned.data) == (
        original.layers,
        original.training,
        original.data,
    )
    assert original.sparsity == 0
    assert pruned.name in specs.names()
    assert pruned.name not in specs.names(variants=False)
    assert original.name in specs.names(variants=False)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a": "like: b", "b": "like: a"},
            r"b/benchmark\.yaml: like: a is like b is like a, which never ends",
        ),
        ({"a": "like: a"}, "like: a is like a, which never ends"),
        ({"a": "like: bb", "b": "title: x"}, r"a/benchmark\.yaml: like: benchmark 'bb' \(did you mean b"),
        ({"a": "like: [b]", "b": "title: x"}, "unknown"),
        ({"a": "like: b", "b": "- title"}, r"b/benchmark\.yaml must be a mapping"),
        ({"a": "like: b", "b": "{"}, r"b/benchmark\.yaml is no YAML"),
    ],
)
def test_a_variant_of_nothing_is_refused(files, said, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / specs.FILE).write_text(text)
    monkeypatch.setenv("NETSURF_BENCHMARKS", str(tmp_path))
    with pytest.raises(UsageError, match=said):
        specs.load("a")


def test_an_unknown_benchmark_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean mnist_fnn"):
        specs.load("mnist_fn")


def test_a_benchmark_cannot_be_a_path():
    with pytest.raises(UnknownNameError):
        specs.load("../benchmarks/mnist_fnn")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheme": "q<6,7,1>"}, "'q<6,7,1>': needs"),
        ({"scheme": 6}, "'6' is no scheme"),
        ({"scheme": "six bits"}, "is no scheme; write"),
        ({"layers": layers(1, scheme="q<6;1;0>")}, "is no scheme"),
        ({"input": {"shape": [1], "format": "fixed<8>"}}, "has no integer bits"),
        ({"input": {"shape": [1], "format": "float"}}, "is no precision"),
    ],
)
def test_malformed_formats(changes, said):
    with pytest.raises(FormatError) as error:
        spec(**changes)
    assert said in str(error.value)
    assert str(error.value).startswith("line/benchmark.yaml: ")


@pytest.mark.parametrize("kind", ["softmax", "lambda", None])
def test_unsupported_layers_list_the_supported(kind):
    with pytest.raises(UnsupportedLayerError, match=f"'{kind}' is not supported; use add, average_pool"):
        spec(layers=layers(1, kind=kind))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"layers": layers(0, colour="red")}, "layers.0.dense.colour: Extra inputs"),
        ({"layers": []}, "layers: "),
        ({"layers": layers(2, reuse_factor=3)}, "layer 'fc2': reuse_factor 3 must divide its 4 inputs"),
        ({"layers": layers(2, name="fc1")}, "two tensors are called fc1"),
        ({"layers": layers(2, name="input")}, "two tensors are called input"),
        ({"layers": layers(2, name="9 lives")}, "layers.2.dense.name: "),
        ({"layers": layers(0, units=0)}, "layers.0.dense.units: "),
        ({"layers": layers(1, scheme="q<6,0,1>")}, "layer 'relu1': a relu needs an unsigned scheme"),
        ({"scheme": "q<6,0,0>"}, "scheme: hls4ml stores every weight as signed"),
        ({"task": "clustering"}, "task: "),
        ({"training": {"epochs": 0, "batch": 8, "learning_rate": 0.01}}, "training.epochs: "),
        ({"training": {"batch": 8, "learning_rate": 0.01}}, "training.epochs: Field required"),
        ({"target": {"scale": 0}}, "target.scale: "),
        ({"pruning": {}}, "pruning.sparsity: Field required"),
        ({"pruning": {"sparsity": 0}}, "pruning.sparsity: "),
        ({"pruning": {"sparsity": 1}}, "pruning.sparsity: "),
        (
            {"pruning": {"sparsity": 0.5, "begin": 0.5, "end": 0.5}},
            "pruning: begin 0.5 must be before end 0.5",
        ),
        ({"tolerance": -1}, "tolerance: "),
    ],
)
def test_other_mistakes_say_where(changes, said):
    with pytest.raises(UsageError) as error:
        spec(**changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_data_set_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean dummy"):
        spec(data="dumy")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "a: [1\n", "a: b: c"])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(UsageError, match=r"line/benchmark\.yaml"):
        specs.parse(text, "line")


def test_pixels_are_their_own_codes():
    pixels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    image = spec(input={"shape": [1], "format": "ufixed<8,0>"})
    codes = image.inputs(Split(pixels, np.zeros(256)))
    assert codes.dtype == np.int64
    assert codes.tolist() == [[value] for value in range(256)]


def test_pixels_are_rounded_to_a_coarser_format():
    pixels = np.array([0, 7, 8, 9, 24, 255], dtype=np.uint8).reshape(6, 1)
    coarse = spec(input={"shape": [1], "format": "ufixed<4,0>"})
    assert coarse.inputs(Split(pixels, np.zeros(6)))[:, 0].tolist() == [0, 0, 0, 1, 2, 15]


def test_numbers_are_rounded_and_saturated():
    values = np.array([[0.0], [0.5], [3 / 256], [1.0], [-1.0], [-7.0]])
    assert spec().inputs(Split(values, np.zeros(6)))[:, 0].tolist() == [0, 64, 2, 127, -128, -128]


def test_outputs_stand_for_targets():
    assert spec().predictions(np.array([[0], [8], [-8]]), fraction=3).tolist() == [1.0, 5.0, -3.0]
    assert spec().output_labels([5.0]).tolist() == [1.0]
    assert spec().output_tolerance == 0.125


def test_the_first_of_equal_outputs_decides():
    classes = spec(task="classification").predictions(np.array([[3, 3, 1], [0, 2, 2]]), fraction=3)
    assert classes.tolist() == [0, 1]


def test_test_data_is_codes_that_fit_and_their_labels():
    line = spec()
    codes, labels = specs.testdata(line)
    assert codes.shape == (200, 1)
    assert labels.shape == (200,)
    assert line.input.format.minimum <= codes.min() <= codes.max() <= line.input.format.maximum
    assert np.corrcoef(codes[:, 0], labels)[0, 1] > 0.9


def test_calibration_data_is_not_test_data():
    line = spec()
    assert len(specs.calibration(line)[0]) == 100
    assert not np.isin(specs.calibration(line)[1], specs.testdata(line)[1]).any()


def test_epochs_can_be_replaced():
    assert spec().with_epochs(7).training.epochs == 7
    assert spec().with_epochs(7).training.batch == 8


def test_regression_scores():
    values = score("regression", np.array([1.0, 2.0, 5.0]), np.array([1.0, 3.0, 5.0]))
    assert values == {"mse": 0.333333, "mae": 0.333333, "r2": 0.875}
