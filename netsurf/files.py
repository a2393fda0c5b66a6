"""Files that are whole or absent: nothing half-written is ever trusted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from netsurf.errors import ToolFailedError


def write_atomic(path: Path, data: bytes | str) -> Path:
    """Write ``path`` by way of a temporary file in the same folder and a rename.

    Raises
    ------
    ToolFailedError
        If the disk is full or the folder cannot be written; the old file, if any, stays.
    """
    payload = data.encode() if isinstance(data, str) else data
    handle = -1
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise ToolFailedError(f"writing {path.name} ({error.strerror})", path) from error
    return path


def write_json(path: Path, document: Any) -> Path:
    """Write plain values as indented JSON, whole or not at all."""
    return write_atomic(path, json.dumps(document, indent=2) + "\n")


def sha256(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
