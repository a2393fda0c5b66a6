"""How long a campaign will take, from a few of its own trials."""

from __future__ import annotations

import time
from dataclasses import dataclass

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.fast import FastScorer
from netsurf.campaign.layout import Layout
from netsurf.campaign.metrics import columns_for
from netsurf.campaign.score import Scorer

SHORT_S = 2.0
"""Seconds that a calibration takes about."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a calibration found.

    Parameters
    ----------
    trials
        Trials that were run to find out; none of them is kept. 0 of a census, of which parts were run.
    seconds_per_trial
        On one process; of a census, on the scorer's threads.
    total
        Trials of the whole campaign, if no cell stops early.
    """

    trials: int
    seconds_per_trial: float
    total: int

    @property
    def seconds(self) -> float:
        """Of the whole campaign on one process."""
        return self.total * self.seconds_per_trial


def estimate(campaign: Campaign, scorer: Scorer, limit: float = SHORT_S) -> Estimate:
    """Run the first trials of a campaign for about ``limit`` seconds, without writing them.

    A census of single upsets is one computation, of which the first trials say nothing: the scorer that
    does it says how long it takes.
    """
    total = sum(campaign.layout.counts)
    if (seconds := census_seconds(campaign, scorer)) is not None:
        return Estimate(0, seconds / max(total, 1), total)
    _with_layout(campaign, Layout(campaign.layout.counts, 1, campaign.layout.grid)).compute(
        0, range(len(campaign.cells)), scorer
    )  # compiles, and runs the network without a fault
    live = range(len(campaign.cells))
    size, seconds, trials = 1, 0.0, 0
    while trials < total and seconds < limit / 2:
        layout = Layout(campaign.layout.counts, size, campaign.layout.grid)
        begin = time.perf_counter()
        trials = len(_with_layout(campaign, layout).compute(0, live, scorer)["trial"])
        seconds = time.perf_counter() - begin
        size *= 4
    return Estimate(trials, seconds / max(trials, 1), total)


def census_seconds(campaign: Campaign, scorer: Scorer) -> float | None:
    """Seconds of a census that the scorer has a table of; None of any other campaign."""
    if campaign.spec.mode != "exhaustive" or campaign.spec.fault != "flip":
        return None
    if not isinstance(scorer, FastScorer):
        return None
    return scorer.outlook(columns_for(campaign.metrics, campaign.problem.network.task)[0])


def _with_layout(campaign: Campaign, layout: Layout) -> Campaign:
    """The same campaign cut into other chunks; its cells and draws are shared, not made again."""
    other = Campaign(campaign.spec, campaign.problem, campaign.faults, campaign.rankings)
    other.__dict__.update(cells=campaign.cells, drawer=campaign.drawer, layout=layout)
    return other
