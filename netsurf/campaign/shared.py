"""Bernoulli flips of many design points at once: drawn once, voted by sets, run on one network.

The cells of a campaign share their upsets, so what differs between design points at one rate is only which
of the hit bits are protected. The vote of a repetition is then two selections from sets that all cells
share: hit bits of replica 0 that are not protected, and bits hit in two replicas or more that are. The bits
that come out are inverted in the unprotected network, which has the same values as the voted one. The
rows are those of :meth:`netsurf.campaign.campaign.Campaign.compute`, which tests compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.cells import Cell
from netsurf.campaign.draw import Bernoulli
from netsurf.campaign.spec import CampaignSpec
from netsurf.fault import REPLICAS, FaultList
from netsurf.fault.lists import KINDS, PERSISTENT

Sites = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Stored bits that one repetition hits at one rate.

    Parameters
    ----------
    first
        Bits hit in replica 0.
    others
        Bits hit in the other replicas, each as often as it is.
    twice
        Bits hit in two replicas or more: what outvotes the rest.
    split
        Bits hit in some replicas and not in all: what a voter sees.
    """

    first: Sites
    others: Sites
    twice: Sites
    split: Sites

    @classmethod
    def of(cls, first: Sites, others: Sites, stored_bits: int) -> Hits:
        """From the hits of replica 0 and of the others; none is there twice in one replica."""
        counts = np.bincount(others, minlength=stored_bits).astype(np.uint8)
        counts[first] += 1
        split = np.flatnonzero((counts > 0) & (counts < REPLICAS))
        return cls(first, others, np.flatnonzero(counts > 1), split)

    def voted(self, cell: Cell) -> Sites:
        """Bits whose value is inverted behind the voters of a cell."""
        protected = cell.design.space.is_protected
        if not len(cell.design.space.protected):
            return self.first
        return np.concatenate([self.first[~protected[self.first]], self.twice[protected[self.twice]]])

    def upsets(self, cell: Cell) -> int:
        """Stored bits of the cell that are hit, replicas included."""
        return len(self.first) + int(np.count_nonzero(cell.design.space.is_protected[self.others]))

    def detected(self, cell: Cell) -> bool:
        """Whether a voter of the cell sees replicas that differ."""
        return bool(cell.design.space.is_protected[self.split].any())


def sharable(spec: CampaignSpec, cells: Sequence[Cell]) -> bool:
    """Whether cells can be voted together: flips of every bit by itself, read by voters alone."""
    plain = spec.mode == "bernoulli" and spec.fault == "flip" and not spec.ideal
    return plain and not any(cell.design.plan.schemes for cell in cells)


def hits(drawer: Bernoulli, fault: int, ber: float) -> Hits:
    """What fault ``fault`` hits at a rate."""
    first, others, _ = drawer.hit(fault, ber)
    return Hits.of(first, others, drawer.stored_bits)


def by_rate(cells: Sequence[Cell]) -> Iterator[tuple[float, list[Cell]]]:
    """Cells of each rate together, in the order in which rates appear."""
    for ber in dict.fromkeys(cell.ber for cell in cells):
        yield ber or 0.0, [cell for cell in cells if cell.ber == ber]


def flips(voted: Sequence[Sites]) -> FaultList:
    """Persistent flips of the unprotected network, one fault for each set of bits."""
    lengths = [len(bits) for bits in voted]
    return FaultList(
        np.concatenate([np.empty(0, np.int64), *voted]),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        np.full(len(voted), KINDS.index("flip"), dtype=np.uint8),
        np.full(len(voted), PERSISTENT, dtype=np.int64),
    )
