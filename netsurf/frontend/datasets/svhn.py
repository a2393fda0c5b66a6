"""SVHN, if the user supplies it, and otherwise its synthetic twin: house numbers, 32x32.

The digit in the middle is the class. The twin's digits are strokes by many hands, in any colours, with
their neighbours cut off by the edges.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import drawing, glyphs
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.drawing import Floats
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied, labels

SIZE = 32
NOISE = 0.06
HANDS = 40
"""Ways to write each digit."""


@cache
def _bank() -> Floats:
    return glyphs.bank(HANDS, seed=7)


def samples(count: int, seed: int, noise: float = NOISE) -> Split:
    """Pictures of the twin: ``x`` uint8 (count, 32, 32, 3), ``y`` int64 (count,), the digit in the middle.

    >>> split = samples(2, seed=0)
    >>> split.x.shape, split.x.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    return drawing.in_blocks(count, seed, 10, lambda label, random: _draw(label, random, noise))


def _draw(label: NDArray[np.int64], random: np.random.Generator, noise: float) -> Floats:
    count = len(label)
    u, v = drawing.pose(random, count, SIZE, turn=15, scale=(0.6, 0.9), shift=0.12, squeeze=0.25)
    width = drawing.uniform(random, count, 0.10, 0.24)
    step = drawing.uniform(random, count, 1.35, 1.8)
    ink = _ink(label, u, v, width, random)
    for side in (-1, 1):  # half of the pictures have a neighbour on a side
        present = drawing.uniform(random, count, 0, 1) < 0.5
        other = _ink(random.integers(0, 10, count), u - side * step, v, width, random)
        ink = np.maximum(ink, other * present)
    wall = drawing.coloured_clutter(random, count, SIZE)
    contrast = drawing.uniform(random, count, 0.25, 0.6)[..., None]
    sign = np.where(drawing.uniform(random, count, 0, 1) < 0.5, -1, 1).astype(np.float32)[..., None]
    colour = wall.mean(axis=(1, 2), keepdims=True) + sign * contrast * drawing.colours(random, count, 0.4, 1)
    picture = drawing.paint(wall, ink, colour)
    return picture + drawing.normal(random, *picture.shape) * np.float32(noise)


def _ink(
    digit: NDArray[np.int64], u: Floats, v: Floats, width: Floats, random: np.random.Generator
) -> Floats:
    hand = digit * HANDS + random.integers(0, HANDS, len(digit))
    return drawing.inside(drawing.look_up(_bank(), hand, u, v) - width, SIZE, 0.6)


TRAIN, TEST = "train_32x32.mat", "test_32x32.mat"


def read(folder: Path) -> tuple[Split, Split]:
    """The real pictures from the two MATLAB files, in which class 10 is the digit 0."""
    return _half(folder / TRAIN), _half(folder / TEST)


def _half(path: Path) -> Split:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(str(path), variable_names=("X", "y"))
    except MatReadError as error:
        raise ValueError(f"{path.name}: {error}") from error
    pictures = np.ascontiguousarray(content["X"].transpose(3, 0, 1, 2))
    if pictures.dtype != np.uint8:
        raise ValueError(f"{path.name}: X is {pictures.dtype}, not uint8")
    return Split(pictures, labels(content["y"] % 10, 10))


REAL = Supplied(
    name="svhn",
    files=(TRAIN, TEST),
    origin="the cropped digits of SVHN (ufldl.stanford.edu/housenumbers, format 2)",
    read=read,
    shape=(SIZE, SIZE, 3),
    md5={TRAIN: "e26dedcc434d2e4c54c9b2d4a06d8373", TEST: "eb5a983be6a315427106f1b164d9cef3"},
)

DATA = synthetic(
    "svhn",
    "1.0",
    samples,
    sizes=(16_000, 4_000),
    calibration=2000,
    what="house numbers of stroked digits with neighbours on clutter, 32x32 in colour, 10 classes",
    supplied=REAL,
)
