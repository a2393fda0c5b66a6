"""Windows: the patches of an image (or of a line) that convolution and pooling read.

An image is ``(height, width, channels)``, a line ``(width, channels)``; whatever is said about axes
holds for the one or two spatial ones. A window at output position ``o`` covers, along an axis, the input
positions ``o * stride + k * dilation - before`` for ``k`` below the window's size; positions outside the
image are *padding*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.ir.kinds.base import require
from netsurf.ir.network import Layer, TensorSpec


@dataclass(frozen=True, slots=True)
class Window:
    """Geometry of a sliding window over the spatial axes of one tensor.

    Parameters
    ----------
    shape
        Input ``(*spatial, channels)``.
    size, strides, dilation
        One integer a spatial axis.
    padding
        Positions added before and after each axis: ``(top, bottom, left, right)`` or ``(left, right)``.

    >>> Window((28, 28, 1), (3, 3), (2, 2), (1, 1), (0, 1, 0, 1)).positions
    (14, 14)
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]

    @property
    def axes(self) -> int:
        """Number of spatial axes."""
        return len(self.shape) - 1

    @property
    def before(self) -> tuple[int, ...]:
        """Padding in front of each axis."""
        return self.padding[::2]

    @property
    def span(self) -> tuple[int, ...]:
        """Input positions from the first to the last that a window covers, along each axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    @property
    def positions(self) -> tuple[int, ...]:
        """Output positions along each axis."""
        padded = [n + sum(self.padding[2 * i : 2 * i + 2]) for i, n in enumerate(self.shape[:-1])]
        return tuple((n - k) // s + 1 for n, k, s in zip(padded, self.span, self.strides, strict=True))

    def patches(self, x: NDArray, fill: int = 0) -> NDArray:
        """What each window covers: ``(samples, *positions, *size, channels)``, a view of the padded input."""
        axes = tuple(range(1, self.axes + 1))
        if any(self.padding):
            edges = [(0, 0), *zip(self.before, self.padding[1::2], strict=True), (0, 0)]
            x = np.pad(x, edges, constant_values=fill)
        view = np.lib.stride_tricks.sliding_window_view(x, self.span, axis=axes)  # type: ignore[call-overload]
        steps = (slice(None), *(slice(None, None, s) for s in self.strides), slice(None))
        taps = tuple(slice(None, None, d) for d in self.dilation)
        return np.moveaxis(view[(*steps, *taps)], self.axes + 1, -1)

    def overlap(self) -> NDArray[np.int64]:
        """Number of positions inside the image that each window covers, ``(*positions,)``."""
        inside = np.ones((1, *self.shape[:-1], 1), dtype=np.int64)
        patches = self.patches(inside)[0]
        return patches.reshape(*self.positions, -1).sum(axis=-1)


def window_of(layer: Layer, spec: TensorSpec, size: tuple[int, ...]) -> Window:
    """Window of a checked layer."""
    ones = (1,) * len(size)
    kept = layer.attributes
    return Window(spec.shape, size, kept["strides"], kept.get("dilation", ones), kept["padding"])


def check_window(layer: Layer, spec: TensorSpec, size: tuple[int, ...]) -> Window:
    """The window of a layer; NetworkError if it is none."""
    axes = len(spec.shape) - 1
    require(axes in (1, 2), layer, f"reads a line or an image, not {spec.shape}")
    for key, count in (("strides", axes), ("padding", 2 * axes), ("dilation", axes)):
        value = layer.attributes.get(key, (1,) * axes if key == "dilation" else None)
        least = 0 if key == "padding" else 1
        fits = isinstance(value, tuple) and len(value) == count
        fits = fits and all(isinstance(n, int) and n >= least for n in value)
        require(fits, layer, f"'{key}' must be {count} integers from {least} on, not {value}")
    require(len(size) == axes and min(size) >= 1, layer, f"a window of {size} does not fit {spec.shape}")
    window = window_of(layer, spec, size)
    require(min(window.positions) >= 1, layer, f"a window of {window.span} is larger than the padded input")
    return window
