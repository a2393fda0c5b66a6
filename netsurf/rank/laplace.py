"""``laplace``: the curvature of the loss along each weight, from random probes."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.bits import spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Size of the Hessian's diagonal, estimated by Hutchinson's method.

    ``score = |mean_z z * (H z)|`` over Rademacher vectors ``z`` (Bekas, Kokiopoulou and Saad, Appl. Numer.
    Math. 57, 2007). Probes are drawn until the estimate moves by less than a set part. Needs one
    Hessian-vector product a probe; ``taylor2`` reads the exact diagonal instead.
    """
    return spread(network, np.abs(evidence["hutchinson_diagonal"]))


METHOD = Method("laplace", score, needs=("hutchinson_diagonal",), power=2)
