"""``depthwise``: each channel convolved with a kernel of its own (``nnet::depthwise_conv_2d_latency_cl``).

The kernel is ``(*size, channels)``; one memory word is one kernel position for all channels. A separable
convolution is a ``depthwise`` and a ``conv`` of size 1, as hls4ml splits it.
"""

from __future__ import annotations

from netsurf.ir.kinds.base import LayerKind, by_position, require
from netsurf.ir.kinds.sums import check_stored, check_sums, elementwise_sums
from netsurf.ir.kinds.window import check_window, window_of


def _check(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    require("kernel" in layer.parameters, layer, "needs a kernel and a bias")
    *size, channels = layer.parameters["kernel"].codes.shape
    window = check_window(layer, specs[0], tuple(size))
    check_stored(layer, (*size, specs[0].shape[-1]), (channels,))
    shape = (*window.positions, channels)
    require(layer.output.shape == shape, layer, f"output shape must be {shape}, not {layer.output.shape}")
    check_sums(layer, specs[0], layer.parameters["kernel"].codes.size // channels)


def _execute(layer, inputs, specs, parameters):
    kernel = parameters["kernel"]
    *size, channels = kernel.shape
    taps = kernel.size // channels
    patches = window_of(layer, specs[0], tuple(size)).patches(inputs[0]).reshape(-1, taps, channels)
    codes = elementwise_sums(layer, specs[0], patches, kernel.reshape(taps, channels), parameters["bias"])
    return codes.reshape(len(inputs[0]), *layer.output.shape)


KIND = LayerKind("depthwise", _check, _execute, by_position(_execute))
