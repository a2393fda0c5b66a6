"""Pictures from formulas, many at a time: clutter, posed shapes, strokes, colours.

A picture has coordinates ``u`` (right) and ``v`` (up) in [-1, 1]; a shape is its signed distance there,
negative inside. All arrays are float32, ``(pictures, size, size)``, with colours
``(pictures, size, size, 3)`` in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets.base import Split

Floats = NDArray[np.float32]
Line = Sequence[tuple[float, float]]
"""Points ``(u, v)`` that are joined by straight strokes."""

FAR = np.float32(4.0)
"""Distance of a point that is outside of a field."""

BLOCK = 64
"""Pictures that are drawn at a time, to bound memory; part of what a seed means."""


def in_blocks(
    count: int, seed: int, classes: int, draw: Callable[[NDArray[np.int64], np.random.Generator], Floats]
) -> Split:
    """Pictures of classes drawn uniformly at random.

    Parameters
    ----------
    draw
        Takes classes ``(pictures,)`` and draws them, ``float32 (pictures, size, size, 3)``.

    Returns
    -------
    ``x`` uint8 (count, size, size, 3), ``y`` int64 (count,).
    """
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, count)
    parts = [_bytes(draw(label[start : start + BLOCK], random)) for start in range(0, count, BLOCK)]
    return Split(np.concatenate(parts), label)


def _bytes(picture: Floats) -> NDArray[np.uint8]:
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def normal(random: np.random.Generator, *shape: int) -> Floats:
    """Standard normal numbers."""
    return random.standard_normal(shape, dtype=np.float32)


def uniform(random: np.random.Generator, count: int, low: float, high: float) -> Floats:
    """Numbers in [low, high), ``(count, 1, 1)``, to be broadcast over pictures."""
    return (low + (high - low) * random.random(count, dtype=np.float32))[:, None, None]


def clutter(random: np.random.Generator, count: int, size: int, slope: float = 1.0) -> Floats:
    """Noise whose amplitude falls as ``1 / f^slope``, like that of natural scenes; mean 0, deviation 1."""
    from scipy.fft import irfft2, rfft2

    down, across = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf
    noise = irfft2(
        rfft2(normal(random, count, size, size)) * (frequency**-slope).astype(np.float32), s=(size, size)
    )
    return noise / noise.std(axis=(1, 2), keepdims=True)


def coloured_clutter(
    random: np.random.Generator, count: int, size: int, light: tuple[float, float] = (0.05, 0.2)
) -> Floats:
    """A scene of a mean colour, lit unevenly by ``light`` and tinted, ``(count, size, size, 3)``."""
    uneven = clutter(random, count, size)[..., None] * uniform(random, count, *light)[..., None]
    tint = clutter(random, count, size, 1.5)[..., None] * colours(random, count, -0.12, 0.12)
    return colours(random, count, 0.25, 0.75) + uneven + tint


def colours(random: np.random.Generator, count: int, low: float = 0.0, high: float = 1.0) -> Floats:
    """One colour a picture, each channel in [low, high), ``(count, 1, 1, 3)``."""
    return (low + (high - low) * random.random((count, 1, 1, 3), dtype=np.float32)).astype(np.float32)


def pose(
    random: np.random.Generator,
    count: int,
    size: int,
    *,
    turn: float,
    scale: tuple[float, float],
    shift: float,
    squeeze: float = 0.0,
) -> tuple[Floats, Floats]:
    """Coordinates in the frame of an object that is turned, scaled, moved and seen from the side.

    Parameters
    ----------
    turn
        Largest angle, in degrees.
    scale
        Smallest and largest radius of the object, 1 being half the picture.
    shift
        Largest distance of its centre from the picture's, along each axis.
    squeeze
        Largest part by which one axis is shortened.
    """
    line = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1).astype(
        np.float32
    )
    right = line[None, None, :] - uniform(random, count, -shift, shift)
    up = -line[None, :, None] - uniform(random, count, -shift, shift)
    angle, radius = np.deg2rad(uniform(random, count, -turn, turn)), uniform(random, count, *scale)
    cosine, sine = np.cos(angle) / radius, np.sin(angle) / radius
    return (
        (cosine * right + sine * up) / (1 - uniform(random, count, 0, squeeze)),
        (cosine * up - sine * right) / (1 - uniform(random, count, 0, squeeze)),
    )


def inside(distance: Floats, size: int, scale: Floats | float = 1.0) -> Floats:
    """How much of each pixel is inside a shape, in [0, 1]: its edge is one pixel wide."""
    return np.clip(np.float32(0.5) - distance * (np.float32(size / 2) * scale), 0, 1)


def paint(picture: Floats, mask: Floats, colour: Floats) -> Floats:
    """The picture with ``colour`` laid over it where ``mask`` is 1."""
    return picture + mask[..., None] * (colour - picture)


def field(lines: Sequence[Line], size: int = 64, reach: float = 1.25) -> Floats:
    """Distance to the nearest stroke, sampled on ``[-reach, reach]^2``, float32 (size, size).

    >>> grid = field([[(0, -1), (0, 1)]], size=5, reach=1)
    >>> grid[2].tolist()
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """
    line = np.linspace(-reach, reach, size)
    at = np.stack(np.meshgrid(line, line), axis=-1)[:, :, None]
    begin = np.array([point for points in lines for point in points[:-1]], float)
    along = np.array([point for points in lines for point in points[1:]], float) - begin
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    part = np.clip(((at - begin) * along).sum(axis=-1) / length2, 0, 1)
    nearest = begin + part[..., None] * along
    return np.sqrt(((at - nearest) ** 2).sum(axis=-1)).min(axis=2).astype(np.float32)


def look_up(fields: Floats, which: NDArray[np.int64], u: Floats, v: Floats, reach: float = 1.25) -> Floats:
    """Distances at ``(u, v)``, one field of a bank a picture, between samples bilinearly."""
    size = fields.shape[-1]
    x, y = ((axis + np.float32(reach)) * np.float32((size - 1) / (2 * reach)) for axis in (u, v))
    beyond = (x < 0) | (y < 0) | (x > size - 1) | (y > size - 1)
    left, low = (np.clip(axis.astype(np.int32), 0, size - 2) for axis in (x, y))
    x, y = np.clip(x - left, 0, 1), np.clip(y - low, 0, 1)
    first = (which[:, None, None] * size + low) * size + left
    flat = fields.ravel()
    below = flat[first] * (1 - x) + flat[first + 1] * x
    above = flat[first + size] * (1 - x) + flat[first + size + 1] * x
    return np.where(beyond, FAR, below * (1 - y) + above * y)
