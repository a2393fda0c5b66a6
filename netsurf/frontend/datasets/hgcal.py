"""HGCal modules: the charges of 48 trigger cells, which the ECON-T chip's autoencoder compresses.

A generator after the public description of the detector and of the network [1]_. A module is a hexagon of
three rhombi of 4x4 trigger cells; charges are counts of 1/35 of a minimum-ionising particle, and a network
sees them divided by the power of two that brings the module's sum into [1, 2), with 8 fractional bits, on
an 8x8 image whose fourth quarter is empty. What is generated is pile-up and parts of showers with their
lateral profile; no public number of the real sample exists to compare with beyond the ranges that its
authors plot.

.. [1] G. Di Guglielmo et al., A reconfigurable neural network ASIC for detector front-end data compression
   at the HL-LHC, IEEE Trans. Nucl. Sci. 68 (2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CELLS = 48
CELL_CM2 = 5.0
COUNTS_PER_MIP = 35
FRACTION = 8
"""Fractional bits of a normalised charge."""
BLOCK = 4000
"""Showers whose profile is integrated at a time, to bound memory."""


def _image_cells() -> NDArray[np.int64]:
    cells = np.full((8, 8), -1)
    row, column = np.mgrid[:4, :4]
    cells[:4, :4] = 28 - 4 * row + column
    cells[:4, 4:] = row + 4 * column
    cells[4:, :4] = 47 - row - 4 * column
    return cells


IMAGE = _image_cells()
"""Which trigger cell each pixel of the 8x8 image shows, and -1 where it shows none."""

PIXELS, EMPTY = np.split(
    np.argsort(np.where(IMAGE.ravel() >= 0, IMAGE.ravel(), CELLS), kind="stable"), [CELLS]
)
"""Numbers of the pixels that show cells 0 to 47, in that order, and of the 16 that show none."""


def to_image(charges: NDArray) -> NDArray:
    """Charges in the order of trigger cells ``(modules, 48)`` as images ``(modules, 8, 8, 1)``.

    >>> image = to_image(np.arange(48.0)[None])
    >>> image[0, 0, :, 0].astype(int).tolist()
    [28, 29, 30, 31, 0, 4, 8, 12]
    """
    shown = np.where(IMAGE.ravel() >= 0, charges[:, IMAGE.ravel()], 0)
    return shown.reshape(-1, 8, 8, 1)


def to_cells(images: NDArray) -> NDArray:
    """The inverse of :func:`to_image`: ``(modules, 8, 8, 1)`` to ``(modules, 48)``."""
    return images.reshape(len(images), 64)[:, PIXELS]


def centres() -> Floats:
    """Centre of each trigger cell in cm from the module's centroid, ``(48, 2)``."""
    rhombi = (
        ((8.322, 16.016), (0.0, -2.402), (2.081, -1.201)),
        ((0.0, 5.205), (2.081, 1.201), (0.0, 2.402)),
        ((13.523, 3.414), (-2.081, 1.201), (-2.081, -1.201)),
    )
    row, column = (axis.reshape(-1, 1) for axis in np.mgrid[:4, :4])
    parts = [np.array(o) + column * np.array(a) + row * np.array(b) for o, a, b in rhombi]
    positions = np.concatenate(parts)
    return positions - positions.mean(axis=0)


@dataclass(frozen=True, slots=True)
class Environment:
    """How busy modules are.

    Parameters
    ----------
    shape, scale
        Of the Gamma distribution of the mean number of pile-up hits.
    showers
        Mean number of showers a module, of at most two.
    smear
        Spread of each cell's gain.
    """

    shape: float = 3.0
    scale: float = 6.0
    showers: float = 0.95
    smear: float = 0.15


SIGNAL_DRIVEN = Environment()
"""Like the layers that are read with five links, in top-quark events at 200 collisions a crossing."""


def charges(modules: int, seed: int, environment: Environment = SIGNAL_DRIVEN) -> Counts:
    """Charges as the front end sends them, ``int64 (modules, 48)``; some modules may be empty."""
    random = np.random.default_rng(seed)
    deposits = np.zeros((modules, CELLS))
    _add_pile_up(deposits, random, environment)
    _add_showers(deposits, random, environment)
    gain = np.exp(random.normal(0, environment.smear, deposits.shape))
    return _truncated(np.floor(deposits * gain * COUNTS_PER_MIP).astype(np.int64))


def _add_pile_up(deposits: Floats, random: np.random.Generator, environment: Environment) -> None:
    """Single hits anywhere: three quarters like a minimum-ionising particle, the rest an exponential."""
    mean = random.gamma(environment.shape, environment.scale, len(deposits))
    module = np.repeat(np.arange(len(deposits)), random.poisson(mean))
    position = _in_hexagon(len(module), 9.6, random)
    nearest = ((position[:, None] - centres()) ** 2).sum(axis=2).argmin(axis=1)
    single = random.random(len(module)) < 0.75
    energy = np.where(single, random.gamma(2.0, 0.30, len(module)), random.exponential(1.6, len(module)))
    np.add.at(deposits, (module, nearest), energy)


