"""The integer network is the QKeras model: equal outputs, and a changed code is noticed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from conftest import do_without
from netsurf import ir
from netsurf.errors import DataError, DisagreementError, MissingToolError, UnsupportedLayerError
from netsurf.files import sha256
from netsurf.fixed import FixedFormat, to_real
from netsurf.frontend import artefacts, datasets, golden
from netsurf.frontend import spec as specs
from netsurf.frontend.datasets import Split
from netsurf.frontend.equality import random_inputs, require_equal
from netsurf.ir import Network, Parameter

BENCHMARKS = ("mnist_fnn", "mnist_fnn_lite", "fashion_mnist_fnn", "autompg", "dummy", "mnist_fnn_q621_p0250")
SLICE = 200

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module", autouse=True)
def quiet_tensorflow():
    from netsurf.frontend.session import start

    start(threads=1)


def test_samples(spec: specs.BenchmarkSpec) -> Split:
    try:
        test = datasets.dataset(spec.data).test()
    except DataError as error:
        if "could not be fetched" not in str(error):
            raise
        do_without(str(error))
    return test


test_samples.__test__ = False


def first(split: Split, count: int = SLICE) -> Split:
    return split.rows(np.arange(min(count, len(split))))


def upset(network: Network, name: str, index: int) -> Network:
    """The network with one code moved by one."""

    def changed(parameter: Parameter) -> Parameter:
        if parameter.name != name:
            return parameter
        codes = parameter.codes.copy()
        codes.flat[index] += -1 if codes.flat[index] == parameter.format.maximum else 1
        return Parameter(parameter.name, codes, parameter.format)

    layers = tuple(
        replace(layer, parameters={role: changed(p) for role, p in layer.parameters.items()})
        for layer in network.layers
    )
    return Network(network.name, network.input, layers, network.task)


@pytest.mark.parametrize("name", BENCHMARKS)
class TestBenchmark:
    def test_outputs_equal_qkeras(self, name):
        spec = specs.load(name)
        samples = first(test_samples(spec))
        network, model = ir.load(spec.folder), artefacts.model_of(spec)
        assert require_equal(network, model, spec.inputs(samples)) == min(SLICE, len(samples))

    def test_the_committed_network_is_what_the_model_converts_to(self, name):
        from netsurf.frontend.convert import convert_benchmark

        spec = specs.load(name)
        assert convert_benchmark(artefacts.model_of(spec), spec).digest == ir.load(spec.folder).digest

    def test_a_code_changed_by_one_is_noticed(self, name):
        spec = specs.load(name)
        network, model = ir.load(spec.folder), artefacts.model_of(spec)
        bias = list(network.parameters)[-1]
        with pytest.raises(DisagreementError, match="differ on"):
            require_equal(upset(network, bias, 0), model, spec.inputs(first(test_samples(spec), 20)))

    def test_golden_belongs_to_the_folder(self, name):
        spec = specs.load(name)
        numbers, network = golden.read(spec), ir.load(spec.folder)
        assert numbers["network"] == network.digest
        assert numbers["model"] == sha256(spec.folder / artefacts.MODEL)
        assert numbers["stored_bits"] == network.stored_bits
        assert numbers["equal_samples"] == numbers["test"]["samples"]

    def test_golden_scores_are_those_of_the_network(self, name):
        spec = specs.load(name)
        test = test_samples(spec)
        numbers = golden.read(spec)["test"]
        assert numbers["samples"] == len(test)
        assert numbers["integer"] == artefacts.network_scores(ir.load(spec.folder), spec, test)
        assert numbers["integer"] == pytest.approx(numbers["quantised"], rel=1e-5)


def test_hidden_layers_equal_qkeras_too():
    import tensorflow as tf

    from netsurf.frontend.train import reals

    spec = specs.load("autompg")
    network, model = ir.load(spec.folder), artefacts.model_of(spec)
    samples = first(test_samples(spec))
    codes = ir.trace(network, spec.inputs(samples))
    for layer in network.layers:
        part = tf.keras.Model(model.inputs, model.get_layer(layer.name).output)
        ours = to_real(codes[layer.name], layer.output.format.fraction)
        assert np.array_equal(ours, part(reals(spec, samples)).numpy().astype(np.float64)), layer.name


def little(scheme: str, relu: str, precision: str = "fixed<8,2>", last: str | None = None):
    layers = [
        {"kind": "dense", "name": "fc1", "units": 12, "reuse_factor": 7},
        {"kind": "relu", "name": "relu1", "scheme": relu},
        {"kind": "dense", "name": "fc2", "units": 5, "reuse_factor": 3},
    ]
    if last:
        layers.append({"kind": "linear", "name": "out", "scheme": last})
    document = {
        "title": "little",
        "data": "dummy",
        "task": "classification",
        "input": {"shape": [7], "format": precision},
        "scheme": scheme,
        "layers": layers,
        "training": {"epochs": 1, "batch": 8, "learning_rate": 0.01},
    }
    return specs.parse(yaml.safe_dump(document), "little")


def random_model(spec: specs.BenchmarkSpec, seed: int):
    """Weights over the whole range of the scheme, beyond it, and on the ties between its codes."""
    from netsurf.frontend import model as models

    random = np.random.default_rng(seed)
    model = models.build(spec)
    step = 2.0**-spec.scheme.fraction
    span = (spec.scheme.minimum - 3, spec.scheme.maximum + 4)
    model.set_weights(
        [random.integers(2 * span[0], 2 * span[1], w.shape) / 2 * step for w in model.get_weights()]
    )
    return model


@pytest.mark.parametrize(
    ("scheme", "relu", "precision", "last"),
    [
        ("q<6,0,1>", "q<6,3,0>", "fixed<8,2>", None),
        ("q<6,2,1>", "q<6,2,0>", "fixed<8,2>", None),
        ("q<4,0,1>", "q<3,1,0>", "ufixed<8,0>", None),
        ("q<8,3,1>", "q<8,0,0>", "fixed<10,5>", None),
        ("q<3,1,1>", "q<4,4,0>", "fixed<6,6>", None),
        ("q<6,0,1>", "q<6,3,0>", "fixed<8,2>", "q<8,3,1>"),
        ("q<5,1,1>", "q<6,3,0>", "fixed<8,2>", "q<4,1,1>"),
    ],
)
def test_random_weights_in_other_formats(scheme, relu, precision, last):
    from netsurf.frontend.convert import convert_benchmark

    spec = little(scheme, relu, precision, last)
    model = random_model(spec, seed=len(scheme + relu + precision))
    network = convert_benchmark(model, spec)
    assert network.layers[0].parameters["kernel"].format.width == spec.scheme.width
    assert require_equal(network, model, random_inputs(network, 300, np.random.default_rng(2))) == 300


def test_training_again_gives_the_same_network():
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.train import train

    spec = specs.load("dummy").with_epochs(1)
    data = spec.splits().train
    digests = {convert_benchmark(train(spec, data), spec).digest for _ in range(2)}
    other = spec.model_copy(update={"training": spec.training.model_copy(update={"seed": 9})})
    assert len(digests) == 1
    assert convert_benchmark(train(other, data), other).digest not in digests


def test_make_writes_a_folder_that_belongs_together(tmp_path):
    import contextlib

    stages = []

    @contextlib.contextmanager
    def watch(label):
        yield lambda done, total, note: stages.append((label, done, total))

    spec = specs.load("dummy").with_epochs(1)
    written = artefacts.make(spec, tmp_path, watch)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "golden.json",
        "model.h5",
        "network.json",
        "network.npz",
    ]
    assert json.loads((tmp_path / "golden.json").read_text()) == written
    assert written["network"] == ir.load(tmp_path).digest
    assert stages == [("training in floating point", 1, 1), ("training quantised", 1, 1)]


def dense_model(**quantisers):
    import tensorflow as tf
    from qkeras import QDense, quantized_bits

    wanted = {
        "kernel_quantizer": quantized_bits(6, 0, alpha=1),
        "bias_quantizer": quantized_bits(6, 0, alpha=1),
    }
    return tf.keras.Sequential([tf.keras.Input((4,)), QDense(3, name="fc1", **(wanted | quantisers))])


class TestRefusals:
    def test_weights_in_floating_point(self):
        import tensorflow as tf

        from netsurf.frontend.layers import check

        with pytest.raises(UnsupportedLayerError, match=r"'fc1' is a Dense; .*use QDense"):
            check(tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, name="fc1")]))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"kernel_quantizer": None}, "its kernel has the quantiser NoneType; use quantized_bits"),
            ({"bias_quantizer": "quantized_bits(6, 0, alpha='auto')"}, "bias is scaled by alpha='auto'"),
            ({"kernel_quantizer": "quantized_bits(6, 0)"}, "kernel is scaled by alpha='auto_po2'"),
            ({"kernel_quantizer": "quantized_bits(6, 0, alpha=0.3)"}, "kernel is scaled by alpha=0.3"),
            (
                {"kernel_quantizer": "quantized_bits(6, 0, keep_negative=False, alpha=1)"},
                "kernel is unsigned",
            ),
            ({"kernel_quantizer": "ternary(alpha=1)"}, "its kernel has the quantiser ternary"),
        ],
    )
    def test_quantisers_that_are_no_codes(self, changes, said):
        from netsurf.frontend.layers import check

        with pytest.raises(UnsupportedLayerError) as error:
            check(dense_model(**changes))
        assert said in str(error.value)

    def test_rectifiers_that_are_no_rectifiers(self):
        import tensorflow as tf
        from qkeras import QActivation, quantized_relu

        from netsurf.frontend.layers import check

        leaky = QActivation(quantized_relu(6, 0, negative_slope=0.25), name="relu1")
        with pytest.raises(UnsupportedLayerError, match="'relu1': its activation is no plain rectifier"):
            check(tf.keras.Sequential([tf.keras.Input((4,)), leaky]))

    def test_nothing_is_said_about_what_is_exact(self):
        from netsurf.frontend.layers import check

        assert check(dense_model()) is None

    def test_a_layer_without_integer_semantics(self):
        import tensorflow as tf

        from netsurf.frontend.convert import convert

        layers = [
            tf.keras.Input((4,)),
            tf.keras.layers.LayerNormalization(name="norm"),
        ]
        with pytest.raises(
            UnsupportedLayerError, match=r"'norm' is a LayerNormalization; NetSurf supports .*QDense"
        ):
            convert(tf.keras.Sequential(layers), "net", FixedFormat(8, 1))

    def test_a_model_without_an_input(self):
        import tensorflow as tf

        from netsurf.frontend.convert import convert

        model = tf.keras.Sequential([*dense_model().layers, tf.keras.layers.Activation("relu")])
        with pytest.raises(UnsupportedLayerError, match=r"hls4ml cannot read .*begins with Input"):
            convert(model, "net", FixedFormat(8, 1))

    def test_a_backend_that_is_not_installed(self, monkeypatch):
        from netsurf.frontend import convert

        monkeypatch.setattr(convert, "BACKEND", "Elsewhere")
        with pytest.raises(MissingToolError, match="backend Elsewhere is not installed; type: make setup"):
            convert.convert(dense_model(), "net", FixedFormat(8, 1))

    def test_a_softmax(self):
        import tensorflow as tf

        from netsurf.frontend.convert import convert

        layers = [tf.keras.Input((4,)), *dense_model().layers, tf.keras.layers.Activation("softmax")]
        with pytest.raises(UnsupportedLayerError, match="softmax"):
            convert(tf.keras.Sequential(layers), "net", FixedFormat(8, 1), task="regression")

    def test_a_custom_layer_in_a_file(self, tmp_path):
        import tensorflow as tf

        from netsurf.frontend import model as models

        class Mine(tf.keras.layers.Layer):
            pass

        tf.keras.Sequential([tf.keras.Input((4,)), Mine()]).save(tmp_path / "mine.h5")
        with pytest.raises(UnsupportedLayerError, match=r"mine\.h5 .*Mine.*use InputLayer, QDense"):
            models.load(tmp_path / "mine.h5")

    def test_half_a_model_file(self, tmp_path):
        from netsurf.frontend import model as models

        whole = (specs.load("mnist_fnn").folder / artefacts.MODEL).read_bytes()
        (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"half\.h5 cannot be read"):
            models.load(tmp_path / "half.h5")
        with pytest.raises(DataError, match=r"none\.h5 does not exist"):
            models.load(tmp_path / "none.h5")

    def test_another_model_in_a_benchmarks_folder(self, tmp_path, monkeypatch):
        folder = tmp_path / "dummy"
        folder.mkdir()
        for path in specs.load("dummy").folder.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        monkeypatch.setenv("NETSURF_BENCHMARKS", str(tmp_path))
        content = bytearray((folder / artefacts.MODEL).read_bytes())
        content[-1] ^= 1
        (folder / artefacts.MODEL).write_bytes(content)
        with pytest.raises(
            DataError, match=r"is not the model that golden\.json describes; type: netsurf train dummy"
        ):
            artefacts.model_of(specs.load("dummy"))
