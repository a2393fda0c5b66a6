"""Kinds that move codes and compute nothing, from ``reshape`` to ``transpose``.

``reshape`` keeps C order (last axis fastest). ``zero_pad`` adds zeros around the spatial axes.
``upsample`` repeats every position ``factors`` times along each spatial axis; ``zero_insert`` puts it there
once, before ``factors - 1`` zeros, which makes a transposed convolution of a convolution. ``transpose``
permutes the axes behind the sample axis. All keep the format.
"""

from __future__ import annotations

import numpy as np

from netsurf.ir.kinds.base import LayerKind, require


def _check_move(layer, specs, shape):
    require(layer.output.shape == shape, layer, f"output shape must be {shape}, not {layer.output.shape}")
    require(layer.output.format == specs[0].format, layer, "output format must equal the input's")


def _integers(layer, key, count, least):
    value = layer.attributes.get(key)
    fits = isinstance(value, tuple) and len(value) == count
    fits = fits and all(isinstance(n, int) and n >= least for n in value)
    require(fits, layer, f"'{key}' must be {count} integers from {least} on, not {value}")
    return value


def _spatial(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    axes = len(specs[0].shape) - 1
    require(axes in (1, 2), layer, f"reads a line or an image, not {specs[0].shape}")
    return axes


def _check_reshape(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    require(
        layer.output.size == specs[0].size, layer, f"cannot reshape {specs[0].shape} to {layer.output.shape}"
    )
    require(layer.output.format == specs[0].format, layer, "output format must equal the input's")


def _reshape(layer, inputs, specs, parameters):
    return inputs[0].reshape(len(inputs[0]), *layer.output.shape)


def _check_pad(layer, specs):
    axes = _spatial(layer, specs)
    padding = _integers(layer, "padding", 2 * axes, 0)
    *spatial, channels = specs[0].shape
    shape = (*(n + sum(padding[2 * i : 2 * i + 2]) for i, n in enumerate(spatial)), channels)
    _check_move(layer, specs, shape)


def _pad(layer, inputs, specs, parameters):
    padding = layer.attributes["padding"]
    return np.pad(inputs[0], [(0, 0), *zip(padding[::2], padding[1::2], strict=True), (0, 0)])


def _check_upsample(layer, specs):
    factors = _integers(layer, "factors", _spatial(layer, specs), 1)
    *spatial, channels = specs[0].shape
    _check_move(layer, specs, (*(n * f for n, f in zip(spatial, factors, strict=True)), channels))


def _upsample(layer, inputs, specs, parameters):
    x = inputs[0]
    for axis, factor in enumerate(layer.attributes["factors"], start=1):
        x = np.repeat(x, factor, axis=axis)
    return x


def _zero_insert(layer, inputs, specs, parameters):
    grown = np.zeros((len(inputs[0]), *layer.output.shape), inputs[0].dtype)
    grown[(slice(None), *(slice(None, None, factor) for factor in layer.attributes["factors"]))] = inputs[0]
    return grown


def _check_transpose(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    order = _integers(layer, "permutation", len(specs[0].shape), 0)
    require(sorted(order) == list(range(len(order))), layer, f"{order} is no permutation")
    _check_move(layer, specs, tuple(specs[0].shape[axis] for axis in order))


def _transpose(layer, inputs, specs, parameters):
    return inputs[0].transpose(0, *(axis + 1 for axis in layer.attributes["permutation"]))


KINDS = (
    LayerKind("reshape", _check_reshape, _reshape),
    LayerKind("zero_pad", _check_pad, _pad),
    LayerKind("upsample", _check_upsample, _upsample),
    LayerKind("zero_insert", _check_upsample, _zero_insert),
    LayerKind("transpose", _check_transpose, _transpose),
)
