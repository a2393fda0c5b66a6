"""Claims: who computes a chunk. A claim is a locked file, so a process that dies gives it back at once."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from netsurf.errors import StoreError


@contextlib.contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Try to hold ``path`` for a while; yields whether this process got it.

    The lock belongs to the open file (``flock``): the system drops it when the process ends, however it
    ends, so nothing has to be cleaned up after ``kill -9``. The file is removed when the work is done; a
    process that locked a file which was removed meanwhile sees that and does not count it as a claim.

    Raises
    ------
    StoreError
        If the file system has no locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not (_locked(descriptor, path) and _still_there(descriptor, path)):
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise StoreError(
            f"{path.parent}: this file system has no locks ({error.strerror}); put the run folder on another "
            "one with --out, or give each process its part with --shard i/N and a folder of its own"
        ) from error
    return True


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
