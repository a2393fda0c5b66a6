"""Pools: the independent things that may go wrong in a design point, and what each is when it does.

For a plan of plain and triplicated bits these are the *voted* bits. An unprotected bit goes wrong when
it is upset, a protected one when two or three of its replicas are, and all of them independently; so a
single error over protected bits is exactly the pair (or triple) of upsets in one bit's replicas that
dominates at low rates, and enumerating single errors enumerates those pairs. Upsets that voters mask are
no errors, however many there are.

For schemes that tie stored bits together (parity, SECDED, duplication of whole elements) the things are the
stored bits themselves, check bits included, and what comes of their upsets is left to the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.fault import REPLICAS
from netsurf.harden import DesignPoint
from netsurf.harden.schemes import Scheme
from netsurf.mission.rates import Exposure, parity, scrubbed, voted

Sites = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Things that go wrong independently, all with one probability.

    Parameters
    ----------
    what
        In words.
    probability
        Of each.
    sites
        ``(n, upsets)``: the stored bits whose upset is the error.
    voted
        Whether the error is one bit inverted, so that the table of single upsets of the bare network holds.
    """

    what: str
    probability: float
    sites: Sites
    voted: bool = True

    def __len__(self) -> int:
        return len(self.sites)


def pools_of(design: DesignPoint, exposure: Exposure, seconds: float) -> tuple[Pool, ...]:
    """Pools of a design point, ``seconds`` after a reload; none is empty.

    Scrubbing counts for triplicated bits whose scheme writes back what was voted. (That of a code is left
    out: words are taken to accumulate upsets until the reload.)

    >>> from netsurf.ir import load
    >>> from netsurf.paths import benchmarks
    >>> bare = DesignPoint.unprotected(load(benchmarks() / "dummy"))
    >>> [(pool.what, round(pool.probability, 12)) for pool in pools_of(bare, Exposure(1e-9, 60.0), 60.0)]
    [('unprotected bits', 6e-08)]
    """
    space, upset = design.space, parity(exposure.rate, seconds)
    refreshed = _under(design, lambda scheme: scheme.unit == "bit" and scheme.scrubs)
    coded = _under(design, lambda scheme: scheme.unit != "bit")
    plain = np.setdiff1d(np.arange(space.stored_bits), np.concatenate([space.protected, coded]))
    kept = np.setdiff1d(space.protected, refreshed)
    pools = (
        Pool("unprotected bits", upset, plain[:, None]),
        Pool("triplicated bits", voted(upset), _pairs(kept, space.stored_bits)),
        Pool("scrubbed bits", scrubbed(exposure, seconds), _pairs(refreshed, space.stored_bits)),
        Pool("bits of code words", upset, np.sort(np.concatenate([coded, space.extra]))[:, None], False),
    )
    return tuple(pool for pool in pools if len(pool))


def upset_pool(design: DesignPoint, exposure: Exposure, seconds: float) -> tuple[Pool, ...]:
    """Every stored bit of the design point by itself: right for any scheme, with more to sample."""
    return (Pool("stored bits", parity(exposure.rate, seconds), design.space.sites[:, None], False),)


def _under(design: DesignPoint, wanted: Callable[[Scheme], bool]) -> Sites:
    """Numbers of the bits whose scheme is ``wanted``, ascending."""
    bits = [a.bits for a in design.plan.schemes if wanted(a.entry)]
    return np.sort(np.concatenate([np.empty(0, np.int64), *bits]))


def _pairs(protected: Sites, stored_bits: int) -> Sites:
    """Two replicas of each protected bit, each of the three pairs in turn; a third changes nothing."""
    first = protected % REPLICAS
    second = (first + 1) % REPLICAS
    return np.stack([protected + first * stored_bits, protected + second * stored_bits], axis=1)