def _add_showers(deposits: Floats, random: np.random.Generator, environment: Environment) -> None:
    """Slices of showers, each with a core and a tail (the lateral profile of Grindhammer and Peters).

    Sampling fluctuates by a Gamma whose variance is 0.35 of the mean.
    """
    module = np.repeat(np.arange(len(deposits)), random.binomial(2, environment.showers / 2, len(deposits)))
    count = len(module)
    position = _in_hexagon(count, 11.5, random)
    hadronic = random.random(count) < 0.35
    energy = np.exp(random.normal(np.log(14.0), 1.1, count))
    core = np.where(hadronic, 1.6, 0.75) * np.exp(random.normal(0, 0.2, count))
    tail = np.where(hadronic, 5.0, 2.8) * np.exp(random.normal(0, 0.2, count))
    in_core = np.where(hadronic, 0.55, 0.8)
    step = (np.arange(4) - 1.5) * 0.6
    points = centres()[:, None] + np.stack(np.meshgrid(step, step, indexing="ij"), axis=-1).reshape(16, 2)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        distance2 = ((points - position[block, None, None]) ** 2).sum(axis=3)
        density = in_core[block, None] * _profile(distance2, core[block])
        density += (1 - in_core[block, None]) * _profile(distance2, tail[block])
        mean = energy[block, None] * density * CELL_CM2
        np.add.at(deposits, module[block], random.gamma(np.maximum(mean / 0.35, 1e-6)) * 0.35)


def _profile(distance2: Floats, radius: Floats) -> Floats:
    """``c^2 / (pi (r^2 + c^2)^2)`` averaged over the points of each cell, ``(showers, 48)``."""
    square = radius[:, None, None] ** 2
    return (square / (np.pi * (distance2 + square) ** 2)).mean(axis=2)


def _in_hexagon(count: int, radius: float, random: np.random.Generator) -> Floats:
    """Points uniform in a hexagon with corners at ``radius``, ``(count, 2)``."""
    kept = np.empty((0, 2))
    while len(kept) < count:
        point = random.uniform(-radius, radius, (2 * count + 8, 2))
        x, y = np.abs(point).T
        kept = np.concatenate([kept, point[(x <= radius * 0.866) & (y <= radius - x * 0.5774)]])
    return kept[:count]


def _truncated(counts: Counts) -> Counts:
    """The front end's 7-bit floating point: four leading bits are kept.

    >>> _truncated(np.array([7, 23, 1000])).tolist()
    [7, 22, 960]
    """
    exponent = np.maximum(np.floor(np.log2(np.maximum(counts, 1))).astype(np.int64) - 3, 0)
    return (counts >> exponent) << exponent


def normalise(counts: Counts) -> Floats:
    """Charges of modules that are not empty, over the power of two that brings their sum into [1, 2).

    The quotient is cut to 8 fractional bits as the chip does, so a sum may fall below 1 by 48/256.
    """
    filled = counts[counts.sum(axis=1) > 0]
    scaled = filled / 2.0 ** np.floor(np.log2(filled.sum(axis=1, keepdims=True)))
    return np.floor(scaled * 2**FRACTION) / 2**FRACTION


def samples(count: int, seed: int, environment: Environment = SIGNAL_DRIVEN) -> Split:
    """Normalised modules as images; the target is the input.

    Returns
    -------
    ``x`` and ``y`` the same float32 (count, 8, 8, 1), multiples of 1/256 in [0, 2).

    >>> split = samples(3, seed=0)
    >>> split.x.shape, split.y is split.x
    ((3, 8, 8, 1), True)
    """
    spare = count + count // 50 + 16  # the few empty modules are dropped
    images = to_image(normalise(charges(spare, seed, environment))[:count]).astype(np.float32)
    return Split(images, images)


MODULES = 100_000
"""How many of the real modules are taken, the first; of them 80 % for training."""


def read(folder: Path) -> tuple[Split, Split]:
    """The real modules of ``CALQ.csv``: integer charges, a module a line, a trigger cell a column."""
    rows = np.loadtxt(folder / "CALQ.csv", delimiter=",", skiprows=1, ndmin=2, max_rows=MODULES)
    if rows.shape[1] != CELLS or (rows < 0).any() or (rows != np.floor(rows)).any():
        raise ValueError(f"CALQ.csv must have {CELLS} columns of charges, whole numbers from 0 on")
    images = to_image(normalise(rows.astype(np.int64))).astype(np.float32)
    train, test = np.split(images, [int(0.8 * len(images))])
    return Split(train, train), Split(test, test)


REAL = Supplied(
    name="hgcal",
    files=("CALQ.csv",),
    origin="HGCal's simulated trigger cells (of the CMS collaboration, not public; "
    "hgcal22data_signal_driven_ttbar_v11, nElinks_5), columns CALQ_0 to CALQ_47 below a line of headings",
    read=read,
    shape=(8, 8, 1),
)

DATA = synthetic(
    "hgcal",
    "1.0",
    samples,
    sizes=(40_000, 10_000),
    calibration=4000,
    what="48 trigger-cell charges of HGCal modules, pile-up and shower slices, as 8x8 images",
    supplied=REAL,
)
