"""Drawing the faults of a campaign: fault ``i`` of a cell depends on (seed, ``i``) alone.

All cells of a campaign share their random numbers: fault ``i`` of a design point with more protected bits,
or at a higher rate, upsets a superset of the same stored bits, whoever ranked them. So differences between
cells are sharper than the cells themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.cells import Cell
from netsurf.campaign.sizes import sample_size
from netsurf.campaign.spec import CampaignSpec
from netsurf.campaign.strata import allocate
from netsurf.errors import FaultError
from netsurf.fault import REPLICAS, FaultList
from netsurf.fault.arrivals import HIGHEST, Arrivals
from netsurf.fault.lists import KINDS, PERSISTENT
from netsurf.fault.sample import draw, generator
from netsurf.ir import Network

Sites = NDArray[np.int64]

_CANDIDATES = 0x45584143
_SHUFFLE = 0x434F5645
_STRATA = 0x53545241
"""Counters that keep the streams of one seed apart."""

_BLOCK = 1 << 14
"""Candidates drawn at once by :class:`Exact`."""


class Repeats(Protocol):
    """How a mode draws that repeats faults of many upsets."""

    def count(self, cell: Cell) -> int:
        """Faults that the cell has at most."""

    def sites(self, cell: Cell, fault: int) -> Sites:
        """Stored bits that a fault of the cell hits, before bursts spread."""


class Sweeps(Protocol):
    """How a mode draws that goes through single upsets."""

    def count(self, cell: Cell) -> int:
        """Faults that the cell has."""

    def singles(self, cell: Cell, start: int, stop: int) -> Sites:
        """The stored bit that each of the faults ``start .. stop-1`` hits, before bursts spread."""


Drawer = Repeats | Sweeps


def make_drawer(spec: CampaignSpec, network: Network, bits: Sites, faults: FaultList | None) -> Drawer:
    """The drawer of a campaign's mode.

    Parameters
    ----------
    bits
        Population, as :func:`~netsurf.campaign.population.population_bits` returns it.
    faults
        The fault list of mode ``list``.
    """
    match spec.mode:
        case "bernoulli":
            return Bernoulli(spec, bits, network.stored_bits)
        case "exact":
            return Exact(spec, bits, network.stored_bits)
        case "coverage":
            return Coverage(spec, bits, network.stored_bits)
        case "sample":
            return Sample(spec, network)
        case "exhaustive":
            return Exhaustive()
        case _:
            return Listed(len(faults) if faults is not None else 0)


def fault_list(spec: CampaignSpec, network: Network, cell: Cell, drawn: Iterable[Sites]) -> FaultList:
    """Faults with the spec's fault model from the sites that each one hits."""
    spread = [burst(network, cell, sites, spec.burst) for sites in drawn]
    lengths = [len(sites) for sites in spread]
    return FaultList(
        np.concatenate([np.empty(0, np.int64), *spread]),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        np.full(len(spread), KINDS.index(spec.kind), dtype=np.uint8),
        np.full(len(spread), PERSISTENT, dtype=np.int64),
    )


def burst(network: Network, cell: Cell, sites: Sites, length: int) -> Sites:
    """Sites and their next ``length - 1`` neighbours, in the same replica of the same tensor.

    Neighbours in number are neighbours in a word of the weight store. A burst ends with its tensor, and
    skips replicas that the design point does not have.
    """
    if length == 1:
        return sites
    ends = np.cumsum([p.stored_bits for p in network.parameters.values()])
    end = ends[np.searchsorted(ends, sites % network.stored_bits, side="right")] - sites % network.stored_bits
    hit = sites[:, None] + np.minimum(np.arange(length), end[:, None] - 1)
    hit = np.unique(hit)
    return hit[np.isin(hit, cell.design.space.sites)]


def single_faults(spec: CampaignSpec, network: Network, cell: Cell, sites: Sites) -> FaultList:
    """Faults with the spec's fault model, one from each site."""
    if spec.burst > 1:
        return fault_list(spec, network, cell, sites[:, None])
    return replace(FaultList.single(sites), kinds=np.full(len(sites), KINDS.index(spec.kind), dtype=np.uint8))


