"""Downloaded arrays, kept as one npz a data set and never trusted without their digests."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netsurf.errors import DataError, NetsurfError
from netsurf.files import write_atomic
from netsurf.frontend.datasets import idx
from netsurf.paths import cache

Arrays = dict[str, idx.Bytes]

PARTS = ("train_x", "train_y", "test_x", "test_y")
"""Arrays of a downloaded data set."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A data set of ``uint8`` arrays that is downloaded once.

    Parameters
    ----------
    name
        Stem of the file in the cache.
    digests
        For each of :data:`PARTS`, the SHA-256 of its IDX file.
    sources
        Ways to fetch the arrays, by description, tried in order. Each gets an empty folder
        to work in and may fail with any NetsurfError.
    """

    name: str
    digests: Mapping[str, str]
    sources: Mapping[str, Callable[[Path], Arrays]]

    @property
    def path(self) -> Path:
        """Where the arrays are kept."""
        return cache() / "datasets" / f"{self.name}.npz"

    def read(self, *parts: str) -> tuple[idx.Bytes, ...]:
        """The arrays called ``parts``, from the cache, which is filled on first use.

        Raises
        ------
        DataError
            If no source answers, or the file in the cache is damaged.
        """
        if not self.path.exists():
            write_atomic(self.path, _pack(self._fetch()))
        arrays = self._stored(parts)
        self._check(arrays, str(self.path), f"delete it and run again: rm {self.path}")
        return tuple(arrays[part] for part in parts)

    def _stored(self, parts: tuple[str, ...]) -> Arrays:
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return {part: archive[part] for part in parts}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self.path} is damaged ({error}); delete it and run again: rm {self.path}"
            ) from error

    def _fetch(self) -> Arrays:
        """The arrays of the first source whose digests are right."""
        failures = []
        for description, fetch in self.sources.items():
            with tempfile.TemporaryDirectory(prefix="netsurf-") as folder:
                try:
                    arrays = fetch(Path(folder))
                    self._check(arrays, description, "fetch it again")
                except (NetsurfError, OSError) as error:
                    failures.append(f"{description}: {_first_line(error)}")
                else:
                    return arrays
        raise DataError(
            f"{self.name} could not be fetched ({'; '.join(failures)}); "
            f"check the network and run again, or copy {self.name}.npz from another machine to {self.path}"
        )

    def _check(self, arrays: Arrays, where: str, advice: str) -> None:
        for part, array in arrays.items():
            found = idx.digest(array) if array.dtype == np.uint8 else f"type {array.dtype}"
            if found != self.digests[part]:
                raise DataError(
                    f"{where}: {part} is not the data set's (expected sha256 "
                    f"{self.digests[part][:12]}…, found {found[:12]}…); {advice}"
                )


def _pack(arrays: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
