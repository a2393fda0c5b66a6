"""Data sets by name. A new data set is one file here and one line in :data:`NAMES`.

Nothing here imports TensorFlow.
"""

from __future__ import annotations

from importlib import import_module

from netsurf.errors import UnknownNameError
from netsurf.frontend.datasets.base import DataSet, DataSplits, Split

NAMES = (
    "autompg",
    "cifar10",
    "dummy",
    "fashion_mnist",
    "gtsdb",
    "har",
    "hgcal",
    "jets",
    "mnist",
    "smartpixel",
    "speech_commands",
    "svhn",
    "toyadmos",
    "vww",
)
"""Data sets, each the ``DATA`` of the file of its name."""

DATASETS: dict[str, DataSet] = {name: import_module(f"{__name__}.{name}").DATA for name in NAMES}
"""Every data set, by name; of those with real and generated samples, the generated ones."""


def dataset(name: str) -> DataSet:
    """The data set called ``name``: the real samples if the user supplied them, else the table's entry.

    Raises
    ------
    UnknownNameError
        If there is none of this name; names the nearest.
    """
    if name not in DATASETS:
        raise UnknownNameError("data set", name, DATASETS)
    return DATASETS[name].effective()


def load(name: str, seed: int = 0) -> DataSplits:
    """Training, calibration and test samples of a data set, fetched on first use.

    Parameters
    ----------
    seed
        Which training samples are set aside for calibration.

    Raises
    ------
    UnknownNameError
        If no data set has this name.
    DataError
        If it cannot be fetched, or a file of it is damaged.

    >>> splits = load("dummy")
    >>> len(splits.train), len(splits.calibration), len(splits.test), splits.source
    (700, 100, 200, 'synthetic')
    """
    return dataset(name).splits(seed)


__all__ = ["DATASETS", "DataSet", "DataSplits", "Split", "dataset", "load"]
