"""``conv``: convolution of an image or a line (``nnet::conv_2d_latency_cl``, ``conv_1d_latency_cl``).

A dense layer over every window: the kernel ``(*size, inputs, outputs)`` in C order is the dense kernel
``(taps, outputs)`` of a patch whose elements go by kernel row, kernel column, input channel. Padding is
zero and is multiplied and added like any input, which only a symmetric accumulator can tell. One memory
word of the weight store is one tap: one kernel position and input channel, for all output channels.
"""

from __future__ import annotations

from netsurf.ir.kinds.base import LayerKind, by_position, require
from netsurf.ir.kinds.sums import check_stored, check_sums, matrix_sums
from netsurf.ir.kinds.window import check_window, window_of


def _check(layer, specs):
    require(len(specs) == 1, layer, "reads one tensor")
    require("kernel" in layer.parameters, layer, "needs a kernel and a bias")
    *size, _, outputs = layer.parameters["kernel"].codes.shape
    window = check_window(layer, specs[0], tuple(size))
    check_stored(layer, (*size, specs[0].shape[-1], outputs), (outputs,))
    shape = (*window.positions, outputs)
    require(layer.output.shape == shape, layer, f"output shape must be {shape}, not {layer.output.shape}")
    check_sums(layer, specs[0], layer.parameters["kernel"].codes.size // outputs)


def _execute(layer, inputs, specs, parameters):
    kernel = parameters["kernel"]
    taps, outputs = kernel.size // kernel.shape[-1], kernel.shape[-1]
    patches = window_of(layer, specs[0], kernel.shape[:-2]).patches(inputs[0]).reshape(-1, taps)
    codes = matrix_sums(layer, specs[0], patches, kernel.reshape(taps, outputs), parameters["bias"])
    return codes.reshape(len(inputs[0]), *layer.output.shape)


KIND = LayerKind("conv", _check, _execute, by_position(_execute))
