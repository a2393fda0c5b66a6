"""Metrics: what one fault does to a network's outputs, reduced to a few numbers.

A row of the store keeps counts and means (``correct``, ``sdc``, ``loss`` ...); a metric is read off them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.problem import Problem
from netsurf.engine import decide
from netsurf.errors import UnknownNameError, UsageError
from netsurf.fixed import to_real

Codes = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number that says how good a faulty network is.

    Parameters
    ----------
    name
        As it is asked for and printed.
    column
        Column of the store that it is read from.
    tasks
        Tasks that have it.
    counts
        Whether the column counts samples, so that the metric is ``column / samples`` and lies in [0, 1].
    higher
        Whether more is better.
    """

    name: str
    column: str
    tasks: tuple[str, ...]
    counts: bool
    higher: bool

    def values(self, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The metric of each row."""
        column = np.asarray(rows[self.column], dtype=np.float64)
        return column / np.asarray(rows["samples"], dtype=np.float64) if self.counts else column


_BOTH = ("classification", "regression")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "correct", _BOTH[:1], counts=True, higher=True),
        Metric("topk", "topk", _BOTH[:1], counts=True, higher=True),
        Metric("loss", "loss", _BOTH[:1], counts=False, higher=False),
        Metric("sdc", "sdc", _BOTH, counts=True, higher=False),
        Metric("mse", "mse", _BOTH[1:], counts=False, higher=False),
        Metric("mae", "mae", _BOTH[1:], counts=False, higher=False),
        Metric("r2", "r2", _BOTH[1:], counts=False, higher=True),
    )
}
"""Metrics by name; ``topk`` is asked for as ``top5``, ``top3`` and so on."""

ALWAYS = {"classification": ("correct", "sdc"), "regression": ("sdc", "mse")}
"""Columns that every row of a task has: they cost nothing beside the forward pass."""


def metric(name: str, task: str) -> tuple[Metric, int]:
    """The metric called ``name`` and, for ``topN``, its N (otherwise 1).

    Raises
    ------
    UnknownNameError
        If there is none of that name for the task.

    >>> metric("top3", "classification")[1]
    3
    """
    top = re.fullmatch(r"top([1-9]\d*)", name)
    known = [m.name for m in METRICS.values() if task in m.tasks]
    key = "topk" if top else name
    if key not in known or name == "topk":
        raise UnknownNameError(
            f"metric of a {task} benchmark", name, ["top5" if k == "topk" else k for k in known]
        )
    return METRICS[key], int(top[1]) if top else 1


def default_metric(task: str) -> str:
    """The metric that a campaign watches when none is asked for."""
    return "accuracy" if task == "classification" else "mse"


def columns_for(names: Iterable[str], task: str) -> tuple[tuple[str, ...], int]:
    """Store columns that metrics need, in a fixed order, and the N of ``topN``."""
    chosen = [metric(name, task) for name in names]
    tops = {top for entry, top in chosen if entry.name == "topk"}
    if len(tops) > 1:
        raise UsageError(f"one top-N at a time, not {', '.join(f'top{n}' for n in sorted(tops))}")
    wanted = {entry.column for entry, _ in chosen} | set(ALWAYS[task])
    return tuple(m.column for m in METRICS.values() if m.column in wanted), max(tops, default=1)


def measure(problem: Problem, outputs: Codes, columns: Iterable[str], top: int = 1) -> Columns:
    """Reduce the outputs of faults over all samples of a problem.

    Parameters
    ----------
    outputs
        ``int64 (faults, samples, outputs)``.
    columns
        Names from :data:`METRICS`' columns.

    Returns
    -------
    Column name to one number a fault: ``int32`` counts, ``float64`` means.
    """
    found = {name: _REDUCE[name](problem, outputs, top) for name in columns if name not in _COUNTED}
    if problem.network.task == "regression":
        found["sdc"] = _sdc(problem, outputs)
    elif "correct" in columns or "sdc" in columns:
        chosen = decide(problem.network, outputs)
        found |= {"correct": _count(chosen == problem.labels), "sdc": _count(chosen != problem.decisions)}
    return {name: found[name] for name in columns}


def _sdc(problem: Problem, outputs: Codes) -> NDArray[np.int32]:
    """Regression: samples of which an output moved by more than the tolerance."""
    limit = problem.tolerance * 2.0**problem.network.output.format.fraction
    return _count((np.abs(outputs - problem.golden) > limit).any(axis=-1))


def _topk(problem: Problem, outputs: Codes, top: int) -> NDArray[np.int32]:
    return _count(label_rank(outputs, problem.labels) < top)


def label_rank(outputs: Codes, labels: Codes) -> Codes:
    """How many outputs come before the label's: larger ones, and equal ones with a lower index.

    >>> label_rank(np.array([[[5, 9, 5]]]), np.array([2])).tolist()
    [[2]]
    """
    own = np.take_along_axis(outputs, np.broadcast_to(labels, outputs.shape[:-1])[..., None], axis=-1)
    earlier = np.arange(outputs.shape[-1]) < labels[:, None]
    return ((outputs > own) | ((outputs == own) & earlier)).sum(axis=-1)


def _loss(problem: Problem, outputs: Codes, top: int) -> NDArray[np.float64]:
    """Mean cross-entropy of the softmax of the real outputs, ``log(sum(exp(z - z_label)))``."""
    real = to_real(outputs, problem.network.output.format.fraction)
    own = np.take_along_axis(real, np.broadcast_to(problem.labels, real.shape[:-1])[..., None], axis=-1)
    peak = real.max(axis=-1, keepdims=True)
    return (np.log(np.exp(real - peak).sum(axis=-1)) + (peak - own)[..., 0]).mean(axis=-1)


def predictions(problem: Problem, outputs: Codes) -> NDArray[np.float64]:
    """Regression: outputs in the data set's unit, ``(faults, samples, outputs)``."""
    return to_real(outputs, problem.network.output.format.fraction) * problem.scale + problem.offset


def _errors(problem: Problem, outputs: Codes) -> NDArray[np.float64]:
    labels = np.asarray(problem.labels, dtype=np.float64).reshape(problem.samples, -1)
    return predictions(problem, outputs)[..., : labels.shape[1]] - labels


def _mse(problem: Problem, outputs: Codes, top: int) -> NDArray[np.float64]:
    return (_errors(problem, outputs) ** 2).mean(axis=(-2, -1))


def _mae(problem: Problem, outputs: Codes, top: int) -> NDArray[np.float64]:
    return np.abs(_errors(problem, outputs)).mean(axis=(-2, -1))


def _r2(problem: Problem, outputs: Codes, top: int) -> NDArray[np.float64]:
    spread = np.var(np.asarray(problem.labels, dtype=np.float64).reshape(problem.samples, -1), axis=0).mean()
    return 1.0 - _mse(problem, outputs, top) / spread


def _count(hits: NDArray[np.bool_]) -> NDArray[np.int32]:
    return hits.sum(axis=-1).astype(np.int32)


_COUNTED = ("correct", "sdc")
"""Columns that compare decisions."""

_REDUCE: dict[str, Callable[[Problem, Codes, int], NDArray[Any]]] = {
    "topk": _topk,
    "loss": _loss,
    "mse": _mse,
    "mae": _mae,
    "r2": _r2,
}


def golden_metric(problem: Problem, name: str) -> float:
    """A metric of the fault-free network."""
    entry, top = metric(name, problem.network.task)
    rows = measure(problem, problem.golden[None], [entry.column], top)
    return float(entry.values({**rows, "samples": np.array([problem.samples])})[0])
