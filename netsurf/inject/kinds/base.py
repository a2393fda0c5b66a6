"""What a layer kind must say about itself to the fast injector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.inject.steps import Step
from netsurf.ir import Layer, TensorSpec

Codes = NDArray[np.int64]
Specs = Sequence[TensorSpec]


@dataclass(frozen=True, slots=True)
class Summation:
    """How a parametric layer adds its products, for one set of codes.

    Parameters
    ----------
    mode
        ``exact``: a change of a stored code changes the sum by (change x input), exactly.
        ``rounded``: each product is rounded to the accumulator, so the change is a difference of two
        rounded products. ``replay``: the accumulator can saturate, so the order of the terms matters
        and only the whole sum, term by term, is right.
    reason
        Why it is not ``exact``, or an empty string.
    change
        Largest change of a sum, either way, that one upset of a stored code can make.
    """

    mode: str
    reason: str = ""
    change: int = 0


@dataclass(frozen=True, slots=True)
class Upset:
    """An upset stored code of a parametric layer.

    Parameters
    ----------
    role
        ``kernel`` or ``bias``.
    index
        Flat index of the element in the stored tensor.
    old, new
        Codes before and after.
    """

    role: str
    index: int
    old: int
    new: int


@dataclass(frozen=True, slots=True)
class Linear:
    """A layer that adds products of its input and its stored codes.

    Parameters
    ----------
    summation
        ``summation(layer, spec, low, high, upset)``: how sums behave when input elements lie in
        ``low .. high`` (codes; scalars or one an element); with ``upset``, for every single upset of
        the layer's own codes too.
    sums
        ``sums(layer, x, spec, parameters)``: the sums before the first assignment of :attr:`steps`,
        ``int64 (samples, *output.shape)``.
    steps
        ``steps(layer, spec)``: what happens to a sum inside the layer.
    reach
        ``reach(layer, upset)``: flat numbers of the output elements whose sum an upset can change.
    change
        ``change(layer, x, spec, upset)``: change of those sums, ``int64 (samples, reached)``.
    moved
        ``moved(layer, x, before, spec)``: change of the sums when inputs ``before`` become ``x``, where sums
        are linear in inputs; None if it is no cheaper than the sums themselves. May be missing.
    matrix
        Whether the layer is one matrix product: kernel code ``(i, j)`` joins element i to sum j alone.
    """

    summation: Callable[[Layer, TensorSpec, ArrayLike, ArrayLike, bool], Summation]
    sums: Callable[[Layer, Codes, TensorSpec, Mapping[str, Codes]], Codes]
    steps: Callable[[Layer, TensorSpec], tuple[Step, ...]]
    reach: Callable[[Layer, Upset], Codes]
    change: Callable[[Layer, Codes, TensorSpec, Upset], Codes]
    matrix: bool = False
    moved: Callable[[Layer, Codes, Codes, TensorSpec], Codes | None] | None = None


@dataclass(frozen=True, slots=True)
class FastKind:
    """Fast semantics of one kind of layer; every field equals ``netsurf.ir.kinds`` integer for integer.

    Parameters
    ----------
    name
        Key in the table, as in ``netsurf.ir.KINDS``.
    forward
        ``forward(layer, inputs, specs, parameters)``: as ``LayerKind.execute``, but fast.
    pointwise
        ``pointwise(layer, specs)``: steps that take each element of the only input to the element of the
        same flat number; None if the layer is no such thing.
    linear
        For parametric layers: how one upset changes their sums; None if only the forward rung serves.
    """

    name: str
    forward: Callable[[Layer, Sequence[Codes], Specs, Mapping[str, Codes]], Codes]
    pointwise: Callable[[Layer, Specs], tuple[Step, ...]] | None = None
    linear: Linear | None = None
