"""Smart pixels: charge clusters of a silicon sensor, and whether the particle's momentum was high or low.

A generator after the published description of the task [1]_: a barrel layer at R = 30 mm in a field of
3.8 T, pixels of 50 µm × 12.5 µm × 100 µm in 21 columns and 13 rows, charges read with 2 bits, and the
sums over the columns as the 13 inputs. Class 0 is pT > 0.2 GeV, 1 and 2 are negative and positive
particles below. Low momenta crowd at the boundary, which is why no classifier passes 75 %.

.. [1] J. Yoo et al., Smart pixel sensors: towards on-sensor filtering of pixel clusters with deep
   learning, Mach. Learn.: Sci. Technol. 5 035047 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets.base import Split
from netsurf.frontend.datasets.generated import synthetic
from netsurf.frontend.datasets.supplied import Supplied, labels

Floats = NDArray[np.float64]

RADIUS_MM, FIELD_T, PION_GEV = 30.0, 3.8, 0.13957
ROWS, COLUMNS, ROW_UM, COLUMN_UM, THICKNESS_UM = 13, 21, 12.5, 50.0, 100.0
BOUNDARY_GEV = 0.2
PRIOR = (0.5, 0.25, 0.25)
STEPS = 40
"""Steps along a particle's path through the sensor."""
BLOCK = 4096
"""Clusters that are drawn at a time, to bound memory; part of what a seed means."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What the clusters depend on beside the particles.

    Parameters
    ----------
    thresholds
        Electrons at which a pixel reads 1, 2 and 3.
    local_mm
        Range of the position along y where particles cross; the sensor is cut in twelve such slices,
        and this is the first.
    lorentz
        Tangent of the Lorentz angle, by which charges drift sideways.
    scatter
        Spread of the angle of incidence by multiple scattering and impact parameter, in rad.
    noise
        Electrons of noise a pixel.
    """

    thresholds: tuple[float, float, float] = (800.0, 2250.0, 5400.0)
    local_mm: tuple[float, float] = (-8.1, -6.85)
    lorentz: float = 0.40
    scatter: float = 0.010
    noise: float = 60.0


SENSOR = Sensor()


def samples(count: int, seed: int, sensor: Sensor = SENSOR) -> Split:
    """Clusters as row sums of pixel readings, and the class of the particle.

    Returns
    -------
    ``x`` float32 (count, 13), whole numbers in [0, 63]; ``y`` int64 (count,), classes 0, 1, 2.

    >>> split = samples(4, seed=0)
    >>> split.x.shape, split.x.dtype.name, int(split.x.max()) <= 63
    ((4, 13), 'float32', True)
    """
    random = np.random.default_rng(seed)
    parts = [_block(min(BLOCK, count - start), random, sensor) for start in range(0, count, BLOCK)]
    return Split(np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts]))


def _block(count: int, random: np.random.Generator, sensor: Sensor) -> tuple[Floats, NDArray[np.int64]]:
    label = random.choice(3, count, p=PRIOR)
    momentum, charge = _particles(label, random)
    y_mm = random.uniform(*sensor.local_mm, count)
    # Bending in the field turns the track; the flat module turns its normal.
    bend = charge * np.hypot(RADIUS_MM, y_mm) * 1e-3 * FIELD_T * 0.2998 / (2 * momentum)
    turn = np.arcsin(np.clip(bend, -0.95, 0.95)) - np.arctan(y_mm / RADIUS_MM)
    cot_beta = np.tan(turn + random.normal(0, sensor.scatter, count))
    cot_alpha = np.sinh(random.uniform(-2.3, 2.3, count))
    charges = _charges(momentum, cot_alpha, cot_beta, random)
    image = _collect(charges, cot_alpha, cot_beta - sensor.lorentz, random)
    image += random.normal(0, sensor.noise, image.shape)
    readings = sum((image >= threshold).astype(np.int64) for threshold in sensor.thresholds)
    return np.asarray(readings).sum(axis=2).astype(np.float32), label.astype(np.int64)


