"""What every ranker asks about the stored bits of a network, as flat arrays in order of number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.ir import Network, Parameter


def positions(network: Network) -> NDArray[np.int64]:
    """``(S,)`` bit position of each stored bit within its element; 0 is the least significant."""
    return _each(network, lambda p: np.tile(np.arange(p.format.width), p.codes.size), np.int64)


def magnitudes(network: Network) -> NDArray[np.float64]:
    """``(S,)`` absolute real value ``|code| * 2**-fraction`` of the element that holds each bit."""
    return _each(
        network,
        lambda p: np.repeat(np.abs(p.codes.reshape(-1)) * 2.0**-p.format.fraction, p.format.width),
        np.float64,
    )


def pruned(network: Network) -> NDArray[np.bool_]:
    """``(S,)`` whether the element that holds each bit was removed by pruning (by mask, not by value)."""
    return _each(network, _pruned, np.bool_)


def _pruned(parameter: Parameter) -> NDArray[np.bool_]:
    mask = np.zeros(parameter.codes.size, bool) if parameter.pruned is None else parameter.pruned.reshape(-1)
    return np.repeat(mask, parameter.format.width)


def _each(network, column, dtype):
    return np.concatenate([np.empty(0, dtype), *(column(p) for p in network.parameters.values())])


def order(*keys: NDArray) -> NDArray[np.int64]:
    """Bit numbers sorted by the first key, then the next, each ascending; ties by number.

    >>> order(np.array([1, 0, 1, 0]), np.array([2, 5, 1, 5])).tolist()
    [1, 3, 2, 0]
    """
    return np.lexsort(keys[::-1]).astype(np.int64)
