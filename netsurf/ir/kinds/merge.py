"""``add`` and ``concatenate``: where two branches of a graph meet (``nnet_merge.h``).

``add``: ``output(a + b)``, the sum exact. ``concatenate``: each element assigned to the output's format,
along the axis ``axis`` of the shape (0 is the first axis behind the sample axis).
"""

from __future__ import annotations

import numpy as np

from netsurf.fixed import assign, cast
from netsurf.ir.kinds.base import LayerKind, require


def _check_add(layer, specs):
    require(len(specs) == 2, layer, "reads two tensors")
    require(specs[0].shape == specs[1].shape, layer, f"cannot add {specs[0].shape} and {specs[1].shape}")
    require(layer.output.shape == specs[0].shape, layer, f"output shape must be {specs[0].shape}")
    lift = abs(specs[0].format.fraction - specs[1].format.fraction)
    require(max(spec.format.width for spec in specs) + lift <= 61, layer, "sums would not fit 62 bits")


def _add(layer, inputs, specs, parameters):
    fraction = max(spec.format.fraction for spec in specs)
    total = sum(x << (fraction - spec.format.fraction) for x, spec in zip(inputs, specs, strict=True))
    return cast(total, fraction, layer.output.format)


def _check_concatenate(layer, specs):
    require(len(specs) == 2, layer, "reads two tensors")
    axis, shapes = layer.attributes.get("axis"), [spec.shape for spec in specs]
    ranks = len(shapes[0]) == len(shapes[1])
    require(
        ranks and isinstance(axis, int) and 0 <= axis < len(shapes[0]), layer, f"no axis {axis} of {shapes}"
    )
    same = all(a == b for i, (a, b) in enumerate(zip(*shapes, strict=True)) if i != axis)
    require(same, layer, f"cannot join {shapes[0]} and {shapes[1]} along axis {axis}")
    shape = tuple(a + b if i == axis else a for i, (a, b) in enumerate(zip(*shapes, strict=True)))
    require(layer.output.shape == shape, layer, f"output shape must be {shape}, not {layer.output.shape}")


def _concatenate(layer, inputs, specs, parameters):
    assigned = [assign(x, spec.format, layer.output.format) for x, spec in zip(inputs, specs, strict=True)]
    return np.concatenate(assigned, axis=layer.attributes["axis"] + 1)


ADD = LayerKind("add", _check_add, _add)
CONCATENATE = LayerKind("concatenate", _check_concatenate, _concatenate)
