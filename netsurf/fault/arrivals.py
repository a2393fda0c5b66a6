"""Bernoulli upsets drawn sparsely: only the stored bits that are hit cost time.

Upsets reach each stored bit as a Poisson process in *dose*; a bit is upset at bit error rate ``b`` if its
first upset arrives before the dose ``d(b) = -log(1 - b)``, which happens with probability exactly ``b`` and
independently of every other bit. So one drawing serves all rates: the bits upset at a lower rate are a
subset of those at a higher one (common random numbers), and drawing costs ``S * d`` numbers instead of ``S``.

The process is drawn in bands of dose, each from where the generator stands after the one before, so that
what happens below a dose does not depend on how far the drawing went.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from netsurf.errors import FaultError

FIRST_BAND = 2.0**-12
"""Width of the first band of dose; each next one doubles the dose."""

DENSE = 64
"""Above one arrival in this many bits a table of all bits is faster than sorting the arrivals."""

HIGHEST = 1 - 2.0**-30
"""Above this rate every bit is upset: a rate that the dose cannot tell from 1."""


def dose(ber: float) -> float:
    """``-log(1 - ber)``: the dose by which a bit has been hit with probability ``ber``.

    >>> dose(0.0), round(dose(0.5), 4)
    (0.0, 0.6931)
    """
    if not 0 <= ber <= 1:
        raise FaultError(f"BER {ber} is no probability; choose 0 to 1")
    return float(-np.log1p(-ber)) if ber <= HIGHEST else np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Upsets of ``size`` stored bits up to some dose.

    Parameters
    ----------
    bits
        ``int64``, ascending: the bits that are hit.
    doses
        ``float64``: when the first upset of each arrives.
    size
        Number of bits that could be hit.
    limit
        Dose up to which the drawing is complete.
    """

    bits: NDArray[np.int64]
    doses: NDArray[np.float64]
    size: int
    limit: float

    def upset(self, ber: float) -> NDArray[np.int64]:
        """Bits upset at a rate, ascending and each once.

        Raises
        ------
        FaultError
            If the rate is no probability or lies above what was drawn.
        """
        until = dose(ber)
        if until == np.inf:
            return np.arange(self.size, dtype=np.int64)
        if until > self.limit:
            raise FaultError(f"arrivals were drawn to dose {self.limit:.4g}; BER {ber} needs {until:.4g}")
        return self.bits[self.doses < until]


def arrivals(size: int, ber: float, random: Generator) -> Arrivals:
    """Draw the upsets of ``size`` bits that matter for rates up to ``ber``.

    >>> from netsurf.fault.sample import generator
    >>> low, high = (arrivals(1000, b, generator(1, 0)) for b in (0.01, 0.2))
    >>> low.upset(0.01).tolist() == high.upset(0.01).tolist()
    True
    """
    until = dose(ber)
    drawn = [(np.empty(0, np.int64), np.empty(0))]
    limit, edge = 0.0, FIRST_BAND
    while limit < until < np.inf:
        count = random.poisson(size * (edge - limit))
        drawn.append((random.integers(size, size=count), limit + (edge - limit) * random.random(count)))
        limit, edge = edge, 2 * edge
    bits, doses = (np.concatenate(column) for column in zip(*drawn, strict=True))
    return Arrivals(*_first(bits, doses, size), size, limit)


def _first(
    bits: NDArray[np.int64], doses: NDArray[np.float64], size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each bit once, ascending, with its smallest dose."""
    if DENSE * len(bits) < size:
        order = np.lexsort((doses, bits))
        bits, doses = bits[order], doses[order]
        first = np.ones(len(bits), dtype=bool)
        np.not_equal(bits[1:], bits[:-1], out=first[1:])
        return bits[first], doses[first]
    earliest = np.full(size, np.inf)
    np.minimum.at(earliest, bits, doses)
    hit = np.flatnonzero(earliest < np.inf)
    return hit, earliest[hit]
