"""CIFAR-10, if the user supplies it, and otherwise its synthetic twin: ten kinds of textured shapes, 32x32.

The twin's classes are five shapes times two textures, in any colour, turned, scaled and shifted, on clutter
whose spectrum is that of natural scenes, under noise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import drawing, pickles
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.drawing import Floats
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied, labels

SIZE = 32
NOISE = 0.08
CLUTTER = (0.03, 0.12)
"""How unevenly a scene is lit, at least and at most."""

SHAPES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": lambda u, v: np.hypot(u, v) - 0.85,
    "triangle": lambda u, v: np.maximum(-v - 0.5, np.abs(u) * 0.866 + v * 0.5 - 0.5),
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) - 0.72,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.7) - 0.24,
    "cross": lambda u, v: np.minimum(_bar(u, v), _bar(v, u)),
}
TEXTURES = ("stripes", "spots")

CLASSES = tuple(f"{texture} {shape}" for shape in SHAPES for texture in TEXTURES)


def _bar(along: Floats, across: Floats) -> Floats:
    return np.maximum(np.abs(along) - 0.9, np.abs(across) - 0.28)


def samples(count: int, seed: int, noise: float = NOISE) -> Split:
    """Pictures of the twin: ``x`` uint8 (count, 32, 32, 3), ``y`` int64 (count,).

    >>> split = samples(2, seed=0)
    >>> split.x.shape, split.x.dtype.name
    ((2, 32, 32, 3), 'uint8')
    """
    return drawing.in_blocks(count, seed, len(CLASSES), lambda label, random: _draw(label, random, noise))


def _draw(label: NDArray[np.int64], random: np.random.Generator, noise: float) -> Floats:
    count = len(label)
    u, v = drawing.pose(random, count, SIZE, turn=30, scale=(0.55, 0.95), shift=0.15, squeeze=0.2)
    distance = np.empty_like(u)
    for number, shape in enumerate(SHAPES.values()):
        chosen = label // len(TEXTURES) == number
        distance[chosen] = shape(u[chosen], v[chosen])
    texture = _texture(label % len(TEXTURES), random)[..., None]
    light = drawing.colours(random, count, 0.0, 0.35)
    light = np.where(random.random(light.shape) < 0.5, light, 1 - light)  # no channel is grey
    colour = light + texture * (1 - 2 * light)
    picture = drawing.coloured_clutter(random, count, SIZE, CLUTTER)
    picture = drawing.paint(picture, drawing.inside(distance, SIZE, 0.6), colour)
    return picture + drawing.normal(random, *picture.shape) * np.float32(noise)


def _texture(kind: NDArray[np.int64], random: np.random.Generator) -> Floats:
    """A pattern in [0, 1] of 5 to 9 pixels' period: stripes of any direction, or spots."""
    count = len(kind)
    right, up = drawing.pose(random, count, SIZE, turn=180, scale=(1, 1), shift=1)
    wave = np.float32(np.pi * SIZE) / drawing.uniform(random, count, 5, 9)
    across = np.sin(wave * right)
    return np.clip(0.5 + 1.5 * np.where(kind[:, None, None] == 0, across, across * np.sin(wave * up)), 0, 1)


DIGESTS = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5 of the real files, as torchvision checks them; the last is for testing."""


def read(folder: Path) -> tuple[Split, Split]:
    """The real pictures from the six batches: of each 1024 red, green and blue bytes, and a label."""
    *training, test = [_batch(folder / name) for name in DIGESTS]
    return Split(*(np.concatenate(parts) for parts in zip(*training, strict=True))), Split(*test)


def _batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    content = pickles.load(path.read_bytes())
    pictures = np.asarray(content["data"], np.uint8).reshape(-1, 3, SIZE, SIZE)
    return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)), labels(np.array(content["labels"]), 10)


REAL = Supplied(
    name="cifar10",
    files=tuple(DIGESTS),
    origin="the Python version of CIFAR-10 (cs.toronto.edu/~kriz/cifar.html, "
    "cifar-10-python.tar.gz, unpacked)",
    read=read,
    shape=(SIZE, SIZE, 3),
    md5=DIGESTS,
)

DATA = synthetic(
    "cifar10",
    "1.1",
    samples,
    sizes=(16_000, 4_000),
    calibration=2000,
    what="textured shapes on clutter, 32x32 in colour, 10 classes",
    supplied=REAL,
)
