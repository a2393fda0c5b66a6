"""Rates and probabilities: how likely a stored bit is wrong some time after it was last written.

Upsets reach a bit as a Poisson process of rate ``r = flux * cross-section``, and each inverts it. After a
time ``t`` the bit is wrong if an odd number arrived:

    sum over odd k of exp(-r t) (r t)**k / k!  =  exp(-r t) sinh(r t)  =  (1 - exp(-2 r t)) / 2.

That is ``r t`` while it is small and never more than one half. (``1 - exp(-r t)``, often used, is the
probability that the bit was hit at all; it counts a bit that was hit twice, and is right again, as wrong.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, inf, isfinite, log1p

from netsurf.errors import UsageError


@dataclass(frozen=True, slots=True)
class Exposure:
    """How stored bits are upset and made right again.

    Parameters
    ----------
    rate
        Upsets of a stored bit in a second.
    reload
        Seconds between two loads of the whole store from a good copy.
    scrub
        Seconds between two rewrites of a scrubbed bit (scheme ``tmr_scrub``) with what its voter says;
        infinite if there are none. Other bits are not helped by it.

    Raises
    ------
    UsageError
        If a number is not positive (the rate may be 0), or the store is reloaded more often than scrubbed.
    """

    rate: float
    reload: float
    scrub: float = inf

    def __post_init__(self) -> None:
        if not (isfinite(self.rate) and self.rate >= 0):
            raise UsageError(f"{self.rate} upsets of a bit in a second: give a rate of 0 or more")
        if not (isfinite(self.reload) and self.reload > 0):
            raise UsageError(f"{self.reload} s between reloads: give a time above 0, such as --reload 1h")
        if not self.scrub > 0:
            raise UsageError(f"{self.scrub} s between scrubs: give a time above 0, such as --scrub 1s")
        if isfinite(self.scrub) and self.scrub >= self.reload:
            raise UsageError(
                f"a scrub every {self.scrub:g} s never comes before the reload at {self.reload:g} s; "
                "leave out --scrub or scrub more often"
            )


def upset_rate(flux: float, cross_section: float) -> float:
    """Upsets of a bit in a second.

    Parameters
    ----------
    flux
        Particles a square centimetre and second.
    cross_section
        Square centimetres a bit, for those particles.
    """
    for what, value in (("flux", flux), ("cross-section", cross_section)):
        if not (isfinite(value) and value >= 0):
            raise UsageError(f"a {what} of {value} is none; give a number of 0 or more")
    return flux * cross_section


def parity(rate: float, seconds: float) -> float:
    """Probability that a bit was inverted an odd number of times: ``(1 - exp(-2 rate seconds)) / 2``.

    >>> round(parity(1e-9, 1.0), 15), round(parity(1.0, 0.5), 4), parity(1.0, 1e9)
    (1e-09, 0.3161, 0.5)
    """
    return -expm1(-2 * rate * seconds) / 2


def voted(ber: float) -> float:
    """Probability that two or three of three replicas are wrong: ``3 b**2 (1 - b) + b**3``.

    >>> voted(0.0), voted(0.5), round(voted(1e-9) / 3e-18, 6)
    (0.0, 0.5, 1.0)
    """
    return ber * ber * (3 - 2 * ber)


def scrubbed(exposure: Exposure, seconds: float) -> float:
    """Probability that the vote over a protected bit is wrong, ``seconds`` after a reload.

    A scrub writes all three replicas with the majority, so that behind it they are all right or all wrong.
    One period carries one state into the other with the same probability ``q = voted(b)``; after ``k``
    periods the bit is wrong with ``(1 - (1 - 2 q)**k) / 2`` (an odd number of changes), and what came
    since the last scrub inverts the vote with ``voted`` of that time's ``b``.

    >>> e = Exposure(rate=1e-6, reload=1000.0, scrub=10.0)
    >>> 50 < scrubbed(Exposure(1e-6, 1000.0), 1000.0) / scrubbed(e, 1000.0) < 101
    True
    """
    periods = int(seconds // exposure.scrub) if isfinite(exposure.scrub) else 0
    rest = seconds - periods * exposure.scrub if periods else seconds
    change = voted(parity(exposure.rate, min(exposure.scrub, seconds)))
    before = -expm1(periods * log1p(-2 * change)) / 2 if periods and change < 0.5 else 0.5 * bool(periods)
    since = voted(parity(exposure.rate, rest))
    return before * (1 - since) + (1 - before) * since
