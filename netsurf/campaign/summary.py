"""Summaries: what the rows of a campaign say, cell by cell, with intervals that hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.cells import Cell
from netsurf.campaign.draw import stratum
from netsurf.campaign.metrics import metric
from netsurf.campaign.sequences import sequence
from netsurf.campaign.statistics import Interval, student
from netsurf.campaign.store import Store
from netsurf.campaign.strata import Stratum, combine, combine_rates

Columns = dict[str, NDArray[Any]]

NOTABLE = 0.001
"""Fall of the accuracy above which a single upset is called critical: 0.1 point."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A proportion with what it was counted from."""

    k: int
    n: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One cell of a campaign.

    Parameters
    ----------
    stored_bits
        Of the design point, replicas included (with ``ideal`` protection there are none).
    population
        Stored bits of it that may be upset.
    trials
        Faulty models, or single faults.
    metrics
        Name to the mean over the trials with its interval.
    counts
        Name to (k, n) for metrics that count samples.
    upsets
        Mean number of upset stored bits in a trial.
    detected
        Trials in which a voter saw replicas that differ.
    """

    ranker: str
    protection: float
    ber: float | None
    stored_bits: int
    population: int
    trials: int
    metrics: dict[str, Interval]
    counts: dict[str, tuple[int, int]]
    upsets: float
    detected: int


def summarise(campaign: Campaign, store: Store, chunks: Iterable[int]) -> list[CellSummary]:
    """Summaries of all cells that have rows, in the order of the cells."""
    names = dict.fromkeys([*campaign.metrics, "sdc"])
    columns = {metric(name, campaign.problem.network.task)[0].column for name in names}
    rows = store.read(chunks, ["trial", "cell", "site", "samples", "flips", "detected", *sorted(columns)])
    chosen = [(cell, rows["cell"] == cell.number) for cell in campaign.cells]
    return [
        _cell(campaign, cell, {name: column[here] for name, column in rows.items()}, list(names))
        for cell, here in chosen
        if here.any()
    ]


def _cell(campaign: Campaign, cell: Cell, rows: Columns, names: list[str]) -> CellSummary:
    metrics, counts = {}, {}
    for name in names:
        entry, _ = metric(name, campaign.problem.network.task)
        metrics[name] = _interval(campaign, cell, rows, entry.values(rows))
        if entry.counts:
            metrics[name] = metrics[name].within(0, 1)
            counts[name] = int(rows[entry.column].sum()), int(rows["samples"].sum())
    return CellSummary(
        cell.ranker,
        cell.protection,
        cell.ber,
        cell.design.space.size,
        len(cell.sites),
        len(rows["trial"]),
        metrics,
        counts,
        float(rows["flips"].mean()),
        int(rows["detected"].sum()),
    )


def _interval(campaign: Campaign, cell: Cell, rows: Columns, values: NDArray[np.float64]) -> Interval:
    """The rule that fits how the cell was drawn, and how often it was looked at."""
    spec = campaign.spec
    if spec.mode == "exhaustive":
        mean = float(values.mean())
        return Interval(mean, mean, mean, 1.0, len(values), "census")
    if spec.mode == "sample":
        return combine(_strata(campaign, cell, rows, values), spec.confidence)
    if spec.margin is None:
        return student(values, spec.confidence)
    strict = spec.strict and bool(0 <= values.min() <= values.max() <= 1)
    return sequence(values, spec.confidence, strict)


def _strata(campaign: Campaign, cell: Cell, rows: Columns, values: NDArray[np.float64]) -> list[Stratum]:
    drawn = stratum(campaign.problem.network, cell, rows["site"])
    populations = np.bincount(stratum(campaign.problem.network, cell, cell.sites))
    count, total, squares = (np.bincount(drawn, w, len(populations)) for w in (None, values, values**2))
    table = zip(populations.tolist(), count.tolist(), total.tolist(), squares.tolist(), strict=True)
    return [Stratum(*entry) for entry in table if entry[0]]


@dataclass(frozen=True, slots=True)
class TensorSummary:
    """Single upsets of one stored tensor of one cell.

    Parameters
    ----------
    mean, worst
        Of the watched metric over the upsets.
    worst_site
        Number of the stored bit whose upset hurts most.
    harmful
        Upsets that change at least one decision.
    critical
        Upsets that cost more than :data:`NOTABLE` accuracy; None for regression.
    """

    tensor: str
    faults: int
    mean: float
    worst: float
    worst_site: int
    harmful: Rate
    critical: Rate | None


def by_tensor(campaign: Campaign, store: Store, chunks: Iterable[int], cell: Cell) -> list[TensorSummary]:
    """Summaries of the single upsets of a cell, tensor by tensor."""
    entry = campaign.metric
    rows = store.read(chunks, ["trial", "cell", "site", "samples", "sdc", entry.column])
    keep = (rows["cell"] == cell.number) & (rows["site"] >= 0)
    rows = {name: column[keep] for name, column in rows.items()}
    bits = rows["site"] % campaign.problem.network.stored_bits
    found = []
    for name, offset in cell.design.space.offsets.items():
        here = (bits >= offset) & (bits < offset + campaign.problem.network.parameters[name].stored_bits)
        if here.any():
            part = {column: values[here] for column, values in rows.items()}
            found.append(_tensor(campaign, cell, name, part))
    return found


def _tensor(campaign: Campaign, cell: Cell, name: str, rows: Columns) -> TensorSummary:
    values = campaign.metric.values(rows)
    worst = int(values.argmin() if campaign.metric.higher else values.argmax())
    critical = None
    if campaign.metric.name == "accuracy":
        from netsurf.campaign.metrics import golden_metric

        lost = golden_metric(campaign.problem, "accuracy") - values
        critical = _rate(campaign, cell, name, rows, lost > NOTABLE)
    return TensorSummary(
        name,
        len(values),
        float(values.mean()),
        float(values[worst]),
        int(rows["site"][worst]),
        _rate(campaign, cell, name, rows, rows["sdc"] > 0),
        critical,
    )


def _rate(campaign: Campaign, cell: Cell, tensor: str, rows: Columns, hits: NDArray[np.bool_]) -> Rate:
    """Proportion of upsets of one tensor, estimated over its strata."""
    network, offset = campaign.problem.network, cell.design.space.offsets[tensor]
    bits = cell.sites % network.stored_bits
    held = cell.sites[(bits >= offset) & (bits < offset + network.parameters[tensor].stored_bits)]
    populations = np.bincount(stratum(network, cell, held))
    drawn = stratum(network, cell, rows["site"])
    counts = np.bincount(drawn, minlength=len(populations))
    found = np.bincount(drawn, hits, len(populations)).astype(np.int64)
    interval = combine_rates(populations, counts, found, campaign.spec.confidence)
    return Rate(int(hits.sum()), len(hits), interval)
