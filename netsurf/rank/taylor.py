"""``taylor`` and ``taylor2``: the change of loss, expanded in powers of the change of a weight."""

from __future__ import annotations

from netsurf.ir import Network
from netsurf.rank.bits import deltas, reals, spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Squared first-order estimate of the loss without the weight.

    ``score = (g w)**2`` (Molchanov et al., CVPR 2019, eq. 8; FKeras' ``aspis_taylor_ranking``). Needs one
    backward pass over the calibration split.
    """
    return spread(network, (evidence["gradient"] * reals(network)) ** 2)


def score_second(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The change of loss by one upset, to second order.

    ``score_ib = g_i d_ib + d_ib**2 H_ii / 2`` with ``d_ib`` the change of the weight. Signed: a bit whose
    upset lowers the loss comes last. The theory of the first NetSurf asks for it and no ranker of its
    code computes it. Needs a backward pass and, for the exact diagonal of the Hessian of a network of
    relu layers, one backward pass a sample and output.
    """
    change = deltas(network)
    curvature = spread(network, evidence["hessian_diagonal"])
    return spread(network, evidence["gradient"]) * change + 0.5 * change**2 * curvature


METHOD = Method("taylor", score, needs=("gradient",), power=2)
SECOND = Method(
    "taylor2",
    score_second,
    needs=("gradient", "hessian_diagonal"),
    power=0,
    orderings=("free", "bitplane"),
)