@dataclass
class Bernoulli:
    """Every stored bit independently; one drawing serves all cells of a repetition."""

    spec: CampaignSpec
    bits: Sites
    stored_bits: int
    _drawn: tuple[int, list[Arrivals]] = (-1, [])
    _hits: dict[float, tuple[Sites, Sites, Sites]] = field(default_factory=dict)

    def count(self, cell: Cell) -> int:
        """As many as the spec repeats."""
        return self.spec.most_repetitions

    def sites(self, cell: Cell, fault: int) -> Sites:
        """Population bits that arrive before the cell's dose, in the replicas that it has; ascending."""
        first, bits, sites = self.hit(fault, cell.ber)
        if self.spec.ideal:
            return first[cell.allowed[first]]
        if not len(cell.design.space.protected):
            return first
        return np.concatenate([first, sites[cell.design.space.is_protected[bits]]])

    def hit(self, fault: int, ber: float) -> tuple[Sites, Sites, Sites]:
        """What cells of one rate share: hits of replica 0; bits and sites of hits of the others."""
        arrived = self._arrivals(fault)
        if ber not in self._hits:
            whole = len(self.bits) == self.stored_bits
            first, *others = (a.upset(ber) if whole else self.bits[a.upset(ber)] for a in arrived)
            none = np.empty(0, np.int64)
            sites = [hit + r * self.stored_bits for r, hit in enumerate(others, start=1)]
            self._hits[ber] = first, np.concatenate([none, *others]), np.concatenate([none, *sites])
        return self._hits[ber]

    def _arrivals(self, fault: int) -> list[Arrivals]:
        if self._drawn[0] != fault:
            self._hits.clear()
            replicas = REPLICAS if any(self.spec.protection) and not self.spec.ideal else 1
            rate = max(
                (ber for ber in self.spec.ber if ber <= HIGHEST), default=0.0
            )  # above, all bits are hit
            self._drawn = fault, draw(len(self.bits), fault, rate, self.spec.seed, replicas)
        return self._drawn[1]


def keep(cell: Cell, ideal: bool, sites: Sites) -> Sites:
    """Those of the sites that may be hit in the cell."""
    if ideal:
        sites = sites[sites < cell.design.space.stored_bits]
        return sites[cell.allowed[sites]]
    return sites[cell.design.space.exists(sites)]


