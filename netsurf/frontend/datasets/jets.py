"""Jets of 1 TeV at the LHC: which of g, q, W, Z, t they come from, by 16 substructure observables.

The task of hls4ml's jet-tagging network [1]_. Its own sample (of another generator chain and selection)
cannot be vendored; this one was made with Pythia 8 and FastJet by ``tools/jets.py`` and is committed, so
nothing is generated here. Observables are standardised by the training half, as hls4ml does.

.. [1] J. Duarte et al., Fast inference of deep neural networks in FPGAs for particle physics, JINST 13
   P07027 (2018).
"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from netsurf.errors import DataError
from netsurf.frontend.datasets import vendored
from netsurf.frontend.datasets.base import DataSet, Split
from netsurf.frontend.datasets.supplied import Supplied, labels

FILE = vendored.FOLDER / "jets.npz"
SHA256 = "ba00face81f86dcec7f7f8d27a3bd1046089c5ed4c5c8275aa44e80e29178317"

CLASSES = ("g", "q", "w", "z", "t")
FEATURES = (
    *("zlogz", "c1_b0", "c1_b1", "c1_b2", "c2_b1", "c2_b2", "d2_b1", "d2_b2", "d2_a1_b1", "d2_a1_b2"),
    *("m2_b1", "m2_b2", "n2_b1", "n2_b2", "mass_mmdt", "multiplicity"),
)
SCALE = np.array([1, 1, 2**6, 2**10, 1, 2**4, 1, 2**-4, 1, 1, 2**6, 2**10, 1, 1, 1, 1], np.float64)
"""What each observable is multiplied by in the file, where it is a float16; as in ``tools/jets.py``."""
TRAINING = 32_000


def read(path: Path = FILE) -> Split:
    """All jets: observables ``float64 (40000, 16)``, masses in GeV, and classes.

    Raises
    ------
    DataError
        If the file is absent or is not the one that was committed.

    >>> split = read()
    >>> split.x.shape, round(float(np.median(split.x[split.y == 4, 14])))
    ((40000, 16), 164)
    """
    content = vendored.read(path, SHA256)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return Split(archive["x"] / SCALE, archive["y"].astype(np.int64))
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no file of jets ({error}); type: git checkout -- {path}") from error


@cache
def _standardised() -> tuple[Split, Split]:
    """Training and test jets as float32 z-scores over the training jets."""
    jets = read()
    mean, deviation = jets.x[:TRAINING].mean(axis=0), jets.x[:TRAINING].std(axis=0)
    scaled = Split(((jets.x - mean) / deviation).astype(np.float32), jets.y)
    order = np.arange(len(jets))
    return scaled.rows(order[:TRAINING]), scaled.rows(order[TRAINING:])


_ALPHABETICAL = np.array([CLASSES.index(name) for name in sorted(CLASSES)])
"""Class number here of each class of hls4ml's tutorial, which numbers them alphabetically."""


def supplied(folder: Path) -> tuple[Split, Split]:
    """The jets of hls4ml's tutorial: standardised observables, and classes one-hot in alphabetical order."""
    return tuple(
        _tutorial(folder / f"X_{half}.npy", folder / f"y_{half}.npy") for half in ("train_val", "test")
    )


def _tutorial(x: Path, y: Path) -> Split:
    one_hot = np.load(y, allow_pickle=False)
    if one_hot.ndim != 2 or one_hot.shape[1] != len(CLASSES) or (one_hot.sum(axis=1) != 1).any():
        raise ValueError(f"{y.name} is not one-hot over {len(CLASSES)} classes")
    return Split(
        np.load(x, allow_pickle=False).astype(np.float32),
        labels(_ALPHABETICAL[one_hot.argmax(axis=1)], len(CLASSES)),
    )


REAL = Supplied(
    name="jets",
    files=("X_train_val.npy", "y_train_val.npy", "X_test.npy", "y_test.npy"),
    origin="hls4ml's jets (openml.org, hls4ml_lhc_jets_hlf) as part 1 of the hls4ml tutorial saves them",
    read=supplied,
    shape=(len(FEATURES),),
)

DATA = DataSet(
    name="jets",
    training=lambda: _standardised()[0],
    test=lambda: _standardised()[1],
    calibration=4000,
    source="synthetic",
    provenance="generated: 8,000 jets of each of g, q, W, Z, t with Pythia 8.317 and FastJet 3.5.2 "
    "(tools/jets.py, seed 1), anti-kT R=0.8, 800 < pT < 1300 GeV",
    supplied=REAL,
)
