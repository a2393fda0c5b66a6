"""Pickles of others, read without running what they say: they may name what a table allows, nothing else."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from netsurf.errors import DataError

Names = Mapping[tuple[str, str], Any]
"""What a pickle may name, by module and name, and what it gets for it."""

ARRAYS: Names = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.core.multiarray._reconstruct,
    ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
}
"""NumPy's arrays, as Python 2 and 3 write them."""


class Inert:
    """Stands for a class that is not wanted: holds its state and does nothing."""

    def __new__(cls, *arguments: Any) -> Inert:
        """Takes anything that the class would."""
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        self.state = state


def load(content: bytes, allowed: Names = ARRAYS) -> Any:
    """What a pickle holds.

    Raises
    ------
    DataError
        If it is damaged, or names what is not allowed.

    >>> load(pickle.dumps([1, 2]))
    [1, 2]
    """
    try:
        return _Unpickler(io.BytesIO(content), allowed).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        IndexError,
    ) as error:
        raise DataError(f"a pickle in it is damaged ({error})") from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, allowed: Names) -> None:
        super().__init__(file, fix_imports=False, encoding="latin1")
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no data needs")
        return self._allowed[module, name]
