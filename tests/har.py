"""The model of human activity recognition: dense layers around an LSTM, over 128 steps of 9 features."""

from __future__ import annotations

from typing import Any

from netsurf.fixed import FixedFormat

INPUT = FixedFormat(8, 3, True, "RND", "SAT")
"""Format of the samples."""


def model(
    kind: str = "QLSTM", steps: int = 128, features: int = 9, units: int = 64, wide: int = 32, **said: Any
):
    """An untrained model; ``said`` overrides arguments of the recurrent layer."""
    import qkeras
    import tensorflow as tf

    def bits():
        return qkeras.quantized_bits(8, 0, alpha=1)

    def dense(units, name):
        return qkeras.QDense(units, kernel_quantizer=bits(), bias_quantizer=bits(), name=name)

    def relu(name):
        return qkeras.QActivation(qkeras.quantized_relu(8, 2), name=name)

    cell = {
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "kernel_quantizer": bits(),
        "recurrent_quantizer": bits(),
        "bias_quantizer": bits(),
        "state_quantizer": qkeras.quantized_bits(16, 3, alpha=1),
        "name": "cell",
    }
    if kind == "QGRU":
        cell["reset_after"] = True
    return tf.keras.Sequential(
        [
            tf.keras.Input((steps, features)),
            dense(wide, "fc1"),
            relu("relu1"),
            getattr(qkeras, kind)(units, **(cell | said)),
            dense(8, "fc2"),
            relu("relu2"),
            dense(16, "fc3"),
            relu("relu3"),
            dense(6, "fc4"),
        ]
    )
