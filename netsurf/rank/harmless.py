"""Provably harmless bits: upsets that change no output for any input of the declared format.

Interval arithmetic over the integer network (Moore, Interval Analysis, 1966). Forward, every element of
every tensor gets the range of codes that it can take. Backward, an element is *read* if some output can
depend on it. An upset of a stored bit is harmless if one of these holds:

- the product that the weight makes is the same for every input (an input that is always zero, a change
  that the cast to the accumulator rounds away);
- nothing reads the sum that it feeds (all weights behind it are zero);
- the sum is so far off that the layers behind it map its whole range, upset or not, to one value
  (a relu that never opens, a cast that always saturates).

What cannot be proved is not harmless: a sum that may wrap or saturate on the way, a layer kind without a
rule here. So the mask has no false positive, and may miss some.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import FixedFormat, cast, flip_delta
from netsurf.fixed.cast import align
from netsurf.ir import Layer, Network
from netsurf.ir.kinds.base import format_attribute
from netsurf.ir.network import INPUT

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_PRODUCTS = 1 << 12
"""Input codes that are tried one by one to see whether rounding hides a change of a weight."""


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Least and largest code of each element of a tensor (or of an array of such)."""

    low: Codes
    high: Codes

    @classmethod
    def full(cls, target: FixedFormat, shape: tuple[int, ...]) -> Range:
        """Every code of a format."""
        return cls(np.full(shape, target.minimum), np.full(shape, target.maximum))

    @property
    def constant(self) -> Mask:
        """Whether there is only one code."""
        return self.low == self.high

    def reshape(self, *shape: int) -> Range:
        """The same ranges, other axes."""
        return Range(self.low.reshape(*shape), self.high.reshape(*shape))


def harmless(network: Network) -> Mask:
    """Which single upsets of stored bits change no output, whatever the input.

    Returns
    -------
    ``bool (S,)``, by number of the stored bit; True is proved.
    """
    ranges = tensor_ranges(network)
    reads = read_elements(network)
    parts = [np.empty(0, bool)]
    for layer in network.layers:
        for role, parameter in layer.parameters.items():
            rule = _RULES.get(layer.kind)
            if rule is None:
                parts.append(np.zeros(parameter.stored_bits, bool))
            else:
                parts.append(rule(network, layer, ranges, reads, role).reshape(-1))
    return np.concatenate(parts)


def tensor_ranges(network: Network) -> dict[str, Range]:
    """Range of codes of every tensor, for any input of the declared format."""
    ranges = {INPUT: Range.full(network.input.format, network.input.shape)}
    for layer in network.layers:
        rule = _FORWARD.get(layer.kind)
        if rule is None:
            ranges[layer.name] = Range.full(layer.output.format, layer.output.shape)
        else:
            ranges[layer.name] = rule(network, layer, ranges[layer.inputs[0]])
    return ranges


def read_elements(network: Network) -> dict[str, Mask]:
    """Elements of every tensor on which some output may depend, whatever value they have."""
    reads = {name: np.zeros(network.spec(name).shape, bool) for name in _tensors(network)}
    reads[network.layers[-1].name][:] = True
    for layer in reversed(network.layers):
        for name in layer.inputs:
            reads[name] |= _reads(layer, reads[layer.name], network.spec(name).shape)
    return reads


def _tensors(network: Network) -> list[str]:
    return [INPUT, *(layer.name for layer in network.layers)]


def _reads(layer: Layer, reads: Mask, shape: tuple[int, ...]) -> Mask:
    """Elements of a layer's input that it passes on to elements of its output that are read."""
    if layer.kind == "dense":
        return (layer.parameters["kernel"].codes[:, reads] != 0).any(axis=1)
    if layer.kind in ("relu", "linear", "flatten"):
        return reads.reshape(shape)
    return np.full(shape, reads.any())


