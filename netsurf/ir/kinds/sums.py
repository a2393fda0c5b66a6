"""Sums of products as hls4ml adds them: bias first, then every product in order, each assigned.

``dense``, ``conv`` and ``depthwise`` share this arithmetic (``nnet::dense_latency``,
``nnet::conv_2d_latency_cl``, ``nnet::depthwise_conv_2d_latency_cl``)::

    acc = accumulator(bias)
    for every product in order:
        acc = accumulator(acc + accumulator(x * w))
    y = output(acc)
"""

from __future__ import annotations

import numpy as np

from netsurf.fixed import assign, cast
from netsurf.ir.kinds.base import Codes, format_attribute, require
from netsurf.ir.network import Layer, TensorSpec

FLOATS = ((np.float32, 1 << 24), (np.float64, 1 << 53))
"""Floating-point types, and the size up to which each holds every integer."""


def check_sums(layer: Layer, spec: TensorSpec, terms: int) -> None:
    """Refuse a layer whose sums of ``terms`` products could leave 62 bits."""
    kernel, accumulator = layer.parameters["kernel"].format, format_attribute(layer, "accumulator")
    width = spec.format.width + kernel.width + int(np.ceil(np.log2(max(terms, 2)))) + 1
    shift = accumulator.fraction - spec.format.fraction - kernel.fraction
    require(max(width, accumulator.width) + max(shift, 0) <= 62, layer, "sums would not fit 62 bits")


def check_stored(layer: Layer, kernel: tuple[int, ...], bias: tuple[int, ...]) -> None:
    """Require a kernel and a bias of these shapes."""
    require(set(layer.parameters) == {"kernel", "bias"}, layer, "needs a kernel and a bias")
    for role, shape in (("kernel", kernel), ("bias", bias)):
        stored = layer.parameters[role].codes.shape
        require(stored == shape, layer, f"{role} must be {shape}, not {stored}")


def matrix_sums(layer: Layer, spec: TensorSpec, x: Codes, kernel: Codes, bias: Codes) -> Codes:
    """Output codes ``(rows, outputs)`` of ``x (rows, inputs)`` and ``kernel (inputs, outputs)``."""
    accumulator = format_attribute(layer, "accumulator")
    fraction = spec.format.fraction + layer.parameters["kernel"].format.fraction
    start = assign(bias, layer.parameters["bias"].format, accumulator)
    if accumulator.overflow != "WRAP":
        products = (x[:, i : i + 1] * kernel[i] for i in range(x.shape[1]))
        total = _in_order(products, fraction, np.broadcast_to(start, (len(x), len(start))), accumulator)
    elif accumulator.fraction >= fraction:  # products are exact on the accumulator's grid
        lifted = product(x, kernel) << (accumulator.fraction - fraction)
        total = cast(lifted + start, accumulator.fraction, accumulator)
    else:
        products = (x[:, i : i + 1] * kernel[i] for i in range(x.shape[1]))
        total = _rounded(products, fraction, np.broadcast_to(start, (len(x), len(start))), accumulator)
    return cast(total, accumulator.fraction, layer.output.format)


def product(x: Codes, kernel: Codes) -> Codes:
    """``x @ kernel`` of any ``int64`` matrices whose sums fit 63 bits, exactly.

    NumPy multiplies matrices of integers element by element, those of floats some ten times faster. If

        max|x| * max_j sum_i |kernel[i, j]|

    is a size up to which the type holds every integer, then no product and no sum of products is rounded,
    in whatever order they are added. What is larger is multiplied in integers.
    """
    largest = max(int(x.max(initial=0)), -int(x.min(initial=0)))
    bound = largest * int(np.abs(kernel).sum(axis=0).max(initial=0))
    for real, limit in FLOATS:
        if bound <= limit:
            return (x.astype(real) @ kernel.astype(real)).astype(np.int64)
    return x @ kernel


def elementwise_sums(layer: Layer, spec: TensorSpec, x: Codes, kernel: Codes, bias: Codes) -> Codes:
    """Output codes ``(rows, channels)`` of ``x (rows, terms, channels)`` and ``kernel (terms, channels)``."""
    accumulator = format_attribute(layer, "accumulator")
    fraction = spec.format.fraction + layer.parameters["kernel"].format.fraction
    start = assign(bias, layer.parameters["bias"].format, accumulator)
    products = (x[:, i] * kernel[i] for i in range(x.shape[1]))
    total = _in_order(products, fraction, np.broadcast_to(start, (len(x), len(start))), accumulator)
    return cast(total, accumulator.fraction, layer.output.format)


def _in_order(products, fraction, total, accumulator):
    for product in products:
        total = cast(total + cast(product, fraction, accumulator), accumulator.fraction, accumulator)
    return total


def _rounded(products, fraction, total, accumulator):
    total = total.copy()
    for product in products:
        total += cast(product, fraction, accumulator)
    return cast(total, accumulator.fraction, accumulator)
