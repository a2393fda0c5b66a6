"""``conv`` and ``depthwise``: dense sums over every window, and what one upset does to one channel's map.

An upset of a kernel code ``(tap, input channel, output channel)`` moves the sum at every output position
by (change of the code) x (the input under that tap): one output channel moves, by a shifted copy of one
input channel. An upset of a bias moves one channel by a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.inject.kinds import dense
from netsurf.inject.kinds.base import Codes, FastKind, Linear, Specs, Summation, Upset
from netsurf.inject.steps import apply
from netsurf.ir import Layer, TensorSpec
from netsurf.ir.kinds.window import Window, window_of

PATCHES = 1 << 22
"""Elements of patches that are laid out at a time: what a second-level cache and a bit hold."""


def _is_conv(layer: Layer) -> bool:
    return layer.kind == "conv"


def window(layer: Layer, spec: TensorSpec) -> Window:
    """The layer's window."""
    shape = layer.parameters["kernel"].codes.shape
    return window_of(layer, spec, shape[:-2] if _is_conv(layer) else shape[:-1])


def _matrix(layer: Layer, kernel: Codes) -> Codes:
    """Kernel as ``(terms, sums)``."""
    return kernel.reshape(-1, kernel.shape[-1])


def _edges(layer: Layer, spec: TensorSpec, low: ArrayLike, high: ArrayLike) -> list[Codes]:
    """Smallest and largest input of each term: of its channel anywhere, and zero if there is padding."""
    view, edges = window(layer, spec), []
    for edge, reduce in ((low, np.min), (high, np.max)):
        whole = np.broadcast_to(np.asarray(edge, np.int64).reshape(-1), (spec.size,))
        channel = reduce(whole.reshape(-1, spec.shape[-1]), axis=0)
        if any(view.padding):
            channel = reduce([channel, np.zeros_like(channel)], axis=0)
        tiled = np.tile(channel, (prod(view.size), 1))
        edges.append(tiled.reshape(-1, 1) if _is_conv(layer) else tiled)
    return edges


def summation(layer: Layer, spec: TensorSpec, low: ArrayLike, high: ArrayLike, upset: bool) -> Summation:
    """How sums behave for inputs in ``low .. high``: fault-free, or under any single upset too."""
    kernel = _matrix(layer, layer.parameters["kernel"].codes)
    return dense.bounded(layer, spec, kernel, _edges(layer, spec, low, high), upset)


def sums(layer: Layer, x: Codes, spec: TensorSpec, parameters: Mapping[str, Codes]) -> Codes:
    """Sums ``(samples, *output.shape)``, as :func:`netsurf.inject.kinds.dense.sums` has them."""
    codes = {"kernel": _matrix(layer, parameters["kernel"]), "bias": parameters["bias"]}
    edges = _edges(layer, spec, spec.format.minimum, spec.format.maximum)
    mode = dense.mode_of(layer, spec, codes, edges).mode
    add = _add_matrix if _is_conv(layer) else _add_channels
    total = np.empty((len(x), *layer.output.shape), np.int64)
    for rows, patches in _blocks(window(layer, spec), x):
        total[rows] = add(layer, patches, spec, codes, mode).reshape(-1, *layer.output.shape)
    return total


def _blocks(view: Window, x: NDArray) -> Iterator[tuple[slice, NDArray]]:
    """Rows, and their patches ``(rows x positions, taps, channels)``, some at a time."""
    taps = prod(view.size)
    step = max(1, PATCHES // (prod(view.positions) * taps * x.shape[-1]))
    for first in range(0, len(x), step):
        rows = slice(first, first + step)
        yield rows, view.patches(x[rows]).reshape(-1, taps, x.shape[-1])


def _add_matrix(layer, patches, spec, codes, mode) -> Codes:
    return dense.matrix_sums(layer, patches.reshape(len(patches), -1), spec, codes, mode)


def _add_channels(layer, patches, spec, codes, mode) -> Codes:
    """Each channel by itself."""
    first = dense.start(layer, codes["bias"])
    if mode == "exact":
        total = np.einsum("rtc,tc->rc", patches.astype(np.int64), codes["kernel"])
        return (total << dense.append(layer, spec)) + first
    if mode == "rounded":
        return dense.terms(layer, spec, patches, codes["kernel"]).sum(axis=1) + first
    columns = [
        dense.matrix_sums(
            layer,
            patches[:, :, c],
            spec,
            {"kernel": codes["kernel"][:, c : c + 1], "bias": codes["bias"][c : c + 1]},
            mode,
        )
        for c in range(patches.shape[2])
    ]
    return np.concatenate(columns, axis=1)


def reach(layer: Layer, upset: Upset) -> Codes:
    """One output channel, at every position."""
    channels = layer.output.shape[-1]
    return np.arange(upset.index % channels, layer.output.size, channels)


def change(layer: Layer, x: Codes, spec: TensorSpec, upset: Upset) -> Codes:
    """Change of that channel's sums in each sample, ``(samples, positions)``."""
    view, channels = window(layer, spec), layer.output.shape[-1]
    positions = prod(view.positions)
    if upset.role == "bias":
        moved = dense.moves(layer, spec, "bias", 1, np.int64(upset.old), np.int64(upset.new))
        return np.broadcast_to(moved, (len(x), positions))
    tap = upset.index // channels
    tap, channel = divmod(tap, spec.shape[-1]) if _is_conv(layer) else (tap, upset.index % channels)
    plane = under_tap(view, x[..., channel : channel + 1], tap)
    plane = plane.reshape(len(x), positions)
    return dense.moves(layer, spec, "kernel", plane, np.int64(upset.old), np.int64(upset.new))


def under_tap(view: Window, x: NDArray, tap: int) -> NDArray:
    """The input under one kernel position, at every output position: ``(samples, *positions, channels)``."""
    where = np.unravel_index(tap, view.size)
    patches = view.patches(x)
    return patches[(slice(None),) * (view.axes + 1) + tuple(int(i) for i in where)]


FEW = 4
"""Sums are found from their changes if no more than one in so many input channels changed."""


def moved(layer: Layer, x: Codes, before: Codes, spec: TensorSpec) -> Codes | None:
    """Change of the sums of a convolution by the input channels that changed, if those are few."""
    channels = spec.shape[-1]
    differ = np.flatnonzero((x != before).reshape(-1, channels).any(axis=0))
    if FEW * len(differ) > channels:
        return None
    kernel = layer.parameters["kernel"].codes[..., differ, :]
    kernel, total = kernel.reshape(-1, kernel.shape[-1]), np.zeros((len(x), *layer.output.shape), np.int64)
    if not len(differ):
        return total
    delta = x[..., differ].astype(np.int32) - before[..., differ]
    for rows, patches in _blocks(window(layer, spec), delta):
        part = dense.product(patches.reshape(len(patches), -1), kernel) << dense.append(layer, spec)
        total[rows] = part.reshape(-1, *layer.output.shape)
    return total


def _forward(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    return apply(dense.steps(layer, specs[0]), sums(layer, inputs[0], specs[0], parameters))


KINDS = (
    FastKind("conv", _forward, linear=Linear(summation, sums, dense.steps, reach, change, moved=moved)),
    FastKind("depthwise", _forward, linear=Linear(summation, sums, dense.steps, reach, change)),
)
