"""Is there a person? Visual Wake Words, if the user supplies it, and otherwise a synthetic twin, 96x96.

The twin's scenes are clutter with boxes, posts and lamps; in half of them stands a person of head, trunk,
arms and legs in any posture and clothes, which one more object may hide in part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import drawing
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.drawing import Floats, uniform
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied, arrays

SIZE = 96
CLASSES = ("no person", "person")
NOISE = 0.05
CLUTTER = (0.03, 0.12)
"""How unevenly a scene is lit, at least and at most."""
OBJECTS = 3
"""Things in every scene."""


def samples(count: int, seed: int, noise: float = NOISE) -> Split:
    """Scenes of the twin: ``x`` uint8 (count, 96, 96, 3), ``y`` int64 (count,), 1 with a person.

    >>> split = samples(2, seed=0)
    >>> split.x.shape, split.x.dtype.name
    ((2, 96, 96, 3), 'uint8')
    """
    return drawing.in_blocks(count, seed, len(CLASSES), lambda label, random: _draw(label, random, noise))


def _draw(label: NDArray[np.int64], random: np.random.Generator, noise: float) -> Floats:
    count = len(label)
    picture = drawing.coloured_clutter(random, count, SIZE, CLUTTER)
    for _ in range(OBJECTS):
        picture = _object(picture, random, np.ones(count, bool))
    person = np.flatnonzero(label == 1)
    picture[person] = _person(picture[person], random)
    picture = _object(picture, random, random.random(count) < 0.3)
    return picture + drawing.normal(random, *picture.shape) * np.float32(noise)


def capsule(u: Floats, v: Floats, begin: tuple, end: tuple, radius: Floats | float) -> Floats:
    """Signed distance to a stroke with round ends; the ends may differ by picture.

    >>> float(capsule(np.zeros(1), np.ones(1), (0.0, -1.0), (0.0, 0.0), 0.25)[0])
    0.75
    """
    along_u, along_v = end[0] - begin[0], end[1] - begin[1]
    right, up = u - begin[0], v - begin[1]
    length2 = along_u * along_u + along_v * along_v
    part = np.clip((right * along_u + up * along_v) / np.maximum(length2, np.float32(1e-6)), 0, 1)
    return np.hypot(right - part * along_u, up - part * along_v) - radius


def _person(picture: Floats, random: np.random.Generator) -> Floats:
    count = len(picture)
    u, v = drawing.pose(random, count, SIZE, turn=8, scale=(0.45, 0.95), shift=0.4)
    skin, shirt, trousers = (drawing.colours(random, count) for _ in range(3))
    girth = uniform(random, count, 0.8, 1.3)
    parts = []
    for side in (-1, 1):
        hip, foot = side * 0.09, side * uniform(random, count, 0.05, 0.3)
        parts.append((trousers, capsule(u, v, (hip, -0.15), (foot, -0.95), 0.09 * girth)))
    parts.append((shirt, capsule(u, v, (0.0, 0.38), (0.0, -0.1), 0.18 * girth)))
    for side in (-1, 1):
        hand = side * uniform(random, count, 0.2, 0.55), uniform(random, count, -0.25, 0.45)
        parts.append((shirt, capsule(u, v, (side * 0.18 * girth, 0.42), hand, 0.065 * girth)))
    parts.append((skin, np.hypot(u, v - np.float32(0.78)) - np.float32(0.16)))
    for colour, distance in parts:
        picture = drawing.paint(picture, drawing.inside(distance, SIZE, 0.6), colour)
    return picture


def _object(picture: Floats, random: np.random.Generator, present: NDArray[np.bool_]) -> Floats:
    """A box, a post, or a lamp: a disc on a post, as a head is on a trunk."""
    count = len(picture)
    u, v = drawing.pose(random, count, SIZE, turn=25, scale=(0.2, 0.7), shift=0.8, squeeze=0.4)
    kind = random.integers(0, 3, count)[:, None, None]
    box = np.maximum(np.abs(u) - np.float32(0.7), np.abs(v) - uniform(random, count, 0.3, 0.8))
    post = capsule(u, v, (0.0, -1.0), (0.0, 0.6), uniform(random, count, 0.06, 0.2))
    lamp = np.minimum(post, np.hypot(u, v - np.float32(0.75)) - uniform(random, count, 0.15, 0.35))
    distance = np.where(kind == 0, box, np.where(kind == 1, post, lamp))
    mask = drawing.inside(distance, SIZE, 0.4) * present[:, None, None]
    return drawing.paint(picture, mask, drawing.colours(random, count))


REAL = Supplied(
    name="vww",
    files=("data.npz",),
    origin="Visual Wake Words (pictures of COCO 2014, cocodataset.org; MLPerf Tiny's visual_wake_words, "
    "vw_coco2014_96), saved as uint8 train_x, test_x (n, 96, 96, 3) and train_y, test_y (n,), 1 with one",
    read=arrays(len(CLASSES)),
    shape=(SIZE, SIZE, 3),
)

DATA = synthetic(
    "vww",
    "1.1",
    samples,
    sizes=(3_000, 800),
    calibration=500,
    what="scenes of boxes, posts and lamps, 96x96 in colour, half of them with a person of strokes",
    supplied=REAL,
)