def cast_range(codes: Range, fraction: int, target: FixedFormat) -> Range:
    """Range after a cast: its ends, cast, if the cast is sure to keep the order; else the whole format."""
    low, high = align(codes.low, fraction, target), align(codes.high, fraction, target)
    fits = (low >= target.minimum) & (high <= target.maximum)
    ordered = fits | (target.overflow in ("SAT", "SAT_SYM"))
    ends = cast(codes.low, fraction, target), cast(codes.high, fraction, target)
    return Range(np.where(ordered, ends[0], target.minimum), np.where(ordered, ends[1], target.maximum))


def _relu(network: Network, layer: Layer, codes: Range) -> Range:
    above = Range(np.maximum(codes.low, 0), np.maximum(codes.high, 0))
    return _linear(network, layer, above)


def _linear(network: Network, layer: Layer, codes: Range) -> Range:
    return cast_range(codes, network.spec(layer.inputs[0]).format.fraction, layer.output.format)


def _flatten(network: Network, layer: Layer, codes: Range) -> Range:
    return codes.reshape(*codes.low.shape[: codes.low.ndim - len(network.spec(layer.inputs[0]).shape)], -1)


def _dense(network: Network, layer: Layer, codes: Range) -> Range:
    return _output(layer, _sums(network, layer, codes).total())


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """The terms of a dense layer's sums: products ``(inputs, outputs)`` and the bias ``(outputs,)``.

    Ranges are on the accumulator's grid, before any overflow.
    """

    products: Range
    bias: Codes
    accumulator: FixedFormat

    def total(self) -> Range:
        """Range of each sum; the whole accumulator where one may leave it on the way."""
        return self.bounded(
            Range(self.bias + self.products.low.sum(axis=0), self.bias + self.products.high.sum(axis=0)),
            Range(
                np.minimum(self.products.low, 0).sum(axis=0), np.maximum(self.products.high, 0).sum(axis=0)
            ),
            self.bias,
        )

    def bounded(self, total: Range, reach: Range, bias: Codes) -> Range:
        """``total`` where bias plus ``reach``, which bounds partial sums, stays inside the accumulator."""
        least, most = self.accumulator.minimum, self.accumulator.maximum
        safe = (bias + reach.low >= least) & (bias + reach.high <= most) & (least <= bias) & (bias <= most)
        return Range(np.where(safe, total.low, least), np.where(safe, total.high, most))


def _sums(network: Network, layer: Layer, codes: Range) -> _Sums:
    accumulator = format_attribute(layer, "accumulator")
    kernel = layer.parameters["kernel"].codes
    return _Sums(_products(network, layer, codes, kernel), _bias(layer, accumulator), accumulator)


def _bias(layer: Layer, accumulator: FixedFormat) -> Codes:
    bias = layer.parameters["bias"]
    return cast(bias.codes, bias.format.fraction, accumulator)


def _product_fraction(network: Network, layer: Layer) -> int:
    return network.spec(layer.inputs[0]).format.fraction + layer.parameters["kernel"].format.fraction


def _products(network: Network, layer: Layer, codes: Range, kernel: Codes) -> Range:
    """Range of each product after its cast to the accumulator, ``(inputs, outputs)``."""
    ends = codes.low[:, None] * kernel, codes.high[:, None] * kernel
    extremes = Range(np.minimum(*ends), np.maximum(*ends))
    return cast_range(extremes, _product_fraction(network, layer), format_attribute(layer, "accumulator"))


def _output(layer: Layer, total: Range) -> Range:
    return cast_range(total, format_attribute(layer, "accumulator").fraction, layer.output.format)


def _blind(network: Network, name: str, codes: Range, reads: Mapping[str, Mask]) -> Mask:
    """Where no output can tell the values of ``codes (..., *shape)`` of a tensor from one another."""
    consumers = list(network.consumers(name))
    seen = np.ones(codes.low.shape, bool)
    for layer in consumers:
        if layer.kind in _POINTWISE:
            after = _blind(network, layer.name, _FORWARD[layer.kind](network, layer, codes), reads)
            seen &= after.reshape(codes.low.shape)
        else:
            seen &= ~_reads(layer, reads[layer.name], network.spec(name).shape)
    return codes.constant | seen if consumers and name != network.layers[-1].name else codes.constant


