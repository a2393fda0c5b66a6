"""Drawing fault lists. Fault ``i`` depends on ``(seed, i)`` alone, through Philox counters."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault.arrivals import Arrivals, arrivals
from netsurf.fault.lists import PERSISTENT, FaultList
from netsurf.fault.space import REPLICAS, FaultSpace


def generator(seed: int, *counters: int) -> Generator:
    """The random generator of one (seed, counters): the same on any worker, in any order.

    >>> generator(1, 7).integers(100) == generator(1, 7).integers(100)
    True
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=counters)
    return Generator(Philox(sequence))


def exhaustive(space: FaultSpace) -> FaultList:
    """Every stored bit upset once, alone: fault ``i`` upsets the ``i``-th site of the design point."""
    return FaultList.single(space.sites)


def exact_count(space: FaultSpace, faults: int, flips: int, seed: int) -> FaultList:
    """``faults`` faults of exactly ``flips`` distinct stored bits each, uniform over the design point.

    Raises
    ------
    FaultError
        If a fault would need more stored bits than there are, or fewer than one.
    """
    if not 1 <= flips <= space.size:
        raise FaultError(
            f"{flips} upsets a fault: choose 1 to {space.size}, the stored bits of the design point"
        )
    draws = [
        space.sites[np.sort(generator(seed, i).choice(space.size, flips, replace=False, shuffle=False))]
        for i in range(faults)
    ]
    return _collect(draws)


def bernoulli(space: FaultSpace, faults: int, ber: float, seed: int) -> FaultList:
    """``faults`` faults in each of which every stored bit is upset with probability ``ber``.

    Common random numbers: fault ``i`` at a higher BER, or of a design point with more protected
    bits, upsets a superset of the same stored bits (:mod:`netsurf.fault.arrivals`).

    Raises
    ------
    FaultError
        If ``ber`` is not a probability.
    """
    if not 0 <= ber <= 1:
        raise FaultError(f"BER {ber} is no probability; choose 0 to 1")
    return _collect([bernoulli_sites(space, i, ber, seed) for i in range(faults)])


def bernoulli_sites(space: FaultSpace, fault: int, ber: float, seed: int) -> NDArray[np.int64]:
    """Sites of fault ``fault`` of :func:`bernoulli`, ascending."""
    drawn = upset_sites(space, draw(space.stored_bits, fault, ber, seed, space.classes), ber)
    return drawn[space.exists(drawn)]


def draw(bits: int, fault: int, ber: float, seed: int, replicas: int = REPLICAS) -> list[Arrivals]:
    """Draw fault ``fault``: arrivals at ``bits`` stored bits in each class, up to the dose of ``ber``.

    One drawing serves every lower rate, and every design point, of the same seed.
    """
    return [arrivals(bits, ber, generator(seed, fault, replica)) for replica in range(replicas)]


def upset_sites(space: FaultSpace, drawn: list[Arrivals], ber: float) -> NDArray[np.int64]:
    """Site numbers hit at a rate, ascending, whether or not the design point has them."""
    return np.concatenate([a.upset(ber) + r * space.stored_bits for r, a in enumerate(drawn)])


def _collect(draws: list[NDArray[np.int64]]) -> FaultList:
    lengths = np.array([len(d) for d in draws], dtype=np.int64)
    return FaultList(
        np.concatenate([np.empty(0, np.int64), *draws]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.zeros(len(draws), dtype=np.uint8),
        np.full(len(draws), PERSISTENT, dtype=np.int64),
    )
