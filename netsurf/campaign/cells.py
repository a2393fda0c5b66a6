"""Cells: the (ranker, protection level, bit error rate) points of a campaign, each with its design point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.spec import CampaignSpec
from netsurf.fault import REPLICAS
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Network

UNRANKED = "none"
"""Ranker of the level 0, which no ranker can change."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One point of the campaign's grid.

    Parameters
    ----------
    number
        Position in the campaign's list of cells.
    ber
        Bit error rate; None where the mode takes none.
    design
        What runs. With ``ideal`` protection it is the unprotected design: the protected bits are never hit.
    plan
        Digest of the protection plan (with ``ideal`` too).
    sites
        ``int64``, ascending: the stored bits of the population that may be hit.
    """

    number: int
    ranker: str
    protection: float
    ber: float | None
    design: DesignPoint
    plan: str
    sites: NDArray[np.int64]

    @cached_property
    def allowed(self) -> NDArray[np.bool_]:
        """``(S,)`` mask of the bits of which replica 0 may be hit."""
        mask = np.zeros(self.design.space.stored_bits, dtype=bool)
        mask[self.sites[self.sites < len(mask)]] = True
        return mask

    @property
    def flips(self) -> int:
        """Upsets of the modes with a fixed count: ``round(P * BER)``, one at least unless the BER is 0."""
        exact = len(self.sites) * (self.ber or 0.0)
        return max(round(exact), 1) if exact else 0

    def __str__(self) -> str:
        ber = "" if self.ber is None else f", BER {self.ber:g}"
        return f"protection {100 * self.protection:g} %{ber}, {self.ranker}"


def make_cells(
    spec: CampaignSpec, network: Network, bits: NDArray[np.int64], rankings: Mapping[str, NDArray[np.int64]]
) -> tuple[Cell, ...]:
    """All cells of a campaign: rankers, then protection levels, then rates.

    Parameters
    ----------
    bits
        Population: numbers (below ``S``) of the bits that may be upset.
    rankings
        Orders of rankers that need more than the network; the others are computed.
    """
    cells: list[Cell] = []
    for ranker, level, design in _designs(spec, network, rankings):
        runs = DesignPoint.unprotected(network) if spec.ideal else design
        sites = _sites(design, bits, spec.ideal)
        for ber in spec.ber or (None,):
            cells.append(Cell(len(cells), ranker, level, ber, runs, design.plan.digest, sites))
    return tuple(cells)


def _designs(spec, network, rankings) -> Sequence[tuple[str, float, DesignPoint]]:
    from netsurf.rank import rank

    designs = [(UNRANKED, 0.0, DesignPoint.unprotected(network))] if 0.0 in spec.protection else []
    levels = [level for level in spec.protection if level]
    for ranker in spec.ranker if levels else ():
        order = rankings[ranker] if ranker in rankings else rank(ranker, network, spec.seed)
        for level in levels:
            notes = {"ranker": ranker, "seed": spec.seed}
            designs.append((ranker, level, DesignPoint(network, plan_by_level(network, order, level, notes))))
    return designs


def _sites(design: DesignPoint, bits: NDArray[np.int64], ideal: bool) -> NDArray[np.int64]:
    protected = design.space.is_protected[bits]
    if ideal:
        return bits[~protected]
    replicas = [bits[protected] + r * design.space.stored_bits for r in range(1, REPLICAS)]
    return np.concatenate([bits, *replicas])
