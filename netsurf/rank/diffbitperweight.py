"""``diffbitperweight``: weights whose stored bits alternate most come first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.ir import Network, Parameter
from netsurf.rank.bits import spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def _transitions(parameter: Parameter) -> NDArray[np.int64]:
    value_bits = parameter.format.width - parameter.format.signed
    codes = parameter.codes.reshape(-1)
    changes = (codes ^ (codes >> 1)) & ((1 << max(value_bits - 1, 0)) - 1)
    return (changes[:, None] >> np.arange(max(value_bits - 1, 1)) & 1).sum(axis=1)


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Number of neighbouring bits of the weight that differ.

    ``score = #{b : bit b != bit b+1}`` over the bits of the stored code without its sign bit. Reads nothing.
    """
    counts = [np.empty(0, np.int64), *(_transitions(p) for p in network.parameters.values())]
    return spread(network, np.concatenate(counts))


METHOD = Method("diffbitperweight", score)
