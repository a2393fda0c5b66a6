"""Samples that are committed beside the code, and never trusted without their digest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from netsurf.errors import DataError

FOLDER = Path(__file__).parent / "data"


def read(path: Path, sha256: str) -> bytes:
    """Content of a committed file.

    Raises
    ------
    DataError
        If the file is absent or is not the one that was committed.

    >>> read(FOLDER / "jets.npz", "0" * 64)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    netsurf.errors.DataError: ...jets.npz is damaged (expected sha256 000000000000…, found ba00face8...
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); type: git checkout -- {path}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path} is damaged (expected sha256 {sha256[:12]}…, found {found[:12]}…); "
            f"type: git checkout -- {path}"
        )
    return content
