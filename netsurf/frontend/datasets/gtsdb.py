"""German traffic signs, if the user supplies GTSDB, and otherwise a synthetic twin: 43 classes, 50x50.

The twin has the 43 classes of the benchmark, each with its shape and colours and a simplified symbol, seen at
an angle, blurred, under any light, on clutter.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import drawing
from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.drawing import Floats, Line, uniform
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.glyphs import arc, number
from netsurf.frontend.datasets.supplied import Supplied, labels

SIZE = 50
NOISE = 0.04

_UP: Line = [(0.0, -0.9), (0.0, 0.9)]
_CAR: list[Line] = [
    [(-0.4, -0.4), (-0.4, 0.1), (0.4, 0.1), (0.4, -0.4), (-0.4, -0.4)],
    arc(0, 0.1, 0.3, 0.4, 0, 180),
]
_TRUCK: list[Line] = [
    [(-0.8, -0.4), (-0.8, 0.5), (0.3, 0.5), (0.3, -0.4), (0.8, -0.4), (0.8, 0.1), (0.3, 0.1)]
]
_WALKER: list[Line] = [
    [(-0.3, -0.9), (0.0, -0.1), (0.35, -0.9)],
    [(0.0, -0.1), (0.0, 0.5)],
    arc(0, 0.75, 0.2, 0.2, 0, 360),
]
_ARROW: Line = [(-0.35, 0.45), (0.0, 0.9), (0.35, 0.45)]


def _moved(lines: list[Line], u: float, v: float = 0.0, scale: float = 1.0) -> list[Line]:
    return [[(scale * x + u, abs(scale) * y + v) for x, y in line] for line in lines]


def _mirrored(lines: list[Line]) -> list[Line]:
    return [[(-x, y) for x, y in line] for line in lines]


def _turned(lines: list[Line], degrees: float) -> list[Line]:
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return [[(cosine * x - sine * y, sine * x + cosine * y) for x, y in line] for line in lines]


_CURVE: list[Line] = [[(0.4, -0.9), (0.4, 0.0), (-0.4, 0.7)]]
_TURN: list[Line] = [[(-0.4, -0.9), (-0.4, 0.3), (0.6, 0.3)], [(0.3, 0.65), (0.65, 0.3), (0.3, -0.05)]]
_AHEAD: list[Line] = [_UP, _ARROW]
_FORK: list[Line] = [
    *_moved(_AHEAD, -0.3),
    [(-0.3, -0.2), (0.7, 0.1)],
    [(0.4, 0.35), (0.7, 0.1), (0.4, -0.2)],
]
_PASSING: list[Line] = [*_moved(_CAR, -0.5, 0.0, 0.9), *_moved(_CAR, 0.5, 0.0, 0.9)]
_PASSING_TRUCKS: list[Line] = [*_moved(_TRUCK, -0.4, 0.0, 0.6), *_moved(_CAR, 0.6, 0.0, 0.8)]
_BIKE: list[Line] = [arc(-0.5, -0.4, 0.4, 0.4, 0, 360), arc(0.5, -0.4, 0.4, 0.4, 0, 360)]

SIGNS: tuple[tuple[str, list[Line]], ...] = (
    *(("limit", number(text)) for text in ("20", "30", "50", "60", "70", "80")),
    ("end", number("80")),
    *(("limit", number(text)) for text in ("100", "120")),
    ("limit", _PASSING),
    ("limit", _PASSING_TRUCKS),
    ("danger", [_UP, [(-0.6, 0.0), (0.6, 0.0)], _ARROW]),  # right of way at the next crossing
    ("priority", []),
    ("yield", []),
    ("stop", [[(-0.9, 0), (0.9, 0)], [(-0.9, 0.3), (0.9, 0.3)], [(-0.9, -0.3), (0.9, -0.3)]]),
    ("limit", []),  # no vehicles
    ("limit", _TRUCK),
    ("entry", [[(-0.9, 0.0), (0.9, 0.0)]]),
    ("danger", [[(0, 0.9), (0, -0.3)], [(0, -0.75), (0, -0.9)]]),
    ("danger", _CURVE),
    ("danger", _mirrored(_CURVE)),
    ("danger", [[(0.4, -0.9), (0.4, -0.3), (-0.4, 0.3), (-0.4, 0.9)]]),
    ("danger", [arc(-0.45, -0.5, 0.4, 0.5, 0, 180), arc(0.45, -0.5, 0.4, 0.5, 0, 180)]),  # bumpy
    (
        "danger",
        [*_moved(_CAR, 0.0, 0.5, 0.8), arc(-0.3, -0.5, 0.2, 0.4, 90, 270), arc(0.3, -0.5, 0.2, 0.4, -90, 90)],
    ),
    ("danger", [[(-0.4, -0.9), (-0.4, 0.9)], [(0.6, -0.9), (0.6, -0.2), (0.2, 0.2), (0.2, 0.9)]]),
    ("danger", [*_moved(_WALKER, -0.3, 0.0, 0.9), [(-0.2, 0.1), (0.8, -0.8)]]),  # road works
    ("danger", [arc(0, v, 0.22, 0.22, 0, 360) for v in (-0.7, 0.0, 0.7)]),
    ("danger", _WALKER),
    ("danger", [*_moved(_WALKER, -0.45, 0.0, 0.8), *_moved(_WALKER, 0.45, -0.15, 0.6)]),
    ("danger", [*_BIKE, [(-0.5, -0.4), (0.0, 0.4), (0.5, -0.4)]]),
    ("danger", [line for turn in (0, 60, 120) for line in _turned([_UP], turn)]),  # snow
    ("danger", [[(-0.8, -0.6), (-0.4, 0.2), (0.5, 0.2), (0.8, 0.9)], [(0.5, 0.2), (0.6, -0.7)]]),  # animals
    ("end", []),
    ("order", _TURN),
    ("order", _mirrored(_TURN)),
    ("order", _AHEAD),
    ("order", _FORK),
    ("order", _mirrored(_FORK)),
    ("order", _turned(_AHEAD, -135)),
    ("order", _turned(_AHEAD, 135)),
    ("order", [arc(0, 0, 0.7, 0.7, 30 + turn, 110 + turn) for turn in (0, 120, 240)]),  # roundabout
    ("end", _PASSING),
    ("end", _PASSING_TRUCKS),
)
"""Kind of sign and symbol of each class, in the order of the benchmark's class numbers."""

