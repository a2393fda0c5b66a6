"""``max_pool`` and ``average_pool``, over windows or (one window) over the whole image (``nnet_pooling.h``).

``max_pool``: the largest code of the window, padding left out, then ``output(accumulator(.))``.
``average_pool``, with ``n`` positions of the window inside the image::

    acc = 0
    for x in the window, row by row:
        acc = accumulator(acc + x)
    y = output(accumulator(acc / n, truncated towards zero on the accumulator's grid))

Padding is added as zero and not counted in ``n``. A global pooling has one position, and its output may be
``(channels,)``.
"""

from __future__ import annotations

import numpy as np

from netsurf.fixed import assign, cast
from netsurf.ir.kinds.base import LayerKind, format_attribute, require
from netsurf.ir.kinds.window import check_window, window_of


def _check(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    size = layer.attributes.get("size")
    require(isinstance(size, tuple), layer, "attribute 'size' must be integers, one an axis")
    window = check_window(layer, specs[0], size)
    require(window.overlap().min() >= 1, layer, "a window lies in the padding alone")
    shape, short = (*window.positions, specs[0].shape[-1]), specs[0].shape[-1:]
    fits = layer.output.shape == shape or (max(window.positions) == 1 and layer.output.shape == short)
    require(fits, layer, f"output shape must be {shape}, not {layer.output.shape}")
    accumulator = format_attribute(layer, "accumulator")
    lift = max(
        specs[0].format.fraction - accumulator.fraction, accumulator.fraction - specs[0].format.fraction
    )
    require(max(accumulator.width, specs[0].format.width) + lift <= 61, layer, "sums would not fit 62 bits")


def _patches(layer, inputs, specs, fill):
    """``(samples, positions, taps, channels)``."""
    size, channels = layer.attributes["size"], specs[0].shape[-1]
    patches = window_of(layer, specs[0], size).patches(inputs[0], fill)
    return patches.reshape(len(inputs[0]), -1, int(np.prod(size)), channels)


def _max(layer, inputs, specs, parameters):
    largest = _patches(layer, inputs, specs, specs[0].format.minimum).max(axis=2)
    accumulator = format_attribute(layer, "accumulator")
    codes = assign(assign(largest, specs[0].format, accumulator), accumulator, layer.output.format)
    return codes.reshape(len(codes), *layer.output.shape)


def _average(layer, inputs, specs, parameters):
    accumulator, source = format_attribute(layer, "accumulator"), specs[0].format.fraction
    fraction = max(accumulator.fraction, source)
    patches = _patches(layer, inputs, specs, 0) << (fraction - source)
    total = np.zeros_like(patches[:, :, 0])
    for tap in range(patches.shape[2]):
        lifted = total << (fraction - accumulator.fraction)
        total = cast(lifted + patches[:, :, tap], fraction, accumulator)
    count = window_of(layer, specs[0], layer.attributes["size"]).overlap().reshape(-1, 1)
    mean = cast(np.sign(total) * (np.abs(total) // count), accumulator.fraction, accumulator)
    return assign(mean, accumulator, layer.output.format).reshape(len(total), *layer.output.shape)


MAX = LayerKind("max_pool", _check, _max)
AVERAGE = LayerKind("average_pool", _check, _average)
