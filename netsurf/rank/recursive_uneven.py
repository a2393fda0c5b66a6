"""``recursive_uneven``: weights that leave the majority's bit pattern early come first."""

from __future__ import annotations

import numpy as np

from netsurf.fixed import get_bit
from netsurf.ir import Network
from netsurf.rank.bits import planes, spread, widths
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Weights with uncommon leading bits first, all bits of a weight together.

    All weights start in one group. From the highest bit down, the group is split by the value of that
    bit; the smaller part leaves it (zeros leave on a tie), the larger stays. Who leaves at step
    ``0, 1, ...`` scores ``P - step``; who never leaves, or runs out of bits, scores 0. Reads nothing.
    """
    codes = [np.empty(0, np.int64), *(p.codes.reshape(-1) for p in network.parameters.values())]
    codes, width, deepest = np.concatenate(codes), widths(network), planes(network)
    scores = np.zeros(len(codes))
    group = np.ones(len(codes), bool)
    for step in range(deepest):
        group &= width > step
        ones = get_bit(codes, np.maximum(width - 1 - step, 0)) == 1
        leaving = group & (ones if 2 * (group & ones).sum() < group.sum() else ~ones)
        if not (group & ~leaving).any():
            break
        scores[leaving] = deepest - step
        group &= ~leaving
    return spread(network, scores)


METHOD = Method("recursive_uneven", score, power=0, orderings=("free",))