_RED, _WHITE, _BLUE, _BLACK, _GREY, _YELLOW = (
    np.array(colour, np.float32)
    for colour in (
        (0.75, 0.1, 0.12),
        (0.92,) * 3,
        (0.1, 0.3, 0.7),
        (0.08,) * 3,
        (0.5,) * 3,
        (0.95, 0.75, 0.1),
    )
)


def _disc(u: Floats, v: Floats) -> Floats:
    return np.hypot(u, v) - np.float32(0.95)


def _triangle(u: Floats, v: Floats) -> Floats:
    return np.maximum(
        -v - np.float32(0.55), np.abs(u) * np.float32(0.866) + v * np.float32(0.5) - np.float32(0.5)
    )


def _octagon(u: Floats, v: Floats) -> Floats:
    straight = np.maximum(np.abs(u), np.abs(v))
    return np.maximum(straight, (np.abs(u) + np.abs(v)) * np.float32(0.7071)) - np.float32(0.92)


def _diamond(u: Floats, v: Floats) -> Floats:
    return (np.abs(u) + np.abs(v)) * np.float32(0.7071) - np.float32(0.68)


KINDS = {
    "limit": (_disc, _RED, _WHITE, 0.2, _BLACK, 0.6),
    "danger": (_triangle, _RED, _WHITE, 0.16, _BLACK, 0.38),
    "order": (_disc, _WHITE, _BLUE, 0.06, _WHITE, 0.65),
    "end": (_disc, _BLACK, _WHITE, 0.05, _GREY, 0.6),
    "priority": (_diamond, _WHITE, _YELLOW, 0.2, _BLACK, 0.5),
    "yield": (lambda u, v: _triangle(u, -v), _RED, _WHITE, 0.2, _BLACK, 0.5),
    "stop": (_octagon, _WHITE, _RED, 0.08, _WHITE, 0.8),
    "entry": (_disc, _WHITE, _RED, 0.05, _WHITE, 0.7),
}
"""Shape, colour of the border, of the face, width of the border, colour and size of the symbol."""


@cache
def _bank() -> Floats:
    nothing = [[(9.0, 9.0), (9.0, 9.1)]]
    return np.stack([drawing.field(symbol or nothing) for _, symbol in SIGNS])


def samples(count: int, seed: int, noise: float = NOISE) -> Split:
    """Pictures of the twin: ``x`` uint8 (count, 50, 50, 3), ``y`` int64 (count,), classes 0 to 42.

    >>> split = samples(2, seed=0)
    >>> split.x.shape, split.x.dtype.name, len(SIGNS)
    ((2, 50, 50, 3), 'uint8', 43)
    """
    return drawing.in_blocks(count, seed, len(SIGNS), lambda label, random: _draw(label, random, noise))


