"""``random``: a uniform permutation of all stored bits; the baseline that every method must beat."""

from __future__ import annotations

import numpy as np

from netsurf.fault.sample import generator
from netsurf.ir import Network
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores

_STREAM = 0x52414E4B
"""Counter that keeps the permutation independent of the fault draws of the same seed."""


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """A uniform permutation of the stored bits.

    ``score = 1 - place / S``, where ``place`` is the bit's place in a permutation that depends on
    ``seed`` and ``S`` alone. Reads nothing; costs one permutation.
    """
    size = network.stored_bits
    scores = np.empty(size)
    scores[generator(seed, _STREAM).permutation(size)] = 1.0 - np.arange(size) / max(size, 1)
    return scores


METHOD = Method("random", score, power=0, orderings=("free", "bitplane"))
