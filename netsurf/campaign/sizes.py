"""How many faults to draw for a margin and a confidence, from a finite population.

Leveugle, Calvez, Maistri and Vanhauwaert, "Statistical fault injection: quantified error and
confidence", DATE 2009.
"""

from __future__ import annotations

from math import ceil, inf

from netsurf.campaign.statistics import require_confidence
from netsurf.errors import UsageError


def quantile(confidence: float) -> float:
    """Two-sided cut-off of the normal distribution (the paper's ``t``).

    >>> round(quantile(0.95), 2), round(quantile(0.99), 2)
    (1.96, 2.58)
    """
    from scipy.stats import norm

    require_confidence(confidence)
    return float(norm.ppf((1 + confidence) / 2))


def sample_size(
    margin: float,
    confidence: float = 0.95,
    population: float = inf,
    p: float = 0.5,
    cutoff: float | None = None,
) -> int:
    """Faults to draw without replacement so that a proportion is known to within ``margin``.

    ``n = N / (1 + e**2 (N - 1) / (t**2 p (1 - p)))``; for an infinite population ``t**2 p (1 - p) / e**2``.

    Parameters
    ----------
    margin
        Half-width ``e`` of the interval, above 0 and below 1.
    population
        ``N``, the faults that could be drawn.
    p
        Expected proportion; 0.5 asks for the most.
    cutoff
        ``t`` itself, where a table's rounded value is to be reproduced (the paper uses 1.96 and 2.5758).

    >>> sample_size(0.01, 0.95), sample_size(0.01, 0.99), sample_size(0.01, 0.99, 301_056)
    (9604, 16588, 15722)
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin {margin} is outside 0 to 1; choose for example 0.01 (or 1%)")
    if not 0 < p < 1:
        raise UsageError(f"expected proportion {p} is outside 0 to 1; 0.5 is the cautious choice")
    t = quantile(confidence) if cutoff is None else cutoff
    infinite = t * t * p * (1 - p) / margin**2
    if population == inf:
        return ceil(round(infinite, 6))
    if population < 1:
        raise UsageError("the population is empty: no stored bit is left to upset")
    return min(int(population), ceil(round(population / (1 + (population - 1) / infinite), 6)))
