"""``linear``: assignment to another format (hls4ml's linear activation, QKeras' quantized_bits)."""

from __future__ import annotations

from netsurf.fixed import assign
from netsurf.ir.kinds.base import LayerKind, require


def check_elementwise(layer, specs):
    """One input, and an output of its shape."""
    require(len(specs) == 1, layer, "reads one tensor")
    require(layer.output.shape == specs[0].shape, layer, f"output shape must be {specs[0].shape}")


def _execute(layer, inputs, specs, parameters):
    return assign(inputs[0], specs[0].format, layer.output.format)


KIND = LayerKind("linear", check_elementwise, _execute)
