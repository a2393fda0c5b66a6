"""``weight_abs_value``: the largest weights first."""

from __future__ import annotations

from netsurf.ir import Network
from netsurf.rank.bits import magnitudes
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def score(network: Network, evidence: Evidence, seed: int) -> Scores:
    """The largest weights first.

    ``score = |w|``, the size of the stored value in real units. Reads nothing.
    """
    return magnitudes(network)


METHOD = Method("weight_abs_value", score)
