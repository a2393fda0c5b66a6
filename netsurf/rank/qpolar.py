"""``qpolar`` and ``qpolargrad``: the impact of an upset on the sum that the weight feeds."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.bits import deltas, spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Mean change of the sum that the weight feeds, in the network with every stored bit upset.

    ``score_ib = |mean_x(a_i) d_ib|`` where ``a_i`` is the input that the weight multiplies (1 for a bias)
    while all stored bits are upset at once, and ``d_ib`` the change of the weight. Needs one forward pass.
    """
    return np.abs(spread(network, evidence["corrupted_input"]) * deltas(network))


def score_grad(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The impact of ``qpolar`` times the size of the gradient.

    ``score_ib = |mean_x(a_i) d_ib| |dL/dw_i|``. Needs a forward and a backward pass.
    """
    return score(network, evidence, seed) * spread(network, np.abs(evidence["gradient"]))


METHOD = Method("qpolar", score, needs=("corrupted_input",), power=0)
GRAD = Method("qpolargrad", score_grad, needs=("corrupted_input", "gradient"), power=0)
