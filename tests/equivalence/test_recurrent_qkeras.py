"""QLSTM and QGRU: the benchmark's model converts, what is left between it and QKeras, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf import ir
from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import to_real
from tests import har

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module", autouse=True)
def quiet_tensorflow():
    from netsurf.frontend.session import start

    start(threads=1)


def outputs(model, network, layer: str, x):
    """Outputs of a layer in QKeras and in the network, as real numbers."""
    import tensorflow as tf

    real = to_real(x, har.INPUT.fraction)
    keras = tf.keras.Model(model.inputs, model.get_layer(layer).output)(real).numpy()
    return keras, to_real(ir.trace(network, x)[layer], network.layer(layer).output.format.fraction)


@pytest.mark.parametrize("kind", ["QLSTM", "QGRU"])
def test_the_har_model_converts(kind):
    """Dense layers of every step are exact; states differ by tables and roundings alone."""
    from netsurf.frontend.convert import convert

    model = har.model(kind, steps=12)
    network = convert(model, "har", har.INPUT)
    kinds = ["conv", "relu", kind[1:].lower(), "dense", "relu", "dense", "relu", "dense"]
    assert [layer.kind for layer in network.layers] == kinds
    x = np.random.default_rng(1).integers(-128, 128, (40, 12, 9))
    keras, ours = outputs(model, network, "relu1", x)
    assert np.array_equal(keras, ours)
    keras, ours = outputs(model, network, "cell", x)
    assert 0 < np.abs(keras - ours).max() < 0.03
    assert np.ptp(keras) > 0.5, "the states move"


def test_a_changed_recurrent_code_is_noticed():
    from netsurf.frontend.convert import convert

    model = har.model("QLSTM", steps=12)
    network = convert(model, "har", har.INPUT)
    x = np.random.default_rng(1).integers(-128, 128, (40, 12, 9))
    codes = network.parameters["cell.recurrent"].codes.copy()
    codes[:, :16] ^= 1 << 6
    upset = ir.trace(network, x, {"cell.recurrent": codes})["cell"]
    keras, _ = outputs(model, network, "cell", x)
    assert np.abs(keras - to_real(upset, network.layer("cell").output.format.fraction)).max() > 0.03


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        (
            "QLSTM",
            {"go_backwards": True},
            "'cell': hls4ml 1.3.0 has no go_backwards; write go_backwards=False",
        ),
        ("QLSTM", {"stateful": True, "batch_input_shape": None}, "hls4ml 1.3.0 has no stateful"),
        ("QLSTM", {"use_bias": False}, "no recurrent layer without a bias; write use_bias=True"),
        ("QLSTM", {"activation": "relu"}, "its activation is relu, .*; write activation='tanh'"),
        ("QLSTM", {"recurrent_activation": "hard_sigmoid"}, "write recurrent_activation='sigmoid'"),
        ("QLSTM", {"state_quantizer": None}, "its state has the quantiser NoneType; use quantized_bits"),
        ("QGRU", {"reset_after": False}, "reset gate after the product; write reset_after=True"),
    ],
)
def test_what_hls4ml_reads_otherwise_is_refused(kind, said, sentence):
    from netsurf.frontend.layers import check

    if said.pop("batch_input_shape", 0) is None:
        return_model = har.model(kind, steps=3)
        return_model.get_layer("cell").stateful = True
    else:
        return_model = har.model(kind, steps=3, **said)
    with pytest.raises(UnsupportedLayerError, match=sentence):
        check(return_model)


def test_a_layer_whose_input_has_no_format_is_refused():
    import tensorflow as tf

    from netsurf.frontend.layers import recurrent_precisions

    whole = har.model("QLSTM", steps=3)
    model = tf.keras.Sequential([tf.keras.Input((3, 9)), whole.get_layer("fc1"), whole.get_layer("cell")])
    with pytest.raises(UnsupportedLayerError, match="'cell': what it reads has no format; put a QActivation"):
        recurrent_precisions(model, har.INPUT)
