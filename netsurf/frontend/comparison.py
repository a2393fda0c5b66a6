"""Comparison of rankers on a benchmark: rankings from the calibration split, judged on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.experiment import Grid, make_campaign
from netsurf.campaign.problem import Problem
from netsurf.errors import UsageError
from netsurf.fault.sample import generator
from netsurf.frontend.gather import Settings, Subject
from netsurf.frontend.problem import problem
from netsurf.frontend.ranking import Progress, Ranking, Request, rankings

_SUBSET = 0x53554253
"""Counter that keeps the choice of test samples independent of other draws of the same seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A benchmark, its rankings, and the campaign that judges them."""

    subject: Subject
    ranked: Mapping[str, Ranking]
    campaign: Campaign


def compare(
    bench: str,
    request: Request,
    settings: Settings,
    grid: Grid,
    samples: int | None = None,
    progress: Progress = lambda done, total, note: None,
) -> Comparison:
    """Rank by every method and prepare the campaign; errors as for `rankings` and `make_campaign`.

    Parameters
    ----------
    samples
        Test samples to measure on, drawn by the grid's seed; all of them if None.
    """
    subject = Subject.of(bench)
    ranked = rankings(subject, request, settings, progress)
    judged = subset(problem(bench), samples, grid.seed)
    orders = {name: ranking.bits for name, ranking in ranked.items()}
    return Comparison(subject, ranked, make_campaign(grid, bench, judged, orders))


def subset(whole: Problem, samples: int | None, seed: int) -> Problem:
    """A problem with some of its samples, drawn without replacement and kept in order.

    Raises
    ------
    UsageError
        If there are not so many.
    """
    if samples is None or samples == whole.samples:
        return whole
    if not 1 <= samples <= whole.samples:
        raise UsageError(f"{samples} test samples asked for; {whole.network.name} has {whole.samples}")
    rows = np.sort(generator(seed, _SUBSET).choice(whole.samples, samples, replace=False))
    return replace(whole, inputs=whole.inputs[rows], labels=whole.labels[rows])
