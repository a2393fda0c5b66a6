"""Experiment: rankers side by side, at every protection level and bit error rate, on the same upsets.

One campaign a network: its cells are (ranker, level, BER) and its trials are repetitions of all of them, so
that trial ``t`` upsets the same stored bits whoever ranked them, and chunks are whole repetitions.
Everything that a campaign can do (going on after a kill, several processes, provenance) comes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.cells import UNRANKED
from netsurf.campaign.metrics import golden_metric
from netsurf.campaign.problem import Problem
from netsurf.campaign.spec import make_spec
from netsurf.campaign.store import Store
from netsurf.errors import StoreError, UsageError

Floats = NDArray[np.float64]

LEVELS = (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
BERS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.15)
"""The grid of the first NetSurf's experiment."""

UPSETS_HELD = 40_000_000
"""Upset sites that a chunk may hold in memory at once (8 bytes each), about."""

MOST_IN_CHUNK = 16
"""Repetitions in a chunk at most: what a kill can lose stays a few seconds."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What is measured of every ranking.

    Parameters
    ----------
    levels
        Protection levels above 0, ascending; the unprotected network is always measured too.
    bers
        Bit error rates above 0, ascending.
    trials
        Faulty models of every cell; two at least, for an interval.
    seed
        Of the upsets.
    ideal
        Protected bits are immune instead of triplicated.

    Raises
    ------
    UsageError
        If a level or rate is out of range, there is none, or there are fewer than two trials.
    """

    levels: tuple[float, ...] = LEVELS
    bers: tuple[float, ...] = BERS
    trials: int = 100
    seed: int = 1
    ideal: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", _ascending("protection level", self.levels))
        object.__setattr__(self, "bers", _ascending("bit error rate", self.bers))
        if self.trials < 2:
            raise UsageError(f"{self.trials} trials have no interval; choose two or more")


def _ascending(what: str, values: Iterable[float]) -> tuple[float, ...]:
    values = tuple(sorted(set(values)))
    outside = [value for value in values if not 0 < value <= 1]
    if outside or not values:
        given = f"{outside[0]:g}" if outside else "none"
        raise UsageError(f"{what} {given}: choose one or more above 0 and at most 1")
    return values


def make_campaign(grid: Grid, benchmark: str, problem: Problem, orders: Mapping[str, ArrayLike]) -> Campaign:
    """The campaign that measures some rankings of one network.

    Parameters
    ----------
    orders
        Method to stored bits, most critical first.

    Raises
    ------
    PlanError
        If a ranking is too short for a level.
    """
    cells = 1 + len(orders) * len(grid.levels)
    spec = make_spec(
        benchmark=benchmark,
        mode="bernoulli",
        ber=grid.bers,
        protection=(0.0, *grid.levels),
        ranker=tuple(orders),
        ideal=grid.ideal,
        repetitions=grid.trials,
        seed=grid.seed,
        chunk=len(grid.bers) * cells * _repetitions(grid, cells, problem.network.stored_bits),
    )
    return Campaign(spec, problem, None, {name: np.asarray(bits) for name, bits in orders.items()})


def _repetitions(grid: Grid, cells: int, stored_bits: int) -> int:
    """Repetitions in a chunk, so that its upsets fit in memory."""
    upsets = stored_bits * sum(grid.bers) * cells * (1 + 2 * float(np.mean(grid.levels)))
    return int(np.clip(UPSETS_HELD // max(upsets, 1), 1, MOST_IN_CHUNK))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What a complete experiment found on one network.

    Parameters
    ----------
    methods, levels, bers
        Axes of ``values``.
    metric
        ``accuracy``, or ``mse`` for a regression.
    higher
        Whether more of the metric is better.
    values
        ``float64 (methods, trials, levels, BERs)``: the metric of every faulty model.
    bare
        ``float64 (trials, BERs)``: without protection.
    fault_free
        Without upsets.
    """

    methods: tuple[str, ...]
    levels: tuple[float, ...]
    bers: tuple[float, ...]
    metric: str
    higher: bool
    values: Floats
    bare: Floats
    fault_free: float

    @property
    def trials(self) -> int:
        """Faulty models of every cell."""
        return self.values.shape[1]

    def of(self, method: str) -> Floats:
        """``(trials, levels, BERs)`` of one method."""
        return self.values[self.methods.index(method)]

    @property
    def quality(self) -> Floats:
        """``values`` turned so that more is better."""
        return self.values if self.higher else -self.values


def joined(parts: Sequence[Measured]) -> Measured:
    """Trials of several blocks of samples as one; fault-free it is the mean, by trials."""
    first = parts[0]
    return replace(
        first,
        values=np.concatenate([part.values for part in parts], axis=1),
        bare=np.concatenate([part.bare for part in parts]),
        fault_free=float(np.average([p.fault_free for p in parts], weights=[p.trials for p in parts])),
    )


def read_measured(campaign: Campaign, store: Store, chunks: Iterable[int]) -> Measured:
    """Read the rows of a complete experiment.

    Raises
    ------
    StoreError
        If trials are missing.
    """
    rows = store.read(chunks, ["trial", "cell", "repetition", "samples", campaign.metric.column])
    table = np.full((len(campaign.cells), campaign.spec.most_repetitions), np.nan)
    table[rows["cell"], rows["repetition"]] = campaign.metric.values(rows)
    missing = int(np.isnan(table).sum())
    if missing:
        raise StoreError(f"{store.folder} misses {missing:,} trials; type the same command again")
    grid = {(cell.ranker, cell.protection, cell.ber): table[cell.number] for cell in campaign.cells}
    spec = campaign.spec
    levels = tuple(level for level in spec.protection if level)
    values = [[[grid[m, level, ber] for ber in spec.ber] for level in levels] for m in spec.ranker]
    return Measured(
        spec.ranker,
        levels,
        spec.ber,
        campaign.metric.name,
        campaign.metric.higher,
        np.moveaxis(np.array(values), -1, 1),
        np.array([grid[UNRANKED, 0.0, ber] for ber in spec.ber]).T,
        golden_metric(campaign.problem, campaign.metric.name),
    )
