"""Squared gradients of single samples, layer by layer, for models that loop over time steps.

TensorFlow takes minutes to make a loop one that differentiates each of many samples. It need not: samples do
not see one another, so one backward pass over all of them gives each sample's slope by the output of every
layer, and from a layer's input and that slope follow the gradients of its variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def squares(
    model: Any, variables: Sequence[Any], scalars: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], list[Any]]:
    """A function of samples and labels: squared gradients, added up over ``scalars``, mean over samples.

    Parameters
    ----------
    variables
        Variables of the model's layers.
    scalars
        Outputs and labels to ``(samples, C)`` numbers, each sample's its own.

    Returns
    -------
    Takes ``x (samples, *shape)`` and ``y``, returns an array for each variable.
    """
    import tensorflow as tf

    owners = [layer for layer in model.layers if any(v is w for v in variables for w in layer.weights)]
    tensors = [[layer.input for layer in owners], [layer.output for layer in owners], model.output]
    watched = tf.keras.Model(model.input, tensors)

    @tf.function(reduce_retracing=True)
    def of_scalar(x: Any, y: Any, number: Any) -> Any:
        with tf.GradientTape() as tape:
            inputs, outputs, result = watched(x, training=False)
            total = tf.reduce_sum(tf.gather(scalars(result, y), number, axis=1))
        found = {}
        for layer, source, slope in zip(owners, inputs, tape.gradient(total, outputs), strict=True):
            own = [v for v in variables if any(v is w for w in layer.weights)]
            for variable, part in zip(own, _of_samples(layer, own, source, slope), strict=True):
                found[variable.ref()] = tf.reduce_mean(part**2, axis=0)
        return [found[v.ref()] for v in variables]

    def run(x: Any, y: Any) -> list[Any]:
        count = scalars(model(x[:1], training=False), y[:1]).shape[1]
        rows = [of_scalar(x, y, tf.constant(number)) for number in range(count)]
        return [tf.add_n(parts) for parts in zip(*rows, strict=True)]

    return run


def _of_samples(layer: Any, variables: Sequence[Any], source: Any, slope: Any) -> list[Any]:
    """``(samples, *shape)`` a variable of one layer, from the layer's input and the slope by its output."""
    import tensorflow as tf

    if hasattr(layer, "sample_gradients"):
        return layer.sample_gradients(source, slope)

    def one(sample: Any) -> Any:
        with tf.GradientTape() as tape:
            output = layer(sample[0][None], training=False)
        return tape.gradient(output, variables, output_gradients=sample[1][None])

    return tf.vectorized_map(one, (source, slope))
