"""Samples that a generator makes, kept in the cache so that they are made once."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import DataError
from netsurf.files import write_atomic
from netsurf.frontend.datasets.base import DataSet, Split, UserSupplied
from netsurf.paths import cache

Make = Callable[[int, int], Split]
"""A generator: a number of samples and a seed to samples."""

_DIGEST = "sha256"


def digest(split: Split) -> str:
    """SHA-256 over names, types, shapes and bytes of the arrays of a split, as 64 hexadecimal digits.

    >>> digest(Split(np.zeros((1, 2), np.float32), np.array([3])))[:8]
    '261e69b0'
    """
    return _digest(_arrays(split))


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    hasher = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        hasher.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        hasher.update(np.ascontiguousarray(array))
    return hasher.hexdigest()


def _arrays(split: Split) -> dict[str, NDArray[Any]]:
    """The arrays of a split; ``y`` is left out where it is ``x``."""
    named = {"x": split.x, "y": split.y, "anomaly": split.anomaly, "group": split.group}
    if split.y is split.x:
        named["y"] = None
    return {name: array for name, array in named.items() if array is not None}


@dataclass(frozen=True, slots=True)
class Kept:
    """``count`` samples of a generator with a seed, made on first use.

    Parameters
    ----------
    name
        Stem of the file in the cache; it names the generator's version, so that samples of an older
        one are never taken for those of a newer one.
    """

    name: str
    make: Make
    count: int
    seed: int

    @property
    def path(self) -> Path:
        """Where the samples are kept."""
        return cache() / "datasets" / f"{self.name}-{self.count}.npz"

    def __call__(self) -> Split:
        """The samples.

        Raises
        ------
        DataError
            If the file in the cache is damaged.
        """
        if not self.path.exists():
            arrays = _arrays(self.make(self.count, self.seed))
            write_atomic(self.path, _pack(arrays))
        arrays = self._stored()
        return Split(arrays["x"], arrays.get("y", arrays["x"]), arrays.get("anomaly"), arrays.get("group"))

    def _stored(self) -> dict[str, NDArray[Any]]:
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            expected = str(arrays.pop(_DIGEST))
            if "x" not in arrays or _digest(arrays) != expected:
                raise ValueError(f"its arrays have not the sha256 {expected[:12]}… that it was written with")
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self.path} is damaged ({error}); delete it and run again: rm {self.path}"
            ) from error
        return arrays


def _pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{_DIGEST: np.array(_digest(arrays))})
    return buffer.getvalue()


def synthetic(
    name: str,
    version: str,
    make: Make,
    sizes: tuple[int, int],
    calibration: int,
    what: str,
    *,
    make_test: Make | None = None,
    supplied: UserSupplied | None = None,
) -> DataSet:
    """A generated data set: ``sizes`` samples to train (with calibration) from seed 0, to test from seed 1.

    Parameters
    ----------
    version
        Of the generator; to be raised with every change of its samples.
    what
        What was generated, for the provenance.
    make_test
        Generator of the test samples, if it is another.
    """
    stem = f"{name}-{version}"
    return DataSet(
        name=name,
        training=Kept(f"{stem}-train", make, sizes[0], seed=0),
        test=Kept(f"{stem}-test", make_test or make, sizes[1], seed=1),
        calibration=calibration,
        source="synthetic",
        provenance=f"generated: {what} ({name} generator {version}, seeds 0 to train and 1 to test)",
        supplied=supplied,
    )
