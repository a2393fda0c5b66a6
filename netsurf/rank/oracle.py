"""``oracle`` and ``oracle2``: what an upset does, measured on the integers instead of estimated."""

from __future__ import annotations

from netsurf.errors import UsageError
from netsurf.ir import Network
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores

_METRICS = {"loss": "loss_change", "accuracy": "accuracy_drop"}


def score(network: Network, evidence: Evidence, seed: int, metric: str) -> Scores:
    """The exact harm of every single upset on the calibration split.

    ``score_n = L(bit n upset) - L`` (``metric='loss'``), or the fall of the accuracy
    (``metric='accuracy'``), from the exhaustive campaign of the injector. The best possible order while
    upsets are too rare to meet. Needs one faulty run a stored bit, of which the injector does 10**5 a second.
    """
    if metric not in _METRICS:
        raise UsageError(f"option 'metric' of ranker 'oracle' is '{metric}'; choose loss or accuracy")
    return evidence[_METRICS[metric]]


def score_pairs(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The harm of an upset among other upsets: ``oracle`` corrected for bits that interact.

    ``score_n = mean_x E_F [L(F with n upset) - L(F without)]`` over random sets ``F`` of upsets at a chosen
    BER, of bits that are not yet protected, while protection ``x`` grows
    (:func:`netsurf.rank.interactions.continuous_greedy`). To second order in the BER ``p`` the expectation is
    ``dL_n + p sum_m I_nm`` with the interaction ``I_nm = dL_nm - dL_n - dL_m`` of each pair; the mean over
    ``F`` has all higher orders too. Needs some hundred exhaustive campaigns over a few samples each.
    """
    return evidence["expected_loss_change"]


METHOD = Method(
    "oracle",
    score,
    needs=("loss_change", "accuracy_drop"),
    power=0,
    orderings=("free", "bitplane"),
    options={"metric": "loss"},
)
PAIRS = Method(
    "oracle2", score_pairs, needs=("expected_loss_change",), power=0, orderings=("free", "bitplane")
)
