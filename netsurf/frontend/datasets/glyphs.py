"""Digits and signs as strokes, in a box of [-1, 1] by [-1, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets.drawing import Line, field


def arc(u: float, v: float, across: float, up: float, begin: float, end: float, points: int = 12) -> Line:
    """Part of an ellipse about (u, v), from ``begin`` to ``end`` degrees, counted from the right."""
    angle = np.deg2rad(np.linspace(begin, end, points))
    return list(zip(u + across * np.cos(angle), v + up * np.sin(angle), strict=True))


DIGITS: tuple[list[Line], ...] = (
    [arc(0, 0, 0.55, 0.95, 0, 360, 20)],
    [[(-0.35, 0.6), (0.1, 0.95), (0.1, -0.95)]],
    [[*arc(0, 0.45, 0.5, 0.5, 160, -35), (-0.55, -0.95), (0.6, -0.95)]],
    [[*arc(-0.05, 0.48, 0.5, 0.47, 150, -80), *arc(-0.05, -0.45, 0.57, 0.5, 80, -150)]],
    [[(0.3, -0.95), (0.3, 0.95), (-0.6, -0.3), (0.6, -0.3)]],
    [[(0.5, 0.95), (-0.4, 0.95), (-0.45, 0.1), *arc(-0.02, -0.33, 0.55, 0.6, 120, -145)]],
    [[*arc(0.1, 0.3, 0.6, 0.65, 70, 180), (-0.5, -0.4)], arc(0, -0.4, 0.5, 0.55, 0, 360, 16)],
    [[(-0.55, 0.95), (0.55, 0.95), (-0.1, -0.95)]],
    [arc(0, 0.47, 0.42, 0.47, 0, 360, 16), arc(0, -0.47, 0.52, 0.48, 0, 360, 16)],
    [arc(0, 0.4, 0.5, 0.55, 0, 360, 16), [(0.5, 0.4), *arc(-0.1, -0.3, 0.6, 0.65, 0, -110)]],
)
"""The ten digits."""


def number(text: str) -> list[Line]:
    """Digits side by side, made narrower until they fit the box.

    >>> len(number("120"))
    3
    """
    step = 2.0 / len(text)
    lines: list[Line] = []
    for place, digit in enumerate(text):
        centre = -1 + step * (place + 0.5)
        lines += [[(centre + u * step * 0.62, v * 0.8) for u, v in line] for line in DIGITS[int(digit)]]
    return lines


def bank(variants: int, seed: int, wobble: float = 0.07) -> NDArray[np.float32]:
    """Distance fields of digits by many hands, ``float32 (10 * variants, 48, 48)``, digit by digit.

    Every hand bends the box by a random quadratic map and shifts each point a little.
    """
    random = np.random.default_rng(seed)
    fields = []
    for digit in DIGITS:
        for _ in range(variants):
            bend = random.normal(0, wobble, (2, 6))
            fields.append(field([_bent(line, bend, random, wobble) for line in digit], size=48))
    return np.stack(fields)


def _bent(line: Line, bend: NDArray, random: np.random.Generator, wobble: float) -> Line:
    u, v = np.array(line).T
    terms = np.stack([np.ones_like(u), u, v, u * v, u * u, v * v])
    moved = np.array(line).T + bend @ terms + random.normal(0, wobble / 4, (2, len(u)))
    return list(zip(*moved, strict=True))
