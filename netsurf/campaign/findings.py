"""Findings: what an experiment says about one network, as plain values that reports and programs read.

Numbers are ``[estimate, low, high]``. Accuracies and their differences are fractions of 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.campaign.experiment import Measured
from netsurf.campaign.standing import Better, Regret, Standing, better, spread, standings
from netsurf.campaign.statistics import CONFIDENCE
from netsurf.rank.compare import Estimate
from netsurf.rank.surface import auc

SCHEMA_VERSION = 1
"""Version of the document that ``netsurf compare`` writes."""

DIGITS = 5
"""Significant digits of every number."""


def findings(
    measured: Measured, references: Sequence[str] = (), confidence: float = CONFIDENCE, **more: Any
) -> dict[str, Any]:
    """Standings of every method, and where they beat the first reference for certain.

    ``better_alone`` counts the cells that beat it beyond their own interval; ``better`` lists the levels and
    rates at which methods do so beyond the interval of all comparisons together, the best method first.

    Parameters
    ----------
    references
        Methods that regret is against; those that were not measured are left out.
    more
        Added as it stands: benchmark, digests and so on.
    """
    known = [name for name in references if name in measured.methods]
    rows = standings(measured, known, confidence)
    ahead = better(measured, known[0], confidence) if known else []
    return {
        **more,
        "metric": measured.metric,
        "higher": measured.higher,
        "fault_free": _rounded(measured.fault_free),
        "unprotected": _unprotected(measured, confidence),
        "methods": [_standing(row) for row in rows],
        "better": _better([row for row in ahead if row.certain]),
        "better_alone": len(ahead),
        "comparisons": (len(measured.methods) - 1) * len(measured.levels) * len(measured.bers),
    }


def _unprotected(measured: Measured, confidence: float) -> dict[str, Any]:
    cells = zip(*spread(measured.bare, confidence), strict=True)
    area, half = spread(auc(measured.bers, measured.bare), confidence)
    return {
        "cells": [_interval(float(mean), float(width)) for mean, width in cells],
        "auc": _interval(float(area), float(half)),
    }


def _standing(row: Standing) -> dict[str, Any]:
    return {
        "method": row.method,
        "vus": _numbers(row.vus),
        "auc": [_numbers(value) for value in row.auc],
        "cells": [[_numbers(value) for value in level] for level in row.cells],
        "regret": {regret.reference: _regret(regret) for regret in row.regrets},
    }


def _regret(regret: Regret) -> dict[str, Any]:
    return {"vus": _numbers(regret.vus), "auc": [_numbers(value) for value in regret.auc]}


def _better(rows: Sequence[Better]) -> list[dict[str, Any]]:
    """Rows, the largest gain first, gathered by level and rate."""
    places: dict[tuple[float, float], list[Better]] = {}
    for row in rows:
        places.setdefault((row.level, row.ber), []).append(row)
    return [
        {"level": level, "ber": ber, "methods": [row.method for row in here], "gain": _numbers(here[0].gain)}
        for (level, ber), here in sorted(places.items())
    ]


def _numbers(value: Estimate) -> list[float]:
    return [_rounded(value.value), _rounded(value.low), _rounded(value.high)]


def _interval(mean: float, half: float) -> list[float]:
    return [_rounded(mean), _rounded(mean - half), _rounded(mean + half)]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def flat(networks: Sequence[Mapping[str, Any]], levels: Sequence[float], bers: Sequence[float]) -> str:
    r"""Every cell of every network as CSV, one a line.

    >>> flat([], (0.1,), (0.01,))
    'benchmark,ordering,method,level,ber,metric,mean,low,high\n'
    """
    lines = ["benchmark,ordering,method,level,ber,metric,mean,low,high"]
    for network in networks:
        what = network["metric"]
        for row in network["methods"]:
            start = f"{network['benchmark']},{row['ordering']},{row['method']}"
            for level, cells in zip(levels, row["cells"], strict=True):
                lines += [
                    f"{start},{level:g},{ber:g},{what},{','.join(map(str, cell))}"
                    for ber, cell in zip(bers, cells, strict=True)
                ]
    return "\n".join(lines) + "\n"
