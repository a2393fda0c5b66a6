"""Keras layers that stand for what hls4ml 1.3.0 cannot read, and how hls4ml reads them.

A transposed convolution is a convolution of an image with zeros between its pixels: the kernel is turned by
180 degrees, and the padding is what both lengths need. :class:`ZeroInsert` and :class:`PaddedQConv2D` are
these two steps, Keras layers that compute what they say. hls4ml infers the types of the second as of its own
convolution, in a graph that is read into an integer network and never compiled: padding and dilation stand
there in attributes of our own, and the first is a ``Resize`` with the attribute ``zeros``.

Imported only while a model is converted.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from hls4ml.converters.keras.qkeras import parse_qconv_layer
from hls4ml.converters.keras_v2_to_hls import (
    get_layer_handlers,
    parse_default_keras_layer,
    register_keras_v2_layer_handler,
)
from qkeras import QConv2D


class ZeroInsert(tf.keras.layers.Layer):
    """Every pixel of an image in the corner of a cell of ``factors`` that is zero elsewhere."""

    def __init__(self, factors: tuple[int, int], **more: Any) -> None:
        super().__init__(**more)
        self.factors = tuple(factors)

    def call(self, inputs: Any) -> Any:
        """The grown image."""
        _, height, width, channels = inputs.shape
        down, right = self.factors
        cells = tf.pad(
            inputs[:, :, tf.newaxis, :, tf.newaxis, :],
            [[0, 0], [0, 0], [0, down - 1], [0, 0], [0, right - 1], [0, 0]],
        )
        return tf.reshape(cells, (-1, height * down, width * right, channels))

    def get_config(self) -> dict[str, Any]:
        """Keras' description of the layer."""
        return {**super().get_config(), "factors": list(self.factors)}


class PaddedQConv2D(QConv2D):
    """A convolution with ``sides`` (top, bottom, left, right) rows and columns of zeros around the image."""

    def __init__(self, *arguments: Any, sides: tuple[int, ...] = (0, 0, 0, 0), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.sides = tuple(sides)

    def call(self, inputs: Any) -> Any:
        """The sums."""
        top, bottom, left, right = self.sides
        return super().call(tf.pad(inputs, [[0, 0], [top, bottom], [left, right], [0, 0]]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the sums."""
        samples, height, width, channels = input_shape
        top, bottom, left, right = self.sides
        return super().compute_output_shape((samples, height + top + bottom, width + left + right, channels))

    def get_config(self) -> dict[str, Any]:
        """Keras' description of the layer."""
        return {**super().get_config(), "sides": list(self.sides)}


def _parse_insert(layer: dict[str, Any], names: Any, shapes: Any, reader: Any) -> tuple[dict[str, Any], Any]:
    samples, height, width, channels = shapes[0]
    down, right = layer["config"]["factors"]
    said = parse_default_keras_layer(layer, names) | {
        "class_name": "Resize",
        "algorithm": "nearest",
        "zeros": True,
    }
    said |= {"in_height": height, "in_width": width, "n_chan": channels}
    said |= {"out_height": height * down, "out_width": width * right}
    return said, [samples, height * down, width * right, channels]


def _parse_padded(layer: dict[str, Any], names: Any, shapes: Any, reader: Any) -> tuple[dict[str, Any], Any]:
    """Padding as it is; where there is dilation, as much as gives a dense kernel as many positions."""
    config, (samples, *image, channels) = layer["config"], shapes[0]
    sides, padded, pads = config["sides"], [], []
    for axis, size in enumerate(config["kernel_size"]):
        span = (size - 1) * (config["dilation_rate"][axis] - 1)
        padded.append(image[axis] + sum(sides[2 * axis : 2 * axis + 2]) - span)
        before = min(sides[2 * axis], padded[axis] - image[axis])
        pads += [before, padded[axis] - image[axis] - before]
    plain = {**layer, "class_name": "QConv2D"}
    said, shape = parse_qconv_layer(plain, names, [[samples, *padded, channels]], reader)
    said |= dict(zip(("in_height", "in_width"), image, strict=True))
    said |= dict(zip(("pad_top", "pad_bottom", "pad_left", "pad_right"), pads, strict=True))
    return said | {"sides": tuple(sides), "dilation": tuple(config["dilation_rate"])}, shape


def register() -> None:
    """Tell hls4ml's converter about the stand-ins, once."""
    for kind, parse in ((ZeroInsert, _parse_insert), (PaddedQConv2D, _parse_padded)):
        if kind.__name__ not in get_layer_handlers():
            register_keras_v2_layer_handler(kind.__name__, parse)
