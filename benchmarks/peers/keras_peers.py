"""Peers on QKeras: the benchmark's own model, its weights set to the values that the codes stand for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from task import Task, Upset

from netsurf.fixed import to_real
from netsurf.frontend.artefacts import model_of


def evaluate(task: Task) -> Callable[[Upset], int]:
    """``set_weights`` of the whole model and ``evaluate`` over the test set in one batch."""
    model, (x, y), weights = _model(task), _data(task), _weights(task)
    tf = _tensorflow(task.threads)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy"])

    def run(upset: Upset) -> int:
        model.set_weights(_flat(_upset(task, weights, upset)))
        accuracy = model.evaluate(x, y, batch_size=len(x), verbose=0)[1]
        return round(accuracy * len(x))

    return run


def function(task: Task) -> Callable[[Upset], int]:
    """``assign`` of the one kernel, and the count in a compiled ``tf.function``: no Keras in the loop."""
    model, (x, y), weights = _model(task), _data(task), _weights(task)
    tf = _tensorflow(task.threads)
    x, y = tf.constant(x), tf.constant(y)
    model.set_weights(_flat(weights))

    @tf.function
    def count():
        return tf.reduce_sum(tf.cast(tf.argmax(model(x, training=False), axis=1) == y, tf.int32))

    def run(upset: Upset) -> int:
        kernel = model.get_layer(upset.layer).kernel
        kernel.assign(_upset(task, weights, upset)[upset.layer][0])
        correct = int(count())
        kernel.assign(weights[upset.layer][0])
        return correct

    return run


Weights = dict[str, list[NDArray[np.float32]]]


def _weights(task: Task) -> Weights:
    """Kernel and bias of each dense layer as real numbers."""
    return {
        layer.name: [
            to_real(parameter.codes, parameter.format.fraction).astype(np.float32)
            for parameter in (layer.parameters["kernel"], layer.parameters["bias"])
        ]
        for layer in task.dense
    }


def _upset(task: Task, weights: Weights, upset: Upset) -> Weights:
    kernel, bias = weights[upset.layer]
    kernel = kernel.copy()
    form = task.network.parameters[f"{upset.layer}.kernel"].format
    kernel[upset.row, upset.column] = to_real(upset.new, form.fraction)
    return weights | {upset.layer: [kernel, bias]}


def _flat(weights: Weights) -> list[NDArray[np.float32]]:
    return [array for arrays in weights.values() for array in arrays]


def _data(task: Task) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return to_real(task.codes, task.network.input.format.fraction).astype(np.float32), task.labels


def _model(task: Task) -> Any:
    _tensorflow(task.threads)
    return model_of(task.spec)


def _tensorflow(threads: int) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # its threads run already, and are as many
        tf.config.threading.set_intra_op_parallelism_threads(threads)
    return tf