def _particles(label: NDArray[np.int64], random: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    """Transverse momentum (GeV) and charge: a Tsallis spectrum above the boundary, a heap just below it."""
    count = len(label)
    below = np.maximum(BOUNDARY_GEV - random.exponential(0.012, count), 0.1)
    momentum = np.where(label == 0, _tsallis(count, random), below)
    charge = np.where(label == 0, random.choice([-1, 1], count), np.where(label == 1, -1, 1))
    return momentum, charge


def _tsallis(count: int, random: np.random.Generator, t: float = 0.13, n: float = 7.0) -> Floats:
    """Momenta from ``pT (1 + (mT - m) / (n T))^-n`` between 0.2 and 5 GeV."""
    grid = np.linspace(BOUNDARY_GEV, 5.0, 4000)
    transverse_mass = np.hypot(grid, PION_GEV)
    total = np.cumsum(grid * (1 + (transverse_mass - PION_GEV) / (n * t)) ** -n)
    return np.interp(random.random(count), total / total[-1], grid)


def _charges(momentum: Floats, cot_alpha: Floats, cot_beta: Floats, random: np.random.Generator) -> Floats:
    """Electrons set free in each step, ``(count, STEPS)``: Bethe-Bloch's mean, Moyal's straggling.

    A Moyal variate is ``-ln(z^2)`` of a normal ``z``; its most probable value is 58 electrons per µm.
    """
    ratio = momentum * np.sqrt(1 + cot_alpha**2) / PION_GEV  # beta times gamma
    beta2 = ratio**2 / (1 + ratio**2)
    loss = beta2 ** (-5 / 6) * (1 + 0.08 * np.log(np.maximum(ratio / 3, 1)))
    path = np.sqrt(1 + cot_alpha**2 + cot_beta**2) * THICKNESS_UM / STEPS * np.clip(loss, 1, 6) / 1.06
    moyal = -2 * np.log(np.abs(random.normal(size=(len(momentum), STEPS))))
    return np.maximum(path[:, None] * (10 * moyal + 58), 0)


def _collect(charges: Floats, cot_alpha: Floats, drift: Floats, random: np.random.Generator) -> Floats:
    """Electrons in each pixel, ``(count, 13, 21)``: diffusion shares them among rows, columns are sharp."""
    from scipy.special import ndtr

    count = len(charges)
    row_um = random.uniform(-18.75, 18.75, count)
    column_um = random.uniform(-75.0, 75.0, count)
    depth = (np.arange(STEPS) + 0.5) * THICKNESS_UM / STEPS
    offset = depth - THICKNESS_UM / 2
    at_row, at_column = (
        row_um[:, None] + drift[:, None] * offset,
        column_um[:, None] + cot_alpha[:, None] * offset,
    )
    edges = (np.arange(ROWS + 1) - ROWS / 2) * ROW_UM
    spread = 2.1 * np.sqrt(depth / THICKNESS_UM)
    column = np.floor((at_column + COLUMNS * COLUMN_UM / 2) / COLUMN_UM).astype(np.int64)
    inside = (column >= 0) & (column < COLUMNS)
    image = np.zeros((count, ROWS, COLUMNS))
    for step in range(STEPS):
        hit = np.flatnonzero(inside[:, step])
        share = np.diff(ndtr((edges - at_row[hit, step, None]) / spread[step]), axis=1)
        image[hit, :, column[hit, step]] += charges[hit, step, None] * share
    return image


def _table(path: Path) -> Floats:
    """The numbers of a CSV file below its header."""
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


def read(folder: Path) -> tuple[Split, Split]:
    """The real clusters of slice 0: row sums, and classes."""
    return tuple(
        Split(
            _table(folder / f"QuantizedInput{half}SetLocal0.csv").astype(np.float32),
            labels(_table(folder / f"{half}SetLabelLocal0.csv"), 3),
        )
        for half in ("Train", "Test")
    )


REAL = Supplied(
    name="smartpixel",
    files=tuple(
        name
        for half in ("Train", "Test")
        for name in (f"QuantizedInput{half}SetLocal0.csv", f"{half}SetLabelLocal0.csv")
    ),
    origin="folder dec6_ds8_quant of ds8_only.tar.gz of the smart-pixel group (cseweb.ucsd.edu/~oweng)",
    read=read,
    shape=(ROWS,),
)

DATA = synthetic(
    "smartpixel",
    "1.0",
    samples,
    sizes=(45_000, 11_000),
    calibration=5000,
    what="13 row sums of charge clusters in a 50 x 12.5 x 100 um pixel sensor, y-local -8.1 to -6.85 mm",
    supplied=REAL,
)
