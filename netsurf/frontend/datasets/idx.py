"""IDX, the file format of MNIST, and the digest that identifies an array in it.

An IDX file is ``00 00 TYPE NDIM``, ``NDIM`` big-endian sizes, then the elements; type 08 is
``uint8`` (Y. LeCun, "The MNIST database"). Because a file is a function of its array, one
pinned SHA-256 recognises the same samples as an IDX file, in an npz cache, or from Keras.
"""

from __future__ import annotations

import hashlib
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import DataError

Bytes = NDArray[np.uint8]

_UINT8 = 8


def encode(array: Bytes) -> bytes:
    """An IDX file that holds ``array``.

    >>> encode(np.array([7, 9], np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 02 07 09'
    """
    return _header(array) + np.ascontiguousarray(array).tobytes()


def _header(array: Bytes) -> bytes:
    return bytes((0, 0, _UINT8, array.ndim)) + np.array(array.shape, dtype=">u4").tobytes()


def decode(data: bytes, name: str) -> Bytes:
    """The array in an IDX file; ``name`` is what the error calls the file.

    >>> decode(bytes.fromhex("00 00 08 01 00 00 00 02 07 09"), "labels").tolist()
    [7, 9]

    Raises
    ------
    DataError
        If it is no IDX file of bytes, or is shorter or longer than it says.
    """
    if len(data) < 4 or data[:3] != bytes((0, 0, _UINT8)) or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{name} is no IDX file of bytes")
    start = 4 + 4 * data[3]
    shape = tuple(np.frombuffer(data[4:start], dtype=">u4").tolist())
    if len(data) - start != prod(shape):
        raise DataError(f"{name} holds {len(data) - start:,} of the {prod(shape):,} bytes it announces")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def digest(array: Bytes) -> str:
    """SHA-256 of the IDX file that holds ``array``."""
    hasher = hashlib.sha256(_header(array))
    hasher.update(np.ascontiguousarray(array))
    return hasher.hexdigest()
