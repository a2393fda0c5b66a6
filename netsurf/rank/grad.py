"""``grad`` and ``grad_norm``: the size of the loss gradient (first called hirescam)."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.bits import min_max, spread
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Weights to which the loss is steepest first.

    ``score = |dL/dw|`` at the stored weights. In the free ordering, times the size of the upset, it is
    the first-order estimate of the change of loss. The first NetSurf paired gradients with the wrong
    weights. Needs one backward pass over the calibration split.
    """
    return spread(network, np.abs(evidence["gradient"]))


def score_norm(network: Network, evidence: Evidence, seed: int) -> Scores:
    """As ``grad``, scaled to 0..1 within each tensor.

    ``score = (|g| - min|g|) / (max|g| - min|g|)`` over the elements of the tensor (0 in a tensor of equal
    values). Needs one backward pass over the calibration split.
    """
    return spread(network, min_max(network, np.abs(evidence["gradient"])))


METHOD = Method("grad", score, needs=("gradient",))
NORM = Method("grad_norm", score_norm, needs=("gradient",))
