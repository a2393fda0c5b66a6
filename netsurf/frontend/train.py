"""Training: Adam, a cosine-decayed learning rate and a fixed number of epochs.

No choice is made while training: neither the calibration nor the test samples are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UsageError
from netsurf.fixed import to_real
from netsurf.frontend import model as models
from netsurf.frontend import pruning
from netsurf.frontend.datasets import Split
from netsurf.frontend.score import score
from netsurf.frontend.session import start
from netsurf.frontend.spec import BenchmarkSpec
from netsurf.frontend.telescope import telescope

Progress = Callable[[int, int, str], None]

FINAL_RATE = 0.01
"""Learning rate of the last step, as a fraction of the first's."""

UNMOVED_EPOCHS = 2
"""The last epochs see the images where they are."""


def train(
    spec: BenchmarkSpec,
    data: Split,
    quantised: bool = True,
    progress: Progress = lambda done, total, note: None,
    twin: Any = None,
) -> Any:
    """Fit the benchmark's model to ``data``.

    Logits go into a softmax cross-entropy as they are, and targets of a regression are scaled by
    ``spec.target`` and go into a squared error.

    Parameters
    ----------
    quantised
        False trains the float twin by the same rule.
    progress
        Called after each epoch with epochs done, epochs in all, and the loss.
    twin
        The trained float twin, whose weights ``spec.training.tune`` starts from.

    Returns
    -------
    A trained Keras model.

    Raises
    ------
    UsageError
        If ``spec.training.samples`` asks for more samples than there are.
    """
    rule = spec.training
    data = _first(spec, data)
    tf = start(rule.seed)
    network = models.build(spec, quantised)
    epochs = rule.epochs
    if quantised and rule.tune:
        epochs = rule.tune
        network.set_weights(twin.get_weights())
    steps = -(-len(data) // rule.batch) * epochs
    rate = tf.keras.optimizers.schedules.CosineDecay(rule.learning_rate, steps, alpha=FINAL_RATE)
    network.compile(tf.keras.optimizers.Adam(rate), _loss(tf, spec))
    watchers = [pruning.pruner(network, spec.pruning, steps)] if spec.pruning else []
    labels = _labels(spec, data)
    random = np.random.default_rng(rule.seed)
    for epoch in range(epochs):
        moved = rule.shift and epoch % 2 == 0 and epoch < epochs - UNMOVED_EPOCHS
        samples = Split(shift(data.x, rule.shift, random), data.y) if moved else data
        inputs = reals(spec, samples)
        history = network.fit(inputs, labels, batch_size=rule.batch, verbose=0, callbacks=watchers)
        progress(epoch + 1, epochs, f"loss {history.history['loss'][0]:.4f}")
    return network


def _first(spec: BenchmarkSpec, data: Split) -> Split:
    """The samples that are trained on."""
    asked = spec.training.samples
    if asked is None:
        return data
    if asked > len(data):
        raise UsageError(
            f"{spec.name}: training.samples: {asked:,}, but {spec.data} has {len(data):,} to train on; "
            "leave the key out to use all"
        )
    return data.rows(np.arange(asked))


def _loss(tf: Any, spec: BenchmarkSpec) -> Any:
    if spec.training.loss == "telescope":
        return telescope
    if spec.task == "classification":
        return tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return tf.keras.losses.MeanSquaredError()


def _labels(spec: BenchmarkSpec, data: Split) -> NDArray[Any]:
    if spec.task == "classification":
        return data.y
    targets = ((data.y - spec.target.offset) / spec.target.scale).astype(np.float32)
    return targets.reshape(len(targets), -1)


def reals(spec: BenchmarkSpec, data: Split) -> NDArray[np.float32]:
    """Samples as the real numbers that their input codes stand for; float32 holds them exactly."""
    return to_real(spec.inputs(data), spec.input.format.fraction).astype(np.float32)


def shift(images: NDArray[np.uint8], distance: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Images ``(samples, height, width, channels)``, each moved by up to ``distance`` pixels both ways.

    >>> shift(np.ones((1, 3, 3, 1), np.uint8), 0, np.random.default_rng(0))[0, :, :, 0].sum()
    9
    """
    samples, height, width, _ = images.shape
    edge = (distance, distance)
    padded = np.pad(images, ((0, 0), edge, edge, (0, 0)))
    down, right = random.integers(0, 2 * distance + 1, (2, samples, 1, 1))
    rows = down + np.arange(height)[:, None]
    columns = right + np.arange(width)
    return padded[np.arange(samples)[:, None, None], rows, columns]


def outputs(model: Any, spec: BenchmarkSpec, data: Split) -> NDArray[np.float32]:
    """Real outputs ``(samples, outputs)`` of a Keras model."""
    return model.predict(reals(spec, data), batch_size=1000, verbose=0)


def evaluate(model: Any, spec: BenchmarkSpec, data: Split) -> dict[str, float]:
    """Scores of a Keras model on ``data``."""
    return score(spec.task, spec.predictions(outputs(model, spec, data), fraction=0), data.y)
