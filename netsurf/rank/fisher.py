"""``fisher`` and ``fisher_squared_mean``: squared gradients, averaged before or after squaring."""

from __future__ import annotations

from netsurf.ir import Network
from netsurf.rank.bits import spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Diagonal of the empirical Fisher information.

    ``score = mean_x (dL_x/dw)**2`` over the samples ``x``. Squared gradients do not cancel, so a weight
    that helps one sample and hurts another counts. Needs one backward pass a sample.
    """
    return spread(network, evidence["fisher"])


def score_squared_mean(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The square of the mean gradient, which the first NetSurf called fisher.

    ``score = (mean_x dL_x/dw)**2``; orders as ``grad`` does. Needs one backward pass.
    """
    return spread(network, evidence["gradient"] ** 2)


METHOD = Method("fisher", score, needs=("fisher",), power=2)
SQUARED_MEAN = Method("fisher_squared_mean", score_squared_mean, needs=("gradient",), power=2)
