"""``dense``: sums by the fastest exact product that the ranges allow, and what one upset does to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fixed import FixedFormat, assign, cast, flip_bit
from netsurf.inject.kinds.base import Codes, FastKind, Linear, Specs, Summation, Upset
from netsurf.inject.steps import Step, apply
from netsurf.ir import Layer, TensorSpec

FLOAT32_EXACT, FLOAT64_EXACT = 1 << 24, 1 << 53
"""Integers up to these sizes are floats; a matrix product below them is exact in any order of addition."""


def accumulator_of(layer: Layer) -> FixedFormat:
    """Format that products and sums are assigned to."""
    accumulator: FixedFormat = layer.attributes["accumulator"]
    return accumulator


def append(layer: Layer, spec: TensorSpec) -> int:
    """Zero bits that a product gains on its way to the accumulator; negative if it loses bits."""
    product = spec.format.fraction + layer.parameters["kernel"].format.fraction
    return accumulator_of(layer).fraction - product


def start(layer: Layer, bias: ArrayLike) -> Codes:
    """Biases as the accumulator takes them."""
    return assign(bias, layer.parameters["bias"].format, accumulator_of(layer))


def steps(layer: Layer, spec: TensorSpec) -> tuple[Step, ...]:
    """Sum to accumulator (only its overflow acts: the grid is its own), accumulator to output."""
    accumulator = accumulator_of(layer)
    return (Step(accumulator.fraction, accumulator), Step(accumulator.fraction, layer.output.format))


def summation(layer: Layer, spec: TensorSpec, low: ArrayLike, high: ArrayLike, upset: bool) -> Summation:
    """How sums behave for inputs in ``low .. high``: fault-free, or under any single upset too."""
    edges = [np.broadcast_to(np.int64(edge), (spec.size,))[:, None] for edge in (low, high)]
    return bounded(layer, spec, layer.parameters["kernel"].codes, edges, upset)


def bounded(layer: Layer, spec: TensorSpec, kernel: Codes, edges: Sequence[Codes], upset: bool) -> Summation:
    """As :func:`summation`, for terms ``(terms, sums)``.

    Parameters
    ----------
    kernel
        Golden codes ``(terms, sums)``.
    edges
        Smallest and largest input of each term, each of a shape that broadcasts to the kernel's.
    """
    codes = {"kernel": kernel, "bias": layer.parameters["bias"].codes}
    if not upset:
        return mode_of(layer, spec, codes, edges)
    form = layer.parameters["kernel"].format
    ends = [np.full((len(kernel), 1), code) for code in (form.minimum, form.maximum)]
    products = np.concatenate([_products(layer, spec, end, edges) for end in ends])
    change = max(_kernel_change(layer, spec, edges), _bias_change(layer))
    return replace(mode_of(layer, spec, codes, edges, products, change), change=change)


def _kernel_change(layer: Layer, spec: TensorSpec, edges: Sequence[Codes]) -> int:
    """Largest change of a sum by one bit of the kernel: its plane times the largest input, rounded up."""
    largest = max(int(np.abs(edge).max(initial=0)) for edge in edges)
    change, gain = largest << (layer.parameters["kernel"].format.width - 1), append(layer, spec)
    return change << gain if gain >= 0 else (change >> -gain) + 2


def _bias_change(layer: Layer) -> int:
    """Largest change of a sum by one bit of a bias, exactly."""
    bias = layer.parameters["bias"]
    bits = np.arange(bias.format.width)[:, None]
    codes = bias.codes.reshape(-1)
    changes = start(layer, flip_bit(codes, bits, bias.format)) - start(layer, codes)
    return int(np.abs(changes).max(initial=0))


def _products(layer: Layer, spec: TensorSpec, kernel: Codes, edges: Sequence[Codes]) -> Codes:
    """Bounds ``(2, terms, sums)`` of each product on the accumulator's grid, after rounding."""
    ends = np.sort([kernel * edge for edge in edges], axis=0)
    gain = append(layer, spec)
    if gain >= 0:
        return ends << gain
    smallest, largest = ends >> -gain
    return np.stack([smallest, largest + 1])


def mode_of(
    layer: Layer,
    spec: TensorSpec,
    codes: Mapping[str, Codes],
    edges: Sequence[Codes],
    upset: ArrayLike = (),
    slack: int = 0,
) -> Summation:
    """The mode for these codes, if an upset may bring in products ``upset``, and ``slack`` to a sum."""
    accumulator, lost = accumulator_of(layer), -append(layer, spec)
    linear = (
        Summation("rounded", f"products lose {lost} bits in {accumulator}")
        if lost > 0
        else Summation("exact")
    )
    if accumulator.overflow == "WRAP":
        return linear
    smallest, largest = _products(layer, spec, codes["kernel"], edges)
    first = start(layer, codes["bias"])
    bottom = (first + np.minimum(smallest, 0).sum(axis=0) - slack).min()
    top = (first + np.maximum(largest, 0).sum(axis=0) + slack).max()
    bottom = min(bottom, smallest.min(), np.min(upset, initial=0))
    top = max(top, largest.max(), np.max(upset, initial=0))
    if Step(0, accumulator).minimum <= bottom and top <= accumulator.maximum:
        return linear
    return Summation("replay", f"{accumulator} can saturate: sums may reach {bottom}..{top}")