@dataclass
class Exact:
    """``cell.flips`` distinct bits: the first ones of an endless random sequence that the cell has."""

    spec: CampaignSpec
    bits: Sites
    stored_bits: int

    def count(self, cell: Cell) -> int:
        """As many as the spec repeats."""
        return self.spec.most_repetitions

    def sites(self, cell: Cell, fault: int) -> Sites:
        """Uniform without replacement, ascending; nested in the rate."""
        need = cell.flips
        if need == len(cell.sites):
            return cell.sites
        found = np.empty(0, np.int64)
        blocks = 1
        while len(found) < need:
            blocks = 2 * blocks if len(found) or blocks > 1 else max(1, REPLICAS * need // _BLOCK + 1)
            found = _distinct(keep(cell, self.spec.ideal, self._candidates(fault, blocks)))
        return np.sort(found[:need])

    def _candidates(self, fault: int, blocks: int) -> Sites:
        """The first ``blocks`` blocks of the sequence: sites of every replica, with repetition."""
        stream = generator(self.spec.seed, fault, _CANDIDATES)
        universe = len(self.bits) * REPLICAS
        picks = np.minimum((stream.random(blocks * _BLOCK) * universe).astype(np.int64), universe - 1)
        replica, bit = np.divmod(picks, len(self.bits))
        return self.bits[bit] + replica * self.stored_bits


def _distinct(sites: Sites) -> Sites:
    """Each site at its first appearance, in order."""
    _, first = np.unique(sites, return_index=True)
    return sites[np.sort(first)]


@dataclass
class Coverage:
    """A shuffled population in groups, so that every bit is upset exactly once a pass."""

    spec: CampaignSpec
    bits: Sites
    stored_bits: int
    _orders: dict[tuple[int, int], Sites] = field(default_factory=dict)

    def groups(self, cell: Cell) -> int:
        """Faults of one pass: ``ceil(P / flips)``."""
        if not cell.flips:
            raise FaultError(f"coverage at BER {cell.ber:g} upsets nothing; choose a BER above 0")
        return -(-len(cell.sites) // cell.flips)

    def count(self, cell: Cell) -> int:
        """Groups of all passes."""
        return self.groups(cell) * self.spec.most_repetitions

    def sites(self, cell: Cell, fault: int) -> Sites:
        """One group, ascending; the last one of a pass may be smaller."""
        turn, group = divmod(fault, self.groups(cell))
        order = self._order(cell, turn)
        return np.sort(order[group * cell.flips : (group + 1) * cell.flips])

    def _order(self, cell: Cell, turn: int) -> Sites:
        key = cell.number, turn
        if key not in self._orders:
            shuffled = generator(self.spec.seed, turn, _SHUFFLE).permutation(len(self.bits) * REPLICAS)
            replica, bit = np.divmod(shuffled, len(self.bits))
            sites = self.bits[bit] + replica * self.stored_bits
            self._orders = {k: v for k, v in self._orders.items() if k[0] != cell.number}
            self._orders[key] = keep(cell, self.spec.ideal, sites)
        return self._orders[key]


@dataclass
class Sample:
    """Single upsets without replacement, stratified by (tensor, bit) and by whether the bit is protected."""

    spec: CampaignSpec
    network: Network
    _chosen: dict[int, Sites] = field(default_factory=dict)
    _counts: dict[int, int] = field(default_factory=dict)

    def count(self, cell: Cell) -> int:
        """Faults asked for, or as many as the margin needs (Leveugle, DATE 2009); one a stratum at least."""
        if cell.number not in self._counts:
            strata = np.count_nonzero(np.bincount(stratum(self.network, cell, cell.sites)))
            self._counts[cell.number] = max(self._asked(cell), strata)
        return self._counts[cell.number]

    def _asked(self, cell: Cell) -> int:
        if self.spec.margin is None:
            return min(self.spec.most_repetitions, len(cell.sites))
        planned = sample_size(self.spec.margin, self.spec.confidence, len(cell.sites))
        return min(planned, self.spec.repetitions or planned)

    def singles(self, cell: Cell, start: int, stop: int) -> Sites:
        """See :class:`Sweeps`."""
        if cell.number not in self._chosen:
            self._chosen[cell.number] = self._choose(cell)
        return self._chosen[cell.number][start:stop]

    def _choose(self, cell: Cell) -> Sites:
        strata = stratum(self.network, cell, cell.sites)
        order = np.argsort(strata, kind="stable")
        sizes = np.bincount(strata)
        chosen, start = [], 0
        for number, (size, count) in enumerate(zip(sizes, allocate(sizes, self.count(cell)), strict=True)):
            members = cell.sites[order[start : start + size]]
            stream = generator(self.spec.seed, number, _STRATA)
            chosen.append(members[stream.permutation(size)[:count]])
            start += size
        return np.sort(np.concatenate(chosen))


def stratum(network: Network, cell: Cell, sites: Sites) -> NDArray[np.int64]:
    """Stratum of each site: (tensor, bit, protected) as one number."""
    bits = sites % network.stored_bits
    widths = np.array([p.format.width for p in network.parameters.values()])
    ends = np.cumsum([p.stored_bits for p in network.parameters.values()])
    tensor = np.searchsorted(ends, bits, side="right")
    start = (ends - [p.stored_bits for p in network.parameters.values()])[tensor]
    plane = (bits - start) % widths[tensor]
    first = np.concatenate([[0], np.cumsum(widths)])[tensor]
    return 2 * (first + plane) + cell.design.space.is_protected[bits]


@dataclass
class Exhaustive:
    """Every stored bit once, alone, in order of number."""

    def count(self, cell: Cell) -> int:
        """Stored bits of the population."""
        return len(cell.sites)

    def singles(self, cell: Cell, start: int, stop: int) -> Sites:
        """See :class:`Sweeps`."""
        return cell.sites[start:stop]


@dataclass
class Listed:
    """The faults of a list, as they stand: nothing is drawn."""

    length: int

    def count(self, cell: Cell) -> int:
        """Faults of the list."""
        return self.length
