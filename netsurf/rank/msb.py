"""``msb`` and ``lsb``: by bit plane alone, the highest or the lowest first."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.bits import positions
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The highest bit plane first, whatever the weight.

    ``score = 2**position``. Known as ``bitwise_msb`` in the first NetSurf, whose code began with the
    lowest plane under that name. Reads nothing.
    """
    return np.exp2(positions(network))


def score_lsb(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The lowest bit plane first: the worst order that a sane person could choose.

    ``score = 2**-position``. Reads nothing.
    """
    return np.exp2(-positions(network))


METHOD = Method("msb", score, power=0, orderings=("free",))
LSB = Method("lsb", score_lsb, power=0, orderings=("free",))
