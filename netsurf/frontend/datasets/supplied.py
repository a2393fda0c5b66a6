"""Real samples that no package holds: the user puts files in a folder, and they are checked and read.

The folder is ``$NETSURF_DATA/NAME``, or ``~/.cache/netsurf/datasets/NAME``. If it is there it must hold
everything; if not, the synthetic twin is taken.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf import paths
from netsurf.errors import DataError
from netsurf.frontend.datasets.base import DataSet, Split


@dataclass(frozen=True, slots=True)
class Supplied:
    """Real samples in a folder of the user's.

    Parameters
    ----------
    name
        The folder's name, and the data set's.
    files
        What it must hold.
    origin
        Where to get it, and what goes where.
    read
        Takes the folder to training and test samples; raises DataError where they are damaged.
    md5
        Digests that the samples' publishers or their libraries print, by file; MD5, since that is what
        they print: it finds damage, not forgery.
    shape
        Of one sample.
    """

    name: str
    files: tuple[str, ...]
    origin: str
    read: Callable[[Path], tuple[Split, Split]]
    shape: tuple[int, ...]
    md5: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the files are expected."""
        return paths.data() / self.name

    @property
    def present(self) -> bool:
        """Whether the folder is there."""
        return self.folder.is_dir()

    def data(self, calibration: int) -> DataSet:
        """The data set in the folder, which is read and checked when its samples are asked for."""
        return DataSet(
            name=self.name,
            training=lambda: self.halves()[0],
            test=lambda: self.halves()[1],
            calibration=calibration,
            source="real",
            provenance=f"supplied by the user in {self.folder.name}/: {self.origin}",
        )

    def halves(self) -> tuple[Split, Split]:
        """Training and test samples.

        Raises
        ------
        DataError
            If a file is absent or is not what it should be.
        """
        folder = self.folder
        absent = [name for name in self.files if not (folder / name).is_file()]
        if absent:
            raise DataError(f"{folder} has no {', '.join(absent)}; {self._advice()}")
        for name, digest in self.md5.items():
            self._compare(folder / name, digest)
        try:
            train, test = self.read(folder)
        except (ValueError, KeyError, IndexError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(f"{folder} cannot be read ({_line(error)}); {self._advice()}") from error
        for half, split in (("training", train), ("test", test)):
            self._fits(half, split)
        return train, test

    def _compare(self, path: Path, expected: str) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        if found != expected:
            raise DataError(
                f"{path} is damaged (expected md5 {expected[:12]}…, found {found[:12]}…); {self._advice()}"
            )

    def _fits(self, half: str, split: Split) -> None:
        if len(split.x) != len(split.y):
            raise DataError(
                f"{self.folder}: {len(split.x):,} {half} samples and {len(split.y):,} labels; "
                f"{self._advice()}"
            )
        if not len(split) or split.x.shape[1:] != self.shape:
            raise DataError(
                f"{self.folder}: {half} samples of shape {split.x.shape}, not (samples, "
                f"{', '.join(map(str, self.shape))}); {self._advice()}"
            )

    def _advice(self) -> str:
        return (
            f"{self.name} is {self.origin}; put {', '.join(self.files)} there, "
            f"or remove the folder and its synthetic twin is used: rm -r {self.folder}"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def arrays(classes: int) -> Callable[[Path], tuple[Split, Split]]:
    """Reader of ``data.npz`` with ``train_x``, ``train_y``, ``test_x``, ``test_y``.

    ``x`` is uint8 or floating point, which becomes float32; ``y`` is class numbers below ``classes``.
    """

    def read(folder: Path) -> tuple[Split, Split]:
        with np.load(folder / "data.npz", allow_pickle=False) as archive:
            return tuple(
                Split(_samples(archive[f"{half}_x"]), labels(archive[f"{half}_y"], classes))
                for half in ("train", "test")
            )

    return read


def _samples(x: NDArray) -> NDArray:
    return x if x.dtype == np.uint8 else x.astype(np.float32)


def labels(y: NDArray, classes: int) -> NDArray[np.int64]:
    """Class numbers as int64.

    Raises
    ------
    ValueError
        If one is outside [0, classes).

    >>> labels(np.array([[1.0], [0.0]]), 3).tolist()
    [1, 0]
    """
    numbers = np.asarray(y).reshape(-1)
    whole = numbers.astype(np.int64)
    if (whole != numbers).any() or (len(whole) and (whole.min() < 0 or whole.max() >= classes)):
        raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}")
    return whole
