"""``batchnorm``: sums are exact by definition; an upset scale or bias moves one channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from netsurf.inject.kinds.base import Codes, FastKind, Linear, Specs, Summation, Upset
from netsurf.inject.steps import Step, apply
from netsurf.ir import Layer, TensorSpec
from netsurf.ir.kinds import batchnorm


def gain(layer: Layer, spec: TensorSpec, role: str) -> int:
    """Zero bits that a term gains on the grid of the exact sum."""
    own = layer.parameters[role].format.fraction + (spec.format.fraction if role == "scale" else 0)
    return batchnorm.fraction_of(layer, spec) - own


def _summation(layer: Layer, spec: TensorSpec, low: ArrayLike, high: ArrayLike, upset: bool) -> Summation:
    if not upset:
        return Summation("exact")
    largest = {"scale": max(int(np.abs(np.int64(edge)).max(initial=0)) for edge in (low, high)), "bias": 1}
    change = max(
        size << (layer.parameters[role].format.width - 1) << gain(layer, spec, role)
        for role, size in largest.items()
    )
    return Summation("exact", change=change)


def _sums(layer: Layer, x: Codes, spec: TensorSpec, parameters: Mapping[str, Codes]) -> Codes:
    return batchnorm.sums(layer, x, spec, parameters)


def _steps(layer: Layer, spec: TensorSpec) -> tuple[Step, ...]:
    return (Step(batchnorm.fraction_of(layer, spec), layer.output.format),)


def _reach(layer: Layer, upset: Upset) -> Codes:
    return np.arange(upset.index, layer.output.size, layer.output.shape[-1])


def _change(layer: Layer, x: Codes, spec: TensorSpec, upset: Upset) -> Codes:
    moved = (upset.new - upset.old) << gain(layer, spec, upset.role)
    flat = x.reshape(len(x), -1)[:, _reach(layer, upset)]
    if upset.role == "bias":
        return np.full(flat.shape, moved, np.int64)
    return flat.astype(np.int64) * moved


def _forward(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    return apply(_steps(layer, specs[0]), _sums(layer, inputs[0], specs[0], parameters))


KIND = FastKind("batchnorm", _forward, linear=Linear(_summation, _sums, _steps, _reach, _change))
