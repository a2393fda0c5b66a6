"""Bad input, one sentence each: images, graphs, network files written by hand, model files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netsurf import cli, ir
from netsurf.cosim import IcarusEngine, VerilatorEngine
from netsurf.emit import architecture, emit
from netsurf.engine import ReferenceEngine
from netsurf.errors import NetsurfError, NetworkError, UnsupportedLayerError
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine
from netsurf.ir import Layer, Network, TensorSpec
from tests.strategies import dense

BYTE, WEIGHT, WIDE = FixedFormat(4, 4, signed=False), FixedFormat(4, 1), FixedFormat(20, 10)
IMAGE = TensorSpec((3, 2, 1), BYTE)
NONE = FaultList.of([Fault(())])


def network(**changed) -> Network:
    flat = Layer("flat", "flatten", ("input",), TensorSpec((6,), BYTE))
    fc = dense("fc", "flat", flat.output, 2, WEIGHT, WEIGHT, WIDE, WIDE, np.random.default_rng(0))
    return Network(**{"name": "small", "input": IMAGE, "layers": (flat, fc), **changed})


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """Every engine that needs no compiler before it has looked at its inputs."""
    design = DesignPoint.unprotected(network())
    made = emit(design, architecture("serial", design.network), tmp_path_factory.mktemp("bad") / "d")
    rtl = [kind(made, design, jobs=1) for kind in (VerilatorEngine, IcarusEngine)]
    return [ReferenceEngine(design), FastEngine(design), *rtl]


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 2, 3, 1), int), r"inputs must be \(samples, 3, 2, 1\), not \(2, 2, 3, 1\)"),
        (np.zeros((3, 2, 1), int), r"inputs must be \(samples, 3, 2, 1\), not \(3, 2, 1\)"),
        (np.zeros((2, 3, 2, 1)), r"must be integer codes, not float64; .*makes codes of ufixed<4,4"),
        (np.full((2, 3, 2, 1), 16), r"input codes 16\.\.16 do not fit ufixed<4,4"),
        (np.full((2, 3, 2, 1), "3"), "must be integer codes, not <U1"),
        ([[[[1], [2]]], [[[1]]]], r"inputs must be \(samples, 3, 2, 1\), not of several shapes"),
    ],
)
def test_an_image_that_does_not_fit(engines, images, said):
    for engine in engines:
        with pytest.raises(NetworkError, match=said) as error:
            engine.run(NONE, images)
        assert len(str(error.value).splitlines()) == 1


class TestGraphs:
    def test_a_forward_reference_and_a_layer_that_reads_itself(self):
        form = TensorSpec((6,), BYTE)
        for source in ("b", "a"):
            layers = (Layer("a", "linear", (source,), form), Layer("b", "linear", ("a",), form))
            with pytest.raises(NetworkError, match=f"a: reads {source}, .*has no cycles, and a layer stands"):
                network(layers=layers)

    def test_a_tensor_that_nobody_computes(self):
        with pytest.raises(NetworkError, match="a: reads c, which no earlier layer computes; there is input"):
            network(layers=(Layer("a", "linear", ("c",), IMAGE),))

    def test_a_layer_that_leads_nowhere(self, tmp_path):
        whole = network()
        lost = Layer("lost", "linear", ("input",), IMAGE)
        graph = network(layers=(lost, *whole.layers))
        with pytest.raises(
            UnsupportedLayerError, match=r"small\.lost: no layer reads it and it is not the output"
        ):
            emit(DesignPoint.unprotected(graph), architecture("serial", graph), tmp_path / "d")


class TestFiles:
    """``network.json`` and ``network.npz`` written by hand."""

    @pytest.fixture
    def folder(self, tmp_path):
        ir.save(network(), tmp_path)
        return tmp_path

    def test_a_weight_outside_its_format(self, folder):
        arrays = dict(np.load(folder / "network.npz"))
        arrays["fc.kernel"] = arrays["fc.kernel"].astype(np.int64)
        arrays["fc.kernel"][0, 0] = 8
        np.savez(folder / "network.npz", **arrays)
        with pytest.raises(NetworkError, match=r"fc\.kernel: codes .*\.\.8 do not fit fixed<4,1"):
            ir.load(folder)

    def test_a_weight_that_fits_but_is_another(self, folder):
        arrays = dict(np.load(folder / "network.npz"))
        arrays["fc.kernel"] = arrays["fc.kernel"] ^ 1
        np.savez(folder / "network.npz", **arrays)
        with pytest.raises(NetworkError, match="do not match the digest"):
            ir.load(folder)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda document: [1], "is no description of a network"),
            (lambda document: document.pop("layers") and None, r"KeyError\('layers'\)"),
            (lambda document: document["layers"][0].update(kind="dens"), "unknown layer kind 'dens'"),
            (lambda document: document["layers"][1].update(inputs=["fc"]), "reads fc, which no earlier"),
        ],
    )
    def test_a_description_that_is_none(self, folder, change, said):
        document = json.loads((folder / "network.json").read_text())
        (folder / "network.json").write_text(json.dumps(change(document) or document))
        with pytest.raises(NetsurfError, match=said) as error:
            ir.load(folder)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.tf
def test_a_model_with_custom_layers_is_one_list(tmp_path, capsys):
    from netsurf.frontend.session import start

    k = start(1).keras

    class Mine(k.layers.Layer):
        pass

    layers = [k.Input((4,)), Mine(name="first"), k.layers.LayerNormalization(name="norm"), Mine(name="last")]
    k.Sequential(layers).save(tmp_path / "mine.h5")
    assert cli.main(["convert", str(tmp_path / "mine.h5"), "--input", "ufixed<8,0>"]) != 0
    said = capsys.readouterr().err
    assert "'first' (Mine), 'norm' (LayerNormalization), 'last' (Mine); use InputLayer, QDense" in said
    (tmp_path / "broken.h5").write_bytes(b"no model")
    assert cli.main(["convert", str(tmp_path / "broken.h5"), "--input", "ufixed<8,0>"]) != 0
    assert "broken.h5 cannot be read as a Keras model" in capsys.readouterr().err
