"""``random``: a uniform permutation of all stored bits; the baseline that every method must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.fault.sample import generator
from netsurf.ir import Network

_STREAM = 0x52414E4B
"""Counter that keeps the permutation independent of the fault draws of the same seed."""


def rank(network: Network, seed: int) -> NDArray[np.int64]:
    """A permutation of the stored bits that depends on ``seed`` alone."""
    return generator(seed, _STREAM).permutation(network.stored_bits).astype(np.int64)
