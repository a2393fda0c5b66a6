"""What the voters make of a whole list of faults: :func:`netsurf.harden.resolve`, many faults at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault import REPLICAS, FaultList
from netsurf.fault.lists import KINDS, PERSISTENT
from netsurf.harden import DesignPoint
from netsurf.harden.resolve import stored_values

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
    size = space.stored_bits
    owner = np.repeat(np.arange(len(faults)), faults.counts)
    owner, sites = np.divmod(np.unique(owner * (REPLICAS * size) + faults.sites), REPLICAS * size)
    changes = _changes(design, faults, owner, sites % size)
    if ideal:
        changes &= ~space.is_protected[sites % size]
    keys, upsets = np.unique(owner[changes] * size + sites[changes] % size, return_counts=True)
    owner, bits = np.divmod(keys, size)
    protected = space.is_protected[bits]
    detected = np.bincount(owner[protected & (upsets < REPLICAS)], minlength=len(faults)) > 0
    inverted = ~protected | (2 * upsets > REPLICAS)
    offsets = np.searchsorted(owner[inverted], np.arange(len(faults) + 1))
    return Votes(bits[inverted], offsets, detected)


def _changes(design: DesignPoint, faults: FaultList, owner: Codes, bits: Codes) -> NDArray[np.bool_]:
    """Which upset sites hold another value than before; a bit stuck at its own value does not."""
    changes = np.ones(len(bits), dtype=bool)
    stuck = faults.kinds[owner] != KINDS.index("flip")
    level = faults.kinds[owner[stuck]] == KINDS.index("stuck1")
    changes[stuck] = stored_values(design.space, bits[stuck]) != level
    return changes


def require_persistent(faults: FaultList) -> None:
    """Raise FaultError naming the first fault that has a clock cycle."""
    if (faults.cycles != PERSISTENT).any():
        fault = int(np.argmax(faults.cycles != PERSISTENT))
        raise FaultError(f"fault {fault} has a cycle; the fast injector has no clock, use an RTL engine")
