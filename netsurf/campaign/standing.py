"""Standings: every method's area under its curves, volume, regret, and where one beats the reference.

Areas and volumes are linear in the trials (:mod:`netsurf.rank.surface`), so each trial has its own, and
intervals are Student's over trials. Regrets are differences of the same trial: the upsets of the bits that
neither method protects cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.campaign.experiment import Measured
from netsurf.campaign.statistics import CONFIDENCE, require_confidence
from netsurf.errors import UnknownNameError, UsageError
from netsurf.rank.compare import Estimate
from netsurf.rank.surface import auc, vus

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regret:
    """What a method leaves on the table against a reference, in the unit of the metric; above 0 is worse.

    Parameters
    ----------
    auc
        Of the area along BER, by level.
    vus
        Of the volume over levels and BERs.
    """

    reference: str
    auc: tuple[Estimate, ...]
    vus: Estimate


@dataclass(frozen=True, slots=True)
class Standing:
    """One method on one network.

    Parameters
    ----------
    cells
        ``[level][BER]``: the metric.
    auc
        Mean of the metric along BER, by level.
    vus
        Mean of the metric over levels and BERs.
    """

    method: str
    cells: tuple[tuple[Estimate, ...], ...]
    auc: tuple[Estimate, ...]
    vus: Estimate
    regrets: tuple[Regret, ...]


@dataclass(frozen=True, slots=True)
class Better:
    """A cell in which a method beats the reference beyond the paired interval.

    Parameters
    ----------
    gain
        How much better, with its interval (above 0 throughout).
    certain
        Whether it still is when all comparisons are made at once (Bonferroni): of a thousand honest
        intervals, 25 lie above 0 by chance.
    """

    method: str
    level: float
    ber: float
    gain: Estimate
    certain: bool


def spread(values: ArrayLike, confidence: float = CONFIDENCE, comparisons: int = 1) -> tuple[Floats, Floats]:
    """Means and half-widths of Student's intervals over the first axis.

    Parameters
    ----------
    values
        ``(trials, ...)``; two trials at least.
    comparisons
        Intervals that must hold together (Bonferroni): each gets ``confidence = 1 - (1 - c) / n``.

    >>> mean, half = spread([[1.0], [2.0], [3.0]])
    >>> mean.tolist(), half.round(4).tolist()
    ([2.0], [2.4841])
    """
    from scipy.stats import t

    require_confidence(confidence)
    values = np.asarray(values, np.float64)
    count = len(values)
    if count < 2:
        raise UsageError(f"an interval needs two trials, not {count}")
    tail = (1 - confidence) / (2 * comparisons)
    half = float(t.isf(tail, count - 1)) * values.std(axis=0, ddof=1) / np.sqrt(count)
    return values.mean(axis=0), half


def standings(
    measured: Measured, references: Sequence[str] = (), confidence: float = CONFIDENCE
) -> list[Standing]:
    """Every method, in the order of ``measured``.

    Parameters
    ----------
    references
        Methods that regret is against.

    Raises
    ------
    UnknownNameError
        If a reference was not measured.
    """
    for reference in references:
        _require(measured, reference)
    return [_standing(measured, method, references, confidence) for method in measured.methods]


def _standing(measured: Measured, method: str, references: Sequence[str], confidence: float) -> Standing:
    values = measured.of(method)
    areas, volumes = auc(measured.bers, values), vus(measured.levels, measured.bers, values)
    cells = _estimates(values, confidence)
    regrets = [_regret(measured, method, reference, confidence) for reference in references]
    return Standing(
        method,
        tuple(tuple(row) for row in cells),
        tuple(_estimates(areas, confidence)),
        _estimates(volumes, confidence).item(),
        tuple(regrets),
    )


def _regret(measured: Measured, method: str, reference: str, confidence: float) -> Regret:
    left = _lead(measured, reference, method)
    areas, volumes = auc(measured.bers, left), vus(measured.levels, measured.bers, left)
    return Regret(reference, tuple(_estimates(areas, confidence)), _estimates(volumes, confidence).item())


def _lead(measured: Measured, one: str, other: str) -> Floats:
    """``(trials, levels, BERs)``: how much better ``one`` is than ``other``, trial by trial."""
    return (measured.of(one) - measured.of(other)) * (1.0 if measured.higher else -1.0)


def _estimates(values: Floats, confidence: float) -> NDArray[np.object_]:
    """Estimates over the first axis, in an array of the shape of the others."""
    mean, half = spread(values, confidence)
    found = np.empty(mean.shape, dtype=object)
    for place in np.ndindex(mean.shape):
        centre, width = float(mean[place]), float(half[place])
        found[place] = Estimate(centre, centre - width, centre + width)
    return found


def better(measured: Measured, reference: str, confidence: float = CONFIDENCE) -> list[Better]:
    """Cells in which a method beats the reference beyond its paired interval, the largest gain first.

    Raises
    ------
    UnknownNameError
        If the reference was not measured.
    """
    _require(measured, reference)
    others = [method for method in measured.methods if method != reference]
    comparisons = len(others) * len(measured.levels) * len(measured.bers)
    found = [
        row for method in others for row in _better(measured, method, reference, confidence, comparisons)
    ]
    return sorted(found, key=lambda row: -row.gain.value)


def _better(
    measured: Measured, method: str, reference: str, confidence: float, comparisons: int
) -> list[Better]:
    lead = _lead(measured, method, reference)
    mean, half = spread(lead, confidence)
    _, wide = spread(lead, confidence, comparisons)
    return [
        Better(
            method,
            measured.levels[i],
            measured.bers[j],
            Estimate(float(mean[i, j]), float(mean[i, j] - half[i, j]), float(mean[i, j] + half[i, j])),
            bool(mean[i, j] > wide[i, j]),
        )
        for i, j in zip(*np.nonzero(mean > half), strict=True)
    ]


def _require(measured: Measured, method: str) -> None:
    if method not in measured.methods:
        raise UnknownNameError("reference among the methods measured", method, measured.methods)
