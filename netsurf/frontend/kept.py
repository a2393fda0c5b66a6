"""Arrays kept on disk: whole files, one array each; a damaged one counts as absent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.files import write_atomic

Floats = NDArray[np.float64]


def read(path: Path) -> Floats | None:
    """The array in a file; None if there is none or it is damaged, for it can be measured again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return archive["array"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(path: Path, array: Floats) -> None:
    """Write an array, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, array=array)
    write_atomic(path, buffer.getvalue())
