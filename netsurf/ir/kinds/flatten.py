"""``flatten``: the same codes in one axis, last axis fastest."""

from __future__ import annotations

from netsurf.ir.kinds.base import LayerKind, require


def _check(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    require(layer.output.shape == (specs[0].size,), layer, f"output shape must be ({specs[0].size},)")
    require(layer.output.format == specs[0].format, layer, "output format must equal the input's")


def _execute(layer, inputs, specs, parameters):
    return inputs[0].reshape(len(inputs[0]), -1)


KIND = LayerKind("flatten", _check, _execute)
