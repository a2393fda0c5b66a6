"""Bit rankings: which stored bits matter most. One file a method, one table of them.

>>> sorted(METHODS)
['msb', 'random', 'weight_abs_value']
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnknownNameError
from netsurf.ir import Network
from netsurf.rank import msb, random, weight_abs_value

METHODS: dict[str, Callable[[Network, int], NDArray[np.int64]]] = {
    "msb": msb.rank,
    "random": random.rank,
    "weight_abs_value": weight_abs_value.rank,
}
"""Method to ``rank(network, seed)``, which orders all stored bits, most critical first."""

ALIASES = {"bitwise_msb": "msb"}
"""Older names of methods."""


def canonical(method: str) -> str:
    """The name in :data:`METHODS` of a method or alias.

    Raises
    ------
    UnknownNameError
        If there is no such method; lists the nearest.

    >>> canonical("bitwise_msb")
    'msb'
    """
    name = ALIASES.get(method, method)
    if name not in METHODS:
        raise UnknownNameError("ranker", method, METHODS)
    return name


def rank(method: str, network: Network, seed: int) -> NDArray[np.int64]:
    """Order the stored bits of a network.

    Parameters
    ----------
    method
        Key of :data:`METHODS` or an alias.
    seed
        Used by the methods that draw; the same seed gives the same order.

    Returns
    -------
    ``int64 (S,)``: every stored-bit number once, most critical first. Ties are in order of number.
    """
    return METHODS[canonical(method)](network, seed)


__all__ = ["ALIASES", "METHODS", "canonical", "rank"]
