"""What voters and checkers make of many faults at once: :func:`netsurf.harden.resolve` for a whole list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault import REPLICAS, FaultList, FaultSpace
from netsurf.fault.lists import KINDS, PERSISTENT
from netsurf.harden import DesignPoint, site_values

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Voted effect of each fault of a list.

    Parameters
    ----------
    bits
        Numbers (below ``S``) of the bits whose voted value is inverted, fault after fault, ascending.
    offsets
        Fault ``f`` inverts ``bits[offsets[f] : offsets[f + 1]]``.
    detected
        ``bool (faults,)``: whether some voter sees replicas that differ.
    """

    bits: Codes
    offsets: Codes
    detected: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.detected)

    def of(self, fault: int) -> Codes:
        """Bits that a fault inverts."""
        return self.bits[self.offsets[fault] : self.offsets[fault + 1]]

    @property
    def counts(self) -> Codes:
        """Number of bits that each fault inverts."""
        return np.diff(self.offsets)


def vote(design: DesignPoint, faults: FaultList, ideal: bool = False) -> Votes:
    """Vote every fault of a list.

    Parameters
    ----------
    ideal
        Protected bits cannot be upset at all: a comparison with models of protection that ignore
        residual failures, not what any hardware does.

    Raises
    ------
    FaultError
        If a site does not exist in the design point, or a fault has a clock cycle.
    """
    require_persistent(faults)
    space = design.space
    space.require(faults.sites)
    owner, sites = _inverted(design, faults)
    size, guard = space.stored_bits, design.guard
    if ideal:
        free = ~(space.is_protected | guard.is_guarded)[sites % size]
        owner, sites = owner[free], sites[free]
    if not guard:
        return _votes(len(faults), *_voted(space, owner, sites))
    coded = guard.holds(sites)
    parts = _voted(space, owner[~coded], sites[~coded]), guard.decode(owner[coded], sites[coded])
    owner, bits, flagged = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((bits, owner))
    return _votes(len(faults), owner[order], bits[order], flagged)


def _inverted(design: DesignPoint, faults: FaultList) -> tuple[Codes, Codes]:
    """Fault and number of each stored bit that is inverted, each once, ascending."""
    universe = design.space.classes * design.space.stored_bits
    owner = np.repeat(np.arange(len(faults)), faults.counts)
    owner, sites = np.divmod(np.unique(owner * universe + faults.sites), universe)
    changes = _changes(design, faults, owner, sites)
    return owner[changes], sites[changes]


def _voted(space: FaultSpace, owner: Codes, sites: Codes) -> tuple[Codes, Codes, Codes]:
    """Fault and number of each bit that reads inverted, ascending; faults that a voter sees."""
    size = space.stored_bits
    keys, upsets = np.unique(owner * size + sites % size, return_counts=True)
    owner, bits = np.divmod(keys, size)
    protected = space.is_protected[bits]
    inverted = ~protected | (2 * upsets > REPLICAS)
    return owner[inverted], bits[inverted], owner[protected & (upsets < REPLICAS)]


def _votes(faults: int, owner: Codes, bits: Codes, flagged: Codes) -> Votes:
    detected = np.bincount(flagged, minlength=faults) > 0
    return Votes(bits, np.searchsorted(owner, np.arange(faults + 1)), detected)


def _changes(design: DesignPoint, faults: FaultList, owner: Codes, sites: Codes) -> NDArray[np.bool_]:
    """Which upset sites hold another value than before; a bit stuck at its own value does not."""
    changes = np.ones(len(sites), dtype=bool)
    stuck = faults.kinds[owner] != KINDS.index("flip")
    level = faults.kinds[owner[stuck]] == KINDS.index("stuck1")
    changes[stuck] = site_values(design, sites[stuck]) != level
    return changes


def require_persistent(faults: FaultList) -> None:
    """Raise FaultError naming the first fault that has a clock cycle."""
    if (faults.cycles != PERSISTENT).any():
        fault = int(np.argmax(faults.cycles != PERSISTENT))
        raise FaultError(f"fault {fault} has a cycle; the fast injector has no clock, use an RTL engine")
