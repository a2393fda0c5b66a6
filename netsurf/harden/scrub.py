"""Time: which upsets of a scrubbed store are still there when a word is read.

A scrubber refreshes one word of each store every ``period`` clock cycles, in turn: bits under ``tmr_scrub``
get their voted value in all replicas, code words under ``secded_scrub`` their corrected value. So a word of a
store of ``words`` words is repaired once in ``period * words`` cycles, and what matters is how many upsets
meet in one bit, or code word, between two visits.

Cycles count as in docs/architecture.md: an upset at cycle ``t`` inverts its bit just before the edge that
ends cycle ``t``; a refresh in cycle ``t`` sees it, and writes at that edge; so does a read in cycle ``t``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.harden.design import DesignPoint
from netsurf.harden.resolve import Upset, guarded

LEAD = 1
"""Cycles between the reset of the control and cycle 0, as every engine keeps it: one, which clears flags."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A scrubber.

    Parameters
    ----------
    words, elements
        Words of the store, and elements of a word.
    period
        Cycles from one word's turn to the next one's.
    """

    words: int
    elements: int
    period: int

    @property
    def round(self) -> int:
        """Cycles between two visits of one word."""
        return self.words * self.period

    def next_visit(self, word: int, cycle: int) -> int:
        """First cycle from ``cycle`` on in which a word is refreshed.

        >>> walk = Walk(words=3, elements=4, period=5)
        >>> [walk.next_visit(word, 0) for word in range(3)], walk.next_visit(0, 4)
        ([3, 8, 13], 18)
        """
        first = self.period * (word + 1) - 1 - LEAD
        return first + max(0, -(-(cycle - first) // self.round)) * self.round


@dataclass(frozen=True, slots=True, eq=False)
class Remains:
    """What is left of a history of upsets.

    Parameters
    ----------
    sites
        Numbers of the stored bits that are inverted, ascending.
    upset
        What a reader makes of them.
    flagged
        Whether a scrubber met an error on its way.
    """

    sites: NDArray[np.int64]
    upset: Upset
    flagged: bool


def history(
    design: DesignPoint,
    strikes: Sequence[tuple[int, int]],
    walks: Mapping[str, Walk],
    until: int,
) -> Remains:
    """What a read in cycle ``until`` finds of upsets that came one after the other.

    Parameters
    ----------
    strikes
        ``(cycle, site)``; a site that is struck twice is inverted back. Those after ``until`` are ignored.
    walks
        Tensor to its scrubber; tensors without one keep their upsets (``netsurf.emit.walks`` knows them).
    """
    flagged = False
    left: list[int] = []
    words = _words(design, [(c, s) for c, s in sorted(strikes) if c <= until], walks)
    for (tensor, word), events in words.items():
        inverted: set[int] = set()
        ends = [cycle for cycle, _ in events[1:]] + [until]
        for (cycle, site), end in zip(events, ends, strict=True):
            inverted ^= {site}
            if tensor in walks and walks[tensor].next_visit(word, cycle) < end:
                repaired, seen = refresh(design, np.array(sorted(inverted), dtype=np.int64))
                inverted, flagged = set(repaired.tolist()), flagged or seen
        left += inverted
    sites = np.array(sorted(left), dtype=np.int64)
    return Remains(sites, guarded(design, sites), flagged)


def _words(
    design: DesignPoint, strikes: Sequence[tuple[int, int]], walks: Mapping[str, Walk]
) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Strikes by the word of the store that they hit."""
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for cycle, number in strikes:
        site = design.space.site(number)
        word = site.index // walks[site.tensor].elements if site.tensor in walks else 0
        found.setdefault((site.tensor, word), []).append((cycle, number))
    return found


def refresh(design: DesignPoint, sites: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
    """What one visit makes of the inverted bits of a word, and whether the scrubber saw an error.

    Bits of schemes that are not written back stay as they are, and nobody looks at them.
    """
    size = design.space.stored_bits
    scrubbed = np.isin(sites % size, design.scrubbed)
    upset = guarded(design, sites[scrubbed])
    voted = upset.bits[design.space.is_protected[upset.bits]]
    replicas = [voted + replica * size for replica in range(3)]
    coded = design.guard.repair(sites[scrubbed & design.guard.holds(sites)])
    return np.sort(np.concatenate([sites[~scrubbed], *replicas, coded])), upset.detected