def _draw(label: NDArray[np.int64], random: np.random.Generator, noise: float) -> Floats:
    count = len(label)
    picture = drawing.coloured_clutter(random, count, SIZE)
    u, v = drawing.pose(random, count, SIZE, turn=12, scale=(0.6, 0.95), shift=0.12, squeeze=0.2)
    for kind in KINDS:
        chosen = np.flatnonzero([SIGNS[number][0] == kind for number in label])
        picture[chosen] = _sign(picture[chosen], kind, label[chosen], u[chosen], v[chosen])
    return _photographed(picture, random, noise)


def _sign(picture: Floats, kind: str, label: NDArray[np.int64], u: Floats, v: Floats) -> Floats:
    shape, border, face, width, ink, size = KINDS[kind]
    distance = shape(u, v)
    picture = drawing.paint(picture, drawing.inside(distance, SIZE, 0.7), border)
    picture = drawing.paint(picture, drawing.inside(distance + np.float32(width), SIZE, 0.7), face)
    low = np.float32(0.12 if kind == "danger" else 0.0)
    symbol = drawing.look_up(_bank(), label, u / np.float32(size), (v + low) / np.float32(size))
    picture = drawing.paint(
        picture, drawing.inside(symbol * np.float32(size) - np.float32(0.07), SIZE, 0.7), ink
    )
    if kind == "end":
        stroke = np.maximum(np.abs(u - v) * np.float32(0.7071) - np.float32(0.1), distance)
        picture = drawing.paint(picture, drawing.inside(stroke, SIZE, 0.7), _BLACK)
    return picture


def _photographed(picture: Floats, random: np.random.Generator, noise: float) -> Floats:
    """Blurred by up to 3 pixels, under any light, and with noise."""
    from scipy.ndimage import uniform_filter

    count = len(picture)
    soft = uniform(random, count, 0, 1)[..., None]
    picture = picture + soft * (uniform_filter(picture, (0, 3, 3, 0)) - picture)
    light = uniform(random, count, 0.3, 1.1)[..., None]
    return light * picture + drawing.normal(random, *picture.shape) * np.float32(noise)


TABLE = "gt.txt"
TRAINING = 0.8
"""Part of the signs, in the order of the table, that is for training."""


def read(folder: Path) -> tuple[Split, Split]:
    """The real signs, cut out of the photographs that ``gt.txt`` names and brought to 50x50.

    A line of it is ``FILE;left;top;right;bottom;class``, corners included.
    """
    rows = [line.split(";") for line in (folder / TABLE).read_text().split()]
    signs, photograph, name = [], np.empty((0, 0, 3), np.uint8), ""
    for row in rows:
        if row[0] != name:
            name, photograph = row[0], portable_pixmap(folder / Path(row[0]).name)
        left, top, right, bottom = map(int, row[1:5])
        signs.append(_resized(photograph[top : bottom + 1, left : right + 1]))
    x, y = np.stack(signs), labels(np.array([int(row[5]) for row in rows]), len(SIGNS))
    cut = int(TRAINING * len(y))
    return Split(x[:cut], y[:cut]), Split(x[cut:], y[cut:])


def portable_pixmap(path: Path) -> NDArray[np.uint8]:
    """A binary PPM file, ``uint8 (height, width, 3)``."""
    content = path.read_bytes()
    header = re.match(rb"P6\s+(?:#[^\n]*\n\s*)?(\d+)\s+(\d+)\s+255\s", content)
    if header is None:
        raise ValueError(f"{path.name} is no PPM file of bytes")
    width, height = int(header[1]), int(header[2])
    pixels = np.frombuffer(content, np.uint8, offset=header.end())
    if len(pixels) != width * height * 3:
        raise ValueError(
            f"{path.name} holds {len(pixels):,} of the {width * height * 3:,} bytes it announces"
        )
    return pixels.reshape(height, width, 3)


def _resized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture brought to 50x50 bilinearly."""
    from scipy.ndimage import zoom

    height, width = picture.shape[:2]
    return zoom(picture, (SIZE / height, SIZE / width, 1), order=1, grid_mode=True, mode="nearest")


REAL = Supplied(
    name="gtsdb",
    files=(TABLE, "00000.ppm"),
    origin="the German Traffic Sign Detection Benchmark (benchmark.ini.rub.de, "
    "FullIJCNN2013.zip, unpacked: gt.txt and every photograph that it names)",
    read=read,
    shape=(SIZE, SIZE, 3),
)

DATA = synthetic(
    "gtsdb",
    "1.0",
    samples,
    sizes=(6_450, 1_290),
    calibration=860,
    what="43 kinds of traffic signs with simplified symbols on clutter, 50x50 in colour",
    supplied=REAL,
)
