"""Comparison of rankers on a benchmark: rankings from the calibration split, judged on the test split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

_BLOCKS = 0x424C4F43
"""Counter that keeps the choice of test samples independent of other draws of the same seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A benchmark, its rankings, and what judges them.

    Parameters
    ----------
    parts
        Blocks of test samples with their share of the trials.
    """

    subject: Subject
    ranked: Mapping[str, Ranking]
    parts: tuple[tuple[Grid, Problem], ...]

    def campaigns(self) -> Iterator[Campaign]:
        """The campaign of each part, made when its turn comes: one holds megabytes a method."""
        orders = {name: ranking.bits for name, ranking in self.ranked.items()}
        for grid, judged in self.parts:
            yield make_campaign(grid, self.subject.spec.name, judged, orders)


def compare(
    bench: str,
    request: Request,
    settings: Settings,
    grid: Grid,
    samples: int | None = None,
    progress: Progress = lambda done, total, note: None,
) -> Comparison:
    """Rank by every method and deal out the test samples; errors as for `rankings` and `blocks`.

    Parameters
    ----------
    samples
        Test samples that each faulty model is judged on; other models see others, until all are used. All of
        them at once if None. What varies most is the upsets, so few samples a model and many models say more
        than the reverse, at the same cost.
    """
    subject = Subject.of(bench)
    ranked = rankings(subject, request, settings, progress)
    return Comparison(subject, ranked, tuple(blocks(problem(bench), samples, grid)))


def blocks(whole: Problem, samples: int | None, grid: Grid) -> list[tuple[Grid, Problem]]:
    """Disjoint blocks of ``samples`` samples, drawn by the seed, each with its share of the trials.

    Block ``k`` upsets by seed ``seed + k``, so that no trial has the upsets of another. Samples that are left
    over when all are dealt are left out.

    Raises
    ------
    UsageError
        If a block would have no sample.
    """
    if samples is None or samples >= whole.samples:
        return [(grid, whole)]
    if samples < 1:
        raise UsageError(f"{samples} test samples a model; choose one or more, or leave --test-samples out")
    count = min(whole.samples // samples, grid.trials // 2)
    order = generator(grid.seed, _BLOCKS).permutation(whole.samples)[: count * samples]
    trials = [grid.trials * (k + 1) // count - grid.trials * k // count for k in range(count)]
    return [
        (replace(grid, trials=trials[k], seed=grid.seed + k), _rows(whole, np.sort(rows)))
        for k, rows in enumerate(order.reshape(count, samples))
    ]


def _rows(whole: Problem, rows: np.ndarray) -> Problem:
    return replace(whole, inputs=whole.inputs[rows], labels=whole.labels[rows])
