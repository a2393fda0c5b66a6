"""``dense``: bias plus products, each assigned to the accumulator's format (``nnet::dense_latency``).

For every output ``j``::

    acc = accumulator(bias[j])
    for i in inputs:
        acc = accumulator(acc + accumulator(x[i] * kernel[i, j]))
    y[j] = output(acc)

where ``accumulator(...)`` and ``output(...)`` are ``ap_fixed`` assignments. Only a saturating
accumulator makes the order of ``i`` matter; it is the order of hls4ml's latency strategy.
"""

from __future__ import annotations

import numpy as np

from netsurf.fixed import assign, cast
from netsurf.ir.kinds.base import LayerKind, format_attribute, require


def _check(layer, specs):
    require(len(specs) == 1 and len(specs[0].shape) == 1, layer, "reads one flat tensor")
    require(set(layer.parameters) == {"kernel", "bias"}, layer, "needs a kernel and a bias")
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    shape = (specs[0].size, layer.output.size)
    require(kernel.codes.shape == shape, layer, f"kernel must be {shape}, not {kernel.codes.shape}")
    require(bias.codes.shape == shape[1:], layer, f"bias must be {shape[1:]}, not {bias.codes.shape}")
    width = specs[0].format.width + kernel.format.width + int(np.ceil(np.log2(max(shape[0], 2)))) + 1
    accumulator = format_attribute(layer, "accumulator")
    shift = accumulator.fraction - specs[0].format.fraction - kernel.format.fraction
    require(max(width, accumulator.width) + max(shift, 0) <= 62, layer, "sums would not fit 62 bits")


def _execute(layer, inputs, specs, parameters):
    accumulator = format_attribute(layer, "accumulator")
    x, kernel = inputs[0], parameters["kernel"]
    fraction = specs[0].format.fraction + layer.parameters["kernel"].format.fraction
    start = assign(parameters["bias"], layer.parameters["bias"].format, accumulator)
    if accumulator.overflow != "WRAP":
        total = _accumulate_in_order(x, kernel, fraction, start, accumulator)
    elif accumulator.fraction >= fraction:  # products are exact on the accumulator's grid
        total = cast(
            (x @ kernel << (accumulator.fraction - fraction)) + start, accumulator.fraction, accumulator
        )
    else:
        total = _accumulate_rounded(x, kernel, fraction, start, accumulator)
    return cast(total, accumulator.fraction, layer.output.format)


def _accumulate_in_order(x, kernel, fraction, start, accumulator):
    total = np.broadcast_to(start, (len(x), len(start)))
    for i in range(x.shape[1]):
        product = cast(x[:, i : i + 1] * kernel[i], fraction, accumulator)
        total = cast(total + product, accumulator.fraction, accumulator)
    return total


def _accumulate_rounded(x, kernel, fraction, start, accumulator):
    total = np.broadcast_to(start, (len(x), len(start))).copy()
    for i in range(x.shape[1]):
        total += cast(x[:, i : i + 1] * kernel[i], fraction, accumulator)
    return cast(total, accumulator.fraction, accumulator)


KIND = LayerKind("dense", _check, _execute)
