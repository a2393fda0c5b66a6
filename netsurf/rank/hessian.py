"""``hessian``, ``hessian_fkeras`` and ``hessiandelta``: leading eigenpairs of the Hessian of the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UsageError
from netsurf.ir import Network
from netsurf.rank.bits import deltas, from_planes, reals, spread, to_planes
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def _leading(evidence: Evidence, prefix: str, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first ``k`` eigenvalues ``(..., k)`` and eigenvectors ``(..., k, E)``."""
    values, vectors = evidence[f"{prefix}eigenvalues"], evidence[f"{prefix}eigenvectors"]
    if not 1 <= k <= values.shape[-1]:
        raise UsageError(f"option 'k' is {k}; 1 to {values.shape[-1]} eigenpairs were measured")
    return values[..., :k], vectors[..., :k, :]


def score(network: Network, evidence: Evidence, seed: int, k: int) -> Scores:
    """Weights that lie along the sharpest directions of the loss, as the first NetSurf weighs them.

    ``score_i = sum_k |lambda_k v_ki w_i|`` over the ``k`` eigenpairs of the Hessian of ``L`` that are
    largest in size. Needs Hessian-vector products over the calibration split, some tens an eigenpair.
    """
    values, vectors = _leading(evidence, "", k)
    return spread(network, np.abs(values[:, None] * vectors * reals(network)).sum(axis=0))


def score_fkeras(network: Network, evidence: Evidence, seed: int, k: int) -> Scores:
    """As ``hessian``, with FKeras' projection of the whole weight vector on each eigenvector.

    ``score_i = sum_k |(lambda_k v_k . w) lambda_k v_ki|`` (Weng et al., FKeras, ACM J. Auton. Transport.
    Syst. 2024, doi 10.1145/3665334; ``HessianMetrics.hessian_ranking_general``, strategy ``sum``).
    """
    values, vectors = _leading(evidence, "", k)
    projection = values * (vectors @ reals(network))
    return spread(network, np.abs((projection * values)[:, None] * vectors).sum(axis=0))


def score_delta(network: Network, evidence: Evidence, seed: int, k: int) -> Scores:
    """As ``hessian``, of the network that consists of upsets only, plane by plane.

    For plane ``b`` all weights are replaced by their deltas ``d`` (see ``graddelta``), and
    ``score_ib = sum_k |lambda_k v_ki d_i|`` with the eigenpairs there. Costs ``hessian`` once a plane.
    """
    values, vectors = _leading(evidence, "delta_", k)
    planes = to_planes(network, deltas(network))
    return from_planes(network, np.abs(values[..., None] * vectors * planes[:, None]).sum(axis=1))


METHOD = Method("hessian", score, needs=("eigenvalues", "eigenvectors"), options={"k": 3})
FKERAS = Method("hessian_fkeras", score_fkeras, needs=("eigenvalues", "eigenvectors"), options={"k": 3})
DELTA = Method(
    "hessiandelta", score_delta, needs=("delta_eigenvalues", "delta_eigenvectors"), power=0, options={"k": 3}
)
