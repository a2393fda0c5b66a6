"""What is said beforehand of how long every single upset takes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from netsurf.campaign.calibrate import estimate
from netsurf.campaign.fast import FastScorer
from netsurf.campaign.score import ReferenceScorer
from netsurf.inject import outlook, waves
from netsurf.inject.golden import Golden, units
from netsurf.inject.rungs import Bounds, choose
from tests.campaigns import small_campaign, small_problem
from tests.small_cnn import small


@pytest.fixture
def ticks(monkeypatch):
    """A clock that goes on by a second whenever someone looks at it."""
    clock = itertools.count()
    monkeypatch.setattr(outlook.time, "perf_counter", lambda: float(next(clock)))


def test_what_one_call_serves_is_scaled_by_samples(ticks):
    """Two units with two tensors each, a second a tensor on the second try's 16 of 40 samples."""
    problem = small_problem()
    found = outlook.seconds(problem.network, problem.inputs, problem.labels)
    assert found == 4 * 40 / 16


def test_what_runs_upset_by_upset_is_scaled_by_upsets_too(ticks, monkeypatch):
    """Without waves, a convolution runs upset by upset: a second buys ``UPSETS`` of them a thread."""
    monkeypatch.setattr(waves, "serve", lambda *_: None)
    network, samples = small(), 48
    inputs = np.random.default_rng(1).integers(0, 4, (samples, *network.input.shape))
    golden, expected, apart = Golden.of(network, inputs[:16]), 0.0, 0
    for unit in units(network):
        bounds = Bounds.of(golden, unit)
        for parameter in unit.layer.parameters.values():
            slow = choose(golden, bounds, parameter, False).rung in ("delta", "forward")
            expected += parameter.stored_bits / (outlook.UPSETS * 3) if slow else 1
            apart += slow
    assert apart >= 2
    found = outlook.seconds(network, inputs, np.zeros(samples, np.int64), jobs=3)
    assert found == pytest.approx(expected * samples / 16)


def test_a_census_is_not_extrapolated_from_its_first_trials(monkeypatch):
    monkeypatch.setattr(outlook, "seconds", lambda *_, **__: 84.0)
    campaign = small_campaign(mode="exhaustive")
    found = estimate(campaign, FastScorer(campaign.problem))
    assert (found.trials, found.total, found.seconds) == (0, 840, pytest.approx(84.0))


@pytest.mark.parametrize(
    ("fields", "scorer"),
    [
        ({"mode": "exhaustive", "fault": "stuck0"}, FastScorer),
        ({"mode": "exhaustive"}, ReferenceScorer),
        ({"mode": "sample", "repetitions": 20}, FastScorer),
    ],
)
def test_other_campaigns_are_extrapolated(monkeypatch, fields, scorer):
    monkeypatch.setattr(outlook, "seconds", lambda *_, **__: 84.0)
    campaign = small_campaign(**fields)
    assert estimate(campaign, scorer(campaign.problem), limit=1e-6).trials >= 1
