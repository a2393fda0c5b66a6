"""``backend="NetSurf"`` as an hls4ml user meets it: configure, convert, compile, predict, build."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from netsurf.emit import load as load_design
from netsurf.errors import (
    FormatError,
    NetworkError,
    PlanError,
    SiteMapError,
    UnknownNameError,
    UnsupportedLayerError,
    UsageError,
)
from netsurf.fixed import FixedFormat, parse_format, to_real
from netsurf.frontend import artefacts
from netsurf.frontend import spec as specs
from netsurf.frontend.equality import random_inputs
from netsurf.frontend.from_hls4ml import codes_of, read_network
from netsurf.harden import DesignPoint, load_plan
from netsurf.hls import project
from netsurf.hls.csim import CSimEngine
from netsurf.hls.from_network import model_graph, quiet
from netsurf.ir import Layer, Network, TensorSpec, execute, load
from tests.strategies import dense

INPUT = "ufixed<8,0,RND_CONV,SAT>"


def network(name: str = "myproject") -> Network:
    """What the tests without Keras convert: two dense layers and a relu."""
    rng = np.random.default_rng(4)
    weight, x = FixedFormat(6, 1), TensorSpec((12,), parse_format(INPUT))
    first = dense("fc1", "input", x, 6, weight, weight, FixedFormat(20, 7), FixedFormat(20, 7), rng)
    relu = Layer("relu1", "relu", ("fc1",), TensorSpec((6,), parse_format("ufixed<6,2,RND_CONV,SAT>")))
    last = dense(
        "fc2",
        "relu1",
        relu.output,
        3,
        weight,
        weight,
        FixedFormat(18, 7),
        parse_format("fixed<8,4,RND,SAT>"),
        rng,
    )
    return Network(name, x, (first, relu, last))


@pytest.fixture
def graph(tmp_path):
    return model_graph(network(), tmp_path / "prj", "NetSurf")


def dense_nodes(graph):
    return [node for node in graph.get_layers() if node.class_name == "Dense"]


def real_inputs(samples: int = 50) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (samples, 12)).astype(np.float32) / 256


def test_the_plugin_is_found_through_its_entry_point():
    import hls4ml

    backend = hls4ml.backends.get_backend("NetSurf")
    assert backend.name == "NetSurf"
    assert type(backend).__mro__[1].__name__ == "FPGABackend"


@pytest.mark.parametrize("first", ["hls4ml", "netsurf.hls.plugin", "netsurf.hls.backend", "hls4ml.model"])
def test_the_plugin_is_found_whatever_is_imported_first(first):
    script = f"import {first}, hls4ml; print(hls4ml.backends.get_backend('NetSurf').name)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "NetSurf\n", "and without a warning of hls4ml's"


def test_csim_predicts_what_the_network_computes(graph):
    graph.compile()
    x = real_inputs()
    expected = execute(network(), codes_of(network(), x))
    assert (graph.predict(x) == to_real(expected, network().output.format.fraction)).all()
    assert (graph.predict(x, sim="csim") == graph.predict(x)).all()


def test_the_written_project_holds_the_network_the_plan_and_the_verilog(graph, tmp_path):
    for node, asked in zip(dense_nodes(graph), ("tmr", 0.25), strict=True):
        node.set_attr("protection", asked)
    graph.write()
    written = load(tmp_path / "prj" / "network")
    plan = load_plan(tmp_path / "prj" / "plan.json", written)
    first = 12 * 6 * 6 + 6 * 6
    second = 6 * 3 * 6 + 3 * 6
    assert written.stored_bits == first + second
    assert plan.bits[:first].tolist() == list(range(first)), "all of the first layer"
    assert len(plan.bits) == first + round(0.25 * second)
    assert load_design(tmp_path / "prj" / "accelerator").plan == plan.digest
    assert not list((tmp_path / "prj").glob("*.tcl")), "no scripts of vendors' tools"


def test_protection_takes_every_scheme(graph, tmp_path):
    for node, asked in zip(dense_nodes(graph), ("secded:word=12", "parity"), strict=True):
        node.set_attr("protection", asked)
    graph.write()
    plan = load_plan(tmp_path / "prj" / "plan.json", load(tmp_path / "prj" / "network"))
    assert {a.label: len(a.bits) for a in plan.schemes} == {
        "secded:word=12": 12 * 6 * 6 + 6 * 6,
        "parity": 6 * 3 * 6 + 3 * 6,
    }
    assert load_design(tmp_path / "prj" / "accelerator").plan == plan.digest


@pytest.mark.rtl
def test_rtl_predicts_what_csim_predicts_and_build_reports_it(graph):
    for node, factor in zip(dense_nodes(graph), (4, 6), strict=True):
        node.set_attr("reuse_factor", factor)
    graph.compile()
    x = real_inputs(20)
    assert (graph.predict(x, sim="rtl") == graph.predict(x)).all()
    assert graph.predict(x, sim="rtl").dtype == np.float32
    assert graph.predict(x[:1], sim="rtl").shape == graph.predict(x[:1]).shape
    report = graph.build(cosim=True)
    assert report["CosimReport"] == {"RTL": "Verilog", "Status": "Pass"}
    cycles = report["CSynthesisReport"]
    assert cycles["IntervalMin"] == cycles["IntervalMax"] >= 4
    assert cycles["BestLatency"] == load_design(project.folder_of(graph) / "accelerator").latency
    assert cycles["LUT"] is None


def test_a_model_changed_after_write_is_not_simulated_as_the_old_verilog(graph):
    """Negative control: the Verilog of other weights must not answer."""
    graph.write()
    kernel = dense_nodes(graph)[0].weights["weight"]
    kernel.data = -kernel.data
    with pytest.raises(SiteMapError):
        graph.predict(real_inputs(2), sim="rtl")


def test_illegal_reuse_factors_become_the_closest_divisor(graph):
    backend = graph.config.backend
    node = dense_nodes(graph)[0]
    assert backend.get_valid_reuse_factors(12, 6) == [1, 2, 3, 4, 6, 12]
    for asked, legal in [(5, 4), (7, 6), (10, 12), (10**6, 12), (0, 1)]:
        graph.config.layer_name_rf[node.name.lower()] = asked
        with quiet() as said:
            backend.init_dense(node)
        assert node.get_attr("reuse_factor") == legal
        assert f"Using ReuseFactor={legal} instead" in said.getvalue()


def test_another_strategy_is_replaced_with_a_warning(graph):
    node = dense_nodes(graph)[0]
    graph.config.layer_name_strategy[node.name.lower()] = "resource"
    with pytest.warns(UserWarning, match="using 'Latency'"):
        graph.config.backend.init_dense(node)
    assert graph.config.get_strategy(node) == "latency"


@pytest.mark.parametrize("asked", ["triple", 1.5, -0.1])
def test_a_protection_that_is_no_level_is_refused(graph, asked):
    dense_nodes(graph)[0].set_attr("protection", asked)
    with pytest.raises(PlanError, match=r"write 'none', a scheme .* or a fraction 0 to 1"):
        project.design_point(graph)


def test_unknown_names_are_refused(graph):
    backend = graph.config.backend
    with pytest.raises(UnknownNameError, match=r"unknown simulation 'rlt' \(did you mean rtl\?\)"):
        graph.predict(real_inputs(1), sim="rlt")
    with pytest.raises(UsageError, match="io_parallel"):
        backend.create_initial_config(io_type="io_stream")
    with pytest.raises(UnknownNameError, match="task"):
        backend.create_initial_config(task="clustering")


class TestReader:
    """read_network refuses by name what has no integer semantics."""

    def test_an_unsupported_layer_class(self, graph):
        node = dense_nodes(graph)[0]
        softmax = type("Softmax", (type(node),), {})
        node.__class__ = type("NetSurfSoftmax", (softmax,), {})
        with pytest.raises(
            UnsupportedLayerError,
            match=r": Softmax; the decision needs no softmax[\s\S]*supported: Activation, .*Dense",
        ):
            read_network(graph, "n")

    def test_an_unsupported_activation(self, graph):
        graph.graph["t2_relu1"].set_attr("activation", "selu")
        with pytest.raises(
            UnsupportedLayerError, match="'t2_relu1': activation 'selu'; supported: linear, relu"
        ):
            read_network(graph, "n")

    def test_ternary_weights(self, graph):
        from hls4ml.model.types import IntegerPrecisionType

        dense_nodes(graph)[0].weights["weight"].type.precision = IntegerPrecisionType(2)
        with pytest.raises(UnsupportedLayerError, match="ternary weights"):
            read_network(graph, "n")

    def test_binary_weights(self, graph):
        from hls4ml.model.types import XnorPrecisionType

        dense_nodes(graph)[0].weights["weight"].type.precision = XnorPrecisionType()
        with pytest.raises(UnsupportedLayerError, match="no binary or power-of-two weights"):
            read_network(graph, "n")

    def test_a_type_that_is_too_wide_names_the_layer(self, graph):
        from hls4ml.model.types import FixedPrecisionType

        dense_nodes(graph)[1].get_output_variable().type.precision = FixedPrecisionType(64, 8)
        with pytest.raises(FormatError, match=r"layer 't3_fc2'.*width must be 1 to 48"):
            read_network(graph, "n")

    def test_another_order_of_a_saturating_sum(self, graph):
        from hls4ml.model.types import FixedPrecisionType

        node = dense_nodes(graph)[0]
        node.set_attr("strategy", "resource")
        node.get_attr("accum_t").precision = FixedPrecisionType(20, 7, saturation_mode="SAT")
        with pytest.raises(UnsupportedLayerError, match="adds in another order"):
            read_network(graph, "n")


@pytest.fixture(scope="module")
def keras_model():
    import tensorflow as tf
    from qkeras import QActivation, QDense, quantized_bits, quantized_relu

    tf.keras.utils.set_random_seed(0)
    weight = {
        "kernel_quantizer": quantized_bits(6, 0, alpha=1),
        "bias_quantizer": quantized_bits(6, 0, alpha=1),
    }
    return tf.keras.Sequential(
        [
            tf.keras.layers.Input((4, 4, 1)),
            tf.keras.layers.Flatten(),
            QDense(8, name="fc1", **weight),
            QActivation(quantized_relu(6, 2), name="relu1"),
            QDense(4, name="fc2", **weight),
            QActivation(quantized_bits(8, 3, alpha=1), name="out"),
        ]
    )


@pytest.fixture
def convert(keras_model, tmp_path):
    """``convert(edit, backend)``: the usual two calls, with the config edited in place between them."""
    import hls4ml

    def call(edit=lambda config: None, backend="NetSurf"):
        config = hls4ml.utils.config_from_keras_model(keras_model, granularity="name", backend=backend)
        first = next(iter(config["LayerName"]))
        config["LayerName"][first]["Precision"]["result"] = INPUT
        edit(config["LayerName"])
        return hls4ml.converters.convert_from_keras_model(
            keras_model, hls_config=config, output_dir=str(tmp_path / "prj"), backend=backend
        )

    return call


@pytest.mark.tf
@pytest.mark.rtl
def test_the_user_flow_from_qkeras_to_rtl(convert, keras_model, tmp_path):
    def edit(layers):
        assert layers["fc1"]["Protection"] == "none", "shown, so that it can be found"
        layers["fc1"]["Protection"] = "tmr"
        layers["fc1"]["ReuseFactor"] = 5

    with quiet() as said:
        model = convert(edit)
    assert 'Invalid ReuseFactor=5 in layer "fc1"' in said.getvalue()
    model.compile()
    x = np.random.default_rng(0).integers(0, 256, (100, 4, 4, 1)).astype(np.float32) / 256
    y = model.predict(x)
    assert (y == keras_model.predict(x, verbose=0)).all(), "the final quantiser is kept, QKeras agrees"
    assert (model.predict(x, sim="rtl") == y).all()
    assert model.build()["NetSurf"]["ProtectedBits"] == 16 * 8 * 6 + 8 * 6
    design = project.design_point(model)
    engine = CSimEngine(design, tmp_path / "csim")
    outputs = engine.run(project.NO_FAULT, codes_of(design.network, x)).outputs[0]
    assert (to_real(outputs, design.network.output.format.fraction) == y).all(), "both roads to C++ agree"


@pytest.mark.tf
def test_a_quantiser_that_another_backend_loses_is_refused(convert):
    with pytest.raises(NetworkError, match=r"merged layer 'out' \(fixed<8,4,RND_CONV,SAT,0>\) into 'fc2'"):
        read_network(convert(backend="Vivado"), "n")


@pytest.mark.tf
def test_mnist_fnn_is_the_same_network_and_the_same_c_by_either_road(tmp_path):
    """QKeras to hls4ml's C++ as a user goes, and the committed network to hls4ml's C++ without Keras."""
    import hls4ml

    spec = specs.load("mnist_fnn")
    committed = load(spec.folder)
    model = artefacts.model_of(spec)
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="NetSurf")
    layers = config["LayerName"]
    layers[next(iter(layers))]["Precision"]["result"] = str(spec.input.format)
    for name, factor in spec.reuse_factors.items():
        layers[name]["ReuseFactor"] = factor
    graph = hls4ml.converters.convert_from_keras_model(
        model,
        hls_config=config,
        output_dir=str(tmp_path / "prj"),
        project_name="mnist_fnn",
        backend="NetSurf",
    )
    assert read_network(graph, "mnist_fnn").digest == committed.digest
    graph.compile()
    codes = random_inputs(committed, 40, np.random.default_rng(8))
    real = to_real(codes, committed.input.format.fraction).astype(np.float32)
    engine = CSimEngine(DesignPoint.unprotected(committed), tmp_path / "csim")
    outputs = engine.run(project.NO_FAULT, codes).outputs[0]
    assert (graph.predict(real) == to_real(outputs, committed.output.format.fraction)).all()
    assert (outputs == execute(committed, codes)).all()
