"""Voting many design points together gives the rows that voting them one by one gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netsurf.campaign import campaign as module
from netsurf.campaign.fast import FastScorer
from netsurf.campaign.score import ReferenceScorer
from netsurf.campaign.shared import Hits, sharable
from netsurf.harden import DesignPoint, plan_by_name
from tests.campaigns import small_campaign

FIELDS = {
    "ber": (0.004, 0.05, 0.4),
    "protection": (0, 0.1, 0.5, 1.0),
    "ranker": ("msb", "random"),
    "repetitions": 12,
    "seed": 3,
}


def one_by_one(campaign, scorer):
    """Rows of all cells, each voted by the engine in its own design point."""
    pieces = campaign.layout.pieces(0, range(len(campaign.cells)))
    drawn = campaign.draw(pieces)
    parts = [campaign._rows(piece, drawn[piece.cell], scorer) for piece in pieces]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(rows["trial"])
    return {name: column[order] for name, column in rows.items()}


def together(campaign, scorer):
    assert sharable(campaign.spec, campaign.cells)
    return campaign.compute(0, range(len(campaign.cells)), scorer)


def same(one, two):
    assert list(one) == list(two)
    return all(np.array_equal(one[name], two[name]) and one[name].dtype == two[name].dtype for name in one)


@pytest.mark.parametrize("scorer", [ReferenceScorer, FastScorer])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("population", ["all", "fc1.kernel,bit=4+5"])
def test_rows_are_equal(scorer, task, population):
    campaign = small_campaign(task, **FIELDS, population=population)
    assert same(together(campaign, scorer(campaign.problem)), one_by_one(campaign, scorer(campaign.problem)))


def test_the_rows_say_something():
    campaign = small_campaign(**FIELDS)
    rows = together(campaign, ReferenceScorer(campaign.problem))
    assert len(rows["trial"]) == 8 * 3 * 7
    assert rows["detected"].any()
    assert not rows["detected"].all()
    full = [cell.number for cell in campaign.cells if cell.protection == 1.0 and cell.ber == 0.4]
    assert (rows["correct"][np.isin(rows["cell"], full)] < 30).any(), "two replicas of three do fail"


@pytest.mark.parametrize(
    "fault",
    [
        {"twice": lambda hit: np.union1d(hit.first, hit.others)},  # one replica outvotes two
        {"twice": lambda hit: hit.first[:0]},  # voters that never fail
        {"split": lambda hit: hit.first[:0]},  # voters that raise no flag
        {"others": lambda hit: hit.others[1:]},  # a replica that is not counted
        {"first": lambda hit: hit.first[:-1]},  # an upset that gets lost
    ],
)
def test_a_small_fault_in_the_vote_is_seen(monkeypatch, fault):
    campaign = small_campaign(**FIELDS)
    whole = module.hits

    def wrong(*arguments) -> Hits:
        hit = whole(*arguments)
        return replace(hit, **{name: change(hit) for name, change in fault.items()})

    monkeypatch.setattr(module, "hits", wrong)
    scorer = ReferenceScorer(campaign.problem)
    assert not same(together(campaign, scorer), one_by_one(campaign, scorer))


def test_other_campaigns_are_voted_one_by_one():
    for fields in ({"fault": "stuck0"}, {"fault": "burst:2"}, {"ideal": True}, {"mode": "exact"}):
        campaign = small_campaign(**{"ber": (0.01,), **fields})
        assert not sharable(campaign.spec, campaign.cells)


def test_cells_of_other_schemes_are_voted_one_by_one():
    campaign = small_campaign(**FIELDS)
    network, cell = campaign.problem.network, campaign.cells[-1]
    coded = plan_by_name(network, {"fc1": "parity", "fc2": "tmr"}, {})
    assert not sharable(campaign.spec, [*campaign.cells, replace(cell, design=DesignPoint(network, coded))])
    voted = plan_by_name(network, {"fc2": "tmr"}, {})
    assert sharable(campaign.spec, [*campaign.cells, replace(cell, design=DesignPoint(network, voted))])
