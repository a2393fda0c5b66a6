"""``graddelta`` and ``graddelta_norm``: the gradient at weights that are deltas (first: hiresdelta)."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.bits import from_planes, min_max
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Gradient of the network that consists of upsets only, plane by plane.

    For plane ``b`` every weight and bias is replaced by ``delta_b``, the change that an upset of its bit
    ``b`` makes (0 where it has no such bit), and ``score = |dL/dw|`` there. The first NetSurf used the
    deltas of an untrained copy. Needs one backward pass a plane.
    """
    return from_planes(network, np.abs(evidence["delta_gradient"]))


def score_norm(network: Network, evidence: Evidence, seed: int) -> Scores:
    """As ``graddelta``, scaled to 0..1 within each tensor of each plane.

    Needs one backward pass a plane.
    """
    return from_planes(network, min_max(network, np.abs(evidence["delta_gradient"])))


METHOD = Method("graddelta", score, needs=("delta_gradient",))
NORM = Method("graddelta_norm", score_norm, needs=("delta_gradient",))