def _dense_rule(
    network: Network, layer: Layer, ranges: Mapping[str, Range], reads: Mapping[str, Mask], role: str
) -> Mask:
    """``(*shape, width)``: harmless bits of a dense layer's kernel or bias."""
    sums = _sums(network, layer, ranges[layer.inputs[0]])
    planes = range(layer.parameters[role].format.width)
    find = _kernel_plane if role == "kernel" else _bias_plane
    masks = [find(network, layer, ranges, reads, sums, plane) for plane in planes]
    return np.stack(masks, axis=-1)


def _kernel_plane(network, layer, ranges, reads, sums: _Sums, plane: int) -> Mask:
    kernel, codes = layer.parameters["kernel"], ranges[layer.inputs[0]]
    upset = kernel.codes + flip_delta(kernel.codes, plane, kernel.format)
    products = _products(network, layer, codes, upset)
    before = sums.products
    total, reach = sums.total(), _reach(sums)
    low = sums.bias + before.low.sum(axis=0) - before.low + products.low
    high = sums.bias + before.high.sum(axis=0) - before.high + products.high
    least = reach.low - np.minimum(before.low, 0) + np.minimum(products.low, 0)
    most = reach.high - np.maximum(before.high, 0) + np.maximum(products.high, 0)
    faulty = sums.bounded(Range(low, high), Range(least, most), sums.bias)
    either = _output(layer, Range(np.minimum(total.low, faulty.low), np.maximum(total.high, faulty.high)))
    return _blind(network, layer.name, either, reads) | _same_products(network, layer, codes, upset)


def _reach(sums: _Sums) -> Range:
    low, high = np.minimum(sums.products.low, 0), np.maximum(sums.products.high, 0)
    return Range(low.sum(axis=0), high.sum(axis=0))


def _bias_plane(network, layer, ranges, reads, sums: _Sums, plane: int) -> Mask:
    bias = layer.parameters["bias"]
    upset = cast(
        bias.codes + flip_delta(bias.codes, plane, bias.format), bias.format.fraction, sums.accumulator
    )
    before = sums.products
    own = Range(upset + before.low.sum(axis=0), upset + before.high.sum(axis=0))
    total, faulty = sums.total(), sums.bounded(own, _reach(sums), upset)
    either = _output(layer, Range(np.minimum(total.low, faulty.low), np.maximum(total.high, faulty.high)))
    return _blind(network, layer.name, either, reads) | (upset == sums.bias)


def _same_products(network: Network, layer: Layer, codes: Range, upset: Codes) -> Mask:
    """``(inputs, outputs)``: whether upset and stored weight make the same product for every input."""
    kernel, accumulator = layer.parameters["kernel"].codes, format_attribute(layer, "accumulator")
    same = np.zeros(kernel.shape, bool)
    same[(codes.low == 0) & (codes.high == 0)] = True
    spans = np.stack([codes.low, codes.high], axis=1)
    for low, high in np.unique(spans, axis=0):
        if high - low >= MOST_PRODUCTS:
            continue
        rows = (spans == (low, high)).all(axis=1)
        # the same bit of equal weights is upset: a pair of weights is known by its first
        stored, first, where = np.unique(kernel[rows], return_index=True, return_inverse=True)
        faulty = upset[rows].reshape(-1)[first]
        x = np.arange(low, high + 1)[:, None]
        fraction = _product_fraction(network, layer)
        equal = cast(x * stored, fraction, accumulator) == cast(x * faulty, fraction, accumulator)
        same[rows] |= equal.all(axis=0)[where.reshape(-1)].reshape(-1, kernel.shape[1])
    return same


_POINTWISE = ("relu", "linear", "flatten")

_FORWARD: dict[str, Callable[[Network, Layer, Range], Range]] = {
    "dense": _dense,
    "relu": _relu,
    "linear": _linear,
    "flatten": _flatten,
}
"""Layer kind to the range of its output from the range of its input; others have the whole format."""

_RULES: dict[str, Callable[..., Mask]] = {"dense": _dense_rule}
"""Layer kind to its harmless bits; others have none."""
