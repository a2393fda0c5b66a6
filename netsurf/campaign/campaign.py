"""Campaign: a spec on a problem, ready to compute any of its chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.cells import Cell, make_cells
from netsurf.campaign.draw import Drawer, fault_list, make_drawer, single_faults
from netsurf.campaign.layout import Layout, Piece, make_layout
from netsurf.campaign.metrics import Columns, Metric, columns_for, default_metric, metric
from netsurf.campaign.population import population_bits
from netsurf.campaign.problem import Problem
from netsurf.campaign.score import Scorer
from netsurf.campaign.shared import by_rate, flips, hits, sharable
from netsurf.campaign.spec import CampaignSpec, digest
from netsurf.errors import FaultError, UsageError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint

Sites = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Campaign:
    """Everything that a worker needs to compute rows.

    Parameters
    ----------
    spec
        What to do.
    problem
        On what.
    faults
        The fault list of mode ``list``, otherwise None.
    rankings
        Ranker to its order of all stored bits, for rankers that need more than the network; the others
        are computed.

    Raises
    ------
    FaultError
        If the population is empty, or a listed fault does not exist in some design point.
    UsageError
        If the strict rule is asked for a metric that is not bounded.
    UnknownNameError
        If the population or a metric names what the network does not have.
    """

    spec: CampaignSpec
    problem: Problem
    faults: FaultList | None = None
    rankings: Mapping[str, Sites] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns_for(self.metrics, self.problem.network.task)
        if self.spec.strict and not self.metric.counts:
            raise UsageError(
                f"the strict rule holds for values in [0, 1], which {self.metrics[0]} is not; watch a rate, "
                "such as --metric sdc, or leave --strict out"
            )
        for cell in self.cells:
            if self.faults is not None:
                cell.design.space.require(self.faults.sites)
            if not len(cell.sites):
                raise FaultError(
                    f"no stored bit of population '{self.spec.population}' is left to upset at protection "
                    f"{cell.protection:g}; choose a wider population or a lower protection"
                )

    @cached_property
    def bits(self) -> Sites:
        """Population: stored bits (below ``S``) that may be hit."""
        return population_bits(self.problem.network, self.spec.population)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Points of the grid."""
        return make_cells(self.spec, self.problem.network, self.bits, self.rankings)

    @cached_property
    def drawer(self) -> Drawer:
        """How the faults are drawn."""
        return make_drawer(self.spec, self.problem.network, self.bits, self.faults)

    @cached_property
    def layout(self) -> Layout:
        """The trials and their chunks."""
        return make_layout(self.spec, tuple(self.drawer.count(cell) for cell in self.cells))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the recorded metrics; the first is watched."""
        return self.spec.metric or (default_metric(self.problem.network.task),)

    @property
    def metric(self) -> Metric:
        """The watched metric."""
        return metric(self.metrics[0], self.problem.network.task)[0]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What the rows depend on."""
        digests = {
            "network": self.problem.network.digest,
            "problem": self.problem.digest,
            "plans": [cell.plan for cell in self.cells],
        }
        if self.faults is not None:
            digests["fault_list"] = _list_digest(self.faults)
        return self.spec.identity(**digests)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the identity: names the run folder."""
        return digest(self.identity)

    @cached_property
    def cell_columns(self) -> dict[str, list[Any]]:
        """What the store says about every cell, beside the rows of its trials."""
        spec, network = self.spec, self.problem.network.digest
        constants = (spec.mode, spec.fault, spec.population, spec.split, spec.seed, network)
        names = ("mode", "fault", "population", "split", "seed", "network")
        columns: dict[str, list[Any]] = {
            "cell": [cell.number for cell in self.cells],
            "ranker": [cell.ranker for cell in self.cells],
            "protection": [cell.protection for cell in self.cells],
            "ber": [cell.ber for cell in self.cells],
            "plan": [cell.plan for cell in self.cells],
        }
        return columns | {
            name: [value] * len(self.cells) for name, value in zip(names, constants, strict=True)
        }

    def draw(self, pieces: Sequence[Piece]) -> dict[int, list[Sites]]:
        """Sites of every fault of some pieces, by cell; drawn so that cells share their random numbers."""
        drawn: dict[int, list[Sites]] = {piece.cell: [] for piece in pieces}
        first = min((piece.start for piece in pieces), default=0)
        last = max((piece.stop for piece in pieces), default=0)
        for fault in range(first, last):
            for piece in pieces:
                if piece.start <= fault < piece.stop:
                    drawn[piece.cell].append(self._sites(piece.cell, fault))
        return drawn

    def _sites(self, cell: int, fault: int) -> Sites:
        return self.drawer.sites(self.cells[cell], fault)

    def compute(self, chunk: int, live: Collection[int], scorer: Scorer) -> Columns:
        """Rows of a chunk, ordered by trial.

        Parameters
        ----------
        live
            Numbers of the cells that still run.

        Returns
        -------
        ``trial``, ``cell``, ``repetition``, ``site`` (the bit that a sweep upsets, otherwise -1), ``flips``,
        ``detected``, ``samples`` and the columns of the metrics.
        """
        pieces = self.layout.pieces(chunk, live)
        parts = list(self._parts(pieces, scorer))
        rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.argsort(rows["trial"], kind="stable")
        return {name: column[order] for name, column in rows.items()}

    def _parts(self, pieces: Sequence[Piece], scorer: Scorer) -> Iterator[Columns]:
        """Rows of some pieces: voted together where that can be, else cell by cell."""
        if sharable(self.spec, self.cells):
            first, last = min(p.start for p in pieces), max(p.stop for p in pieces)
            for fault in range(first, last):
                cells = [self.cells[p.cell] for p in pieces if p.start <= fault < p.stop]
                yield from (self._together(fault, *group, scorer) for group in by_rate(cells))
            return
        drawn = self.draw(pieces) if self.layout.grid else {}
        yield from (self._rows(piece, drawn.get(piece.cell, ()), scorer) for piece in pieces)

    def _together(self, fault: int, ber: float, cells: Sequence[Cell], scorer: Scorer) -> Columns:
        """Rows of one repetition of all cells of one rate; see :mod:`netsurf.campaign.shared`."""
        hit = hits(self.drawer, fault, ber)
        columns, top = columns_for(self.metrics, self.problem.network.task)
        scored = scorer.score(self.bare, flips([hit.voted(cell) for cell in cells]), columns, top)
        numbers = np.array([cell.number for cell in cells])
        return {
            "trial": fault * len(self.layout.counts) + numbers,
            "cell": numbers.astype(np.int32),
            "repetition": np.full(len(cells), fault, dtype=np.int64),
            "site": np.full(len(cells), -1, dtype=np.int64),
            "flips": np.array([hit.upsets(cell) for cell in cells], dtype=np.int32),
            "detected": np.array([hit.detected(cell) for cell in cells]),
            "samples": np.full(len(cells), self.problem.samples, dtype=np.int32),
            **{name: scored[name] for name in columns},
        }

    @cached_property
    def bare(self) -> DesignPoint:
        """The network without protection."""
        return DesignPoint.unprotected(self.problem.network)

    def _rows(self, piece: Piece, drawn: Sequence[Sites], scorer: Scorer) -> Columns:
        cell = self.cells[piece.cell]
        faults, sites = self._faults(cell, piece, drawn)
        columns, top = columns_for(self.metrics, self.problem.network.task)
        scored = scorer.score(cell.design, faults, columns, top)
        return {
            "trial": self.layout.trials(piece),
            "cell": np.full(len(piece), piece.cell, dtype=np.int32),
            "repetition": np.arange(piece.start, piece.stop, dtype=np.int64),
            "site": np.full(len(piece), -1, dtype=np.int64) if sites is None else sites,
            "flips": faults.counts.astype(np.int32),
            "detected": scored["detected"],
            "samples": np.full(len(piece), self.problem.samples, dtype=np.int32),
            **{name: scored[name] for name in columns},
        }

    def _faults(self, cell: Cell, piece: Piece, drawn: Sequence[Sites]) -> tuple[FaultList, Sites | None]:
        """Faults of a piece and, for a sweep, the bit that each was drawn at."""
        network = self.problem.network
        if self.faults is not None:
            faults = self.faults.slice(piece.start, piece.stop)
            return faults, faults.sites if (faults.counts == 1).all() else None
        if self.layout.grid:
            return fault_list(self.spec, network, cell, drawn), None
        sites = self.drawer.singles(cell, piece.start, piece.stop)
        return single_faults(self.spec, network, cell, sites), sites


def _list_digest(faults: FaultList) -> str:
    hasher = hashlib.sha256()
    for column in (faults.sites, faults.offsets, faults.kinds, faults.cycles):
        hasher.update(column.astype("<i8").tobytes())
    return hasher.hexdigest()
