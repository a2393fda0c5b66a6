"""``batchnorm``: a scale and a bias for each channel, both stored (``nnet::normalize``).

``y = output(x * scale[channel] + bias[channel])``: product and sum are exact, rounding and overflow happen
once. A normalisation that hls4ml or QKeras folded into the layer before it is no layer here.
"""

from __future__ import annotations

import numpy as np

from netsurf.fixed import cast
from netsurf.ir.kinds.base import LayerKind, by_position, require
from netsurf.ir.kinds.linear import check_elementwise


def _check(layer, specs):
    check_elementwise(layer, specs)
    require(set(layer.parameters) == {"scale", "bias"}, layer, "needs a scale and a bias")
    channels = specs[0].shape[-1:]
    for role, parameter in layer.parameters.items():
        require(parameter.codes.shape == channels, layer, f"{role} must be {channels}")
    scale, bias = (layer.parameters[role].format for role in ("scale", "bias"))
    product = specs[0].format.fraction + scale.fraction
    width = specs[0].format.width + scale.width + max(bias.fraction - product, 0)
    require(
        max(width, bias.width + max(product - bias.fraction, 0)) <= 60, layer, "sums would not fit 62 bits"
    )


def fraction_of(layer, spec) -> int:
    """Fractional bits of the exact sum."""
    scale, bias = (layer.parameters[role].format for role in ("scale", "bias"))
    return int(max(spec.format.fraction + scale.fraction, bias.fraction))


def sums(layer, x, spec, parameters):
    """Exact sums, with :func:`fraction_of` fractional bits."""
    fraction = fraction_of(layer, spec)
    scale, bias = (layer.parameters[role].format for role in ("scale", "bias"))
    product = x.astype(np.int64) * parameters["scale"] << (fraction - spec.format.fraction - scale.fraction)
    return product + (parameters["bias"] << (fraction - bias.fraction))


def _execute(layer, inputs, specs, parameters):
    return cast(
        sums(layer, inputs[0], specs[0], parameters), fraction_of(layer, specs[0]), layer.output.format
    )


KIND = LayerKind("batchnorm", _check, _execute, by_position(_execute))
