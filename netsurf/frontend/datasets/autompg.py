"""Auto MPG: fuel consumption of 392 cars from nine numbers (StatLib, 1983; CC0, vendored)."""

from __future__ import annotations

import csv
import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets import vendored
from netsurf.frontend.datasets.base import DataSet, Split

FILE = vendored.FOLDER / "auto-mpg.csv"
SHA256 = "7de0ecb3489c54523818af3daa65115dd87cc3737ad007b93ec31a74536787a7"

NUMBERS = ("cyl", "displ", "hp", "weight", "accel", "yr")
ORIGINS = ("1", "2", "3")  # USA, Europe, Japan
TRAINING = 314  # 80 % of 392


def read(path: Path = FILE) -> Split:
    """All rows: six numbers and the one-hot origin, ``float64 (392, 9)``, and miles per gallon.

    Raises
    ------
    DataError
        If the file is absent or is not the one that was vendored.
    """
    rows = list(csv.DictReader(io.StringIO(vendored.read(path, SHA256).decode())))
    features = [
        [*(float(row[key]) for key in NUMBERS), *(float(row["origin"] == o) for o in ORIGINS)] for row in rows
    ]
    return Split(np.array(features), np.array([float(row["mpg"]) for row in rows]))


def training_rows(rows: int) -> NDArray[np.int64]:
    """The rows that ``pandas.DataFrame.sample(frac=0.8, random_state=0)`` picks, in its order."""
    return np.random.RandomState(0).permutation(rows)[:TRAINING]


@cache
def _standardised() -> tuple[Split, Split]:
    """Training and test rows, with features as z-scores over the training rows."""
    everything = read()
    chosen = training_rows(len(everything))
    rest = np.setdiff1d(np.arange(len(everything)), chosen)
    mean, deviation = everything.x[chosen].mean(axis=0), everything.x[chosen].std(axis=0)
    scaled = Split((everything.x - mean) / deviation, everything.y)
    return scaled.rows(chosen), scaled.rows(rest)


DATA = DataSet(
    name="autompg",
    training=lambda: _standardised()[0],
    test=lambda: _standardised()[1],
    calibration=64,
    source="real",
    provenance="Auto MPG, the 392 complete records of StatLib's cars data, 314 to train and 78 to test",
)
