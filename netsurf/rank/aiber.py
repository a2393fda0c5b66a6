"""``aiber``: let gradient descent look for the upsets that move the outputs most."""

from __future__ import annotations

from netsurf.ir import Network
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Flip probabilities learnt to disturb the outputs.

    Each bit has a probability ``P = sigmoid(P')`` with ``P' = -4`` at first, and weights are
    ``w + sum_b P_b d_b``. Adam (rate 0.01) lowers ``-mean (f(w) - f(w + sum P d))**2 + 0.01 sum P`` for 10
    epochs over 100 samples; after each, the 5 % of the bits of each tensor that are still free and have
    the largest ``P`` are frozen. ``score = P + epochs left when frozen``. The first NetSurf computed this
    and never wrote it back. Needs ten forward and backward passes.
    """
    return evidence["flip_probability"]


METHOD = Method("aiber", score, needs=("flip_probability",), power=0, orderings=("free", "bitplane"))