def sums(layer: Layer, x: Codes, spec: TensorSpec, parameters: Mapping[str, Codes]) -> Codes:
    """Sums on the accumulator's grid before it wraps; a saturating accumulator is already applied."""
    edges = [np.array([[edge]]) for edge in (spec.format.minimum, spec.format.maximum)]
    return matrix_sums(layer, x, spec, parameters, mode_of(layer, spec, parameters, edges).mode)


def matrix_sums(
    layer: Layer, x: Codes, spec: TensorSpec, parameters: Mapping[str, Codes], mode: str
) -> Codes:
    """Sums ``(rows, sums)`` of ``x (rows, terms)`` and ``(terms, sums)`` codes, in a mode that is proved."""
    kernel, first = parameters["kernel"], start(layer, parameters["bias"])
    if mode == "exact":
        return (product(x, kernel) << append(layer, spec)) + first
    if mode == "rounded":
        return _rounded(layer, x, spec, kernel) + first
    from netsurf.inject.portable import replay

    return replay(np.ascontiguousarray(x), kernel, first, *_encoded(layer, spec))


def product(x: NDArray, kernel: Codes) -> Codes:
    """``x @ kernel`` in exact integers, by floating-point BLAS where no partial sum can round."""
    largest = max(-int(x.min(initial=0)), int(x.max(initial=0)))
    size = largest * int(np.abs(kernel).sum(axis=0).max(initial=0))
    if size < FLOAT32_EXACT:
        return (x.astype(np.float32) @ kernel.astype(np.float32)).astype(np.int64)
    if size < FLOAT64_EXACT:
        return (x.astype(np.float64) @ kernel.astype(np.float64)).astype(np.int64)
    return x.astype(np.int64) @ kernel


def _rounded(layer: Layer, x: Codes, spec: TensorSpec, kernel: Codes) -> Codes:
    """Sum of the products, each cast to the accumulator."""
    total = np.zeros((len(x), kernel.shape[1]), dtype=np.int64)
    for i in range(x.shape[1]):
        total += terms(layer, spec, x[:, i : i + 1], kernel[i])
    return total


def terms(layer: Layer, spec: TensorSpec, x: ArrayLike, weights: ArrayLike) -> Codes:
    """Products as the accumulator takes them."""
    fraction = spec.format.fraction + layer.parameters["kernel"].format.fraction
    return cast(np.asarray(x, np.int64) * weights, fraction, accumulator_of(layer))


def _encoded(layer: Layer, spec: TensorSpec) -> tuple[Codes, Codes]:
    """The steps of a product and of a partial sum, for the compiled replay."""
    from netsurf.inject.steps import encode

    accumulator = accumulator_of(layer)
    fraction = spec.format.fraction + layer.parameters["kernel"].format.fraction
    return encode([Step(fraction, accumulator)]), encode([Step(accumulator.fraction, accumulator)])


def reach(layer: Layer, upset: Upset) -> Codes:
    """The one output element that a kernel or bias code belongs to."""
    return np.array([upset.index % layer.output.size], dtype=np.int64)


def change(layer: Layer, x: Codes, spec: TensorSpec, upset: Upset) -> Codes:
    """Change of that element's sum in each sample."""
    column = x[:, upset.index // layer.output.size]
    moved = moves(layer, spec, upset.role, column, np.int64(upset.old), np.int64(upset.new))
    return np.broadcast_to(moved, column.shape)[:, None]


def moves(layer: Layer, spec: TensorSpec, role: str, x: ArrayLike, old: Codes, new: Codes) -> Codes:
    """Change of the sums that codes ``old`` feed with the inputs ``x`` when they become ``new``."""
    if role == "bias":
        return start(layer, new) - start(layer, old)
    if append(layer, spec) >= 0:
        return np.asarray(x, np.int64) * (new - old) << append(layer, spec)
    return terms(layer, spec, x, new) - terms(layer, spec, x, old)


def _forward(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    return apply(steps(layer, specs[0]), sums(layer, inputs[0], specs[0], parameters))


KIND = FastKind("dense", _forward, linear=Linear(summation, sums, steps, reach, change, matrix=True))
