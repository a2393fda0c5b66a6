"""Summaries say what the rows say, with the interval that fits how they were drawn."""

import numpy as np
import pytest

from netsurf.campaign.calibrate import estimate
from netsurf.campaign.campaign import Campaign
from netsurf.campaign.draw import stratum
from netsurf.campaign.metrics import golden_metric
from netsurf.campaign.run import run
from netsurf.campaign.score import ReferenceScorer
from netsurf.campaign.statistics import student
from netsurf.campaign.summary import NOTABLE, by_tensor, summarise
from netsurf.fault import Fault, FaultList
from tests.campaigns import small_campaign, small_problem


def finished(folder, campaign):
    outcome = run(campaign, folder, ReferenceScorer(campaign.problem))
    return outcome, outcome.store.read(
        outcome.chunks, ["trial", "cell", "site", "flips", "detected", "correct", "sdc"]
    )


def test_cells_of_faulty_models(tmp_path):
    campaign = small_campaign(ber=(0.01, 0.1), protection=(0, 0.5), repetitions=12)
    outcome, rows = finished(tmp_path, campaign)
    summaries = summarise(campaign, outcome.store, outcome.chunks)
    assert [(s.ranker, s.protection, s.ber) for s in summaries] == [
        ("none", 0.0, 0.01),
        ("none", 0.0, 0.1),
        ("msb", 0.5, 0.01),
        ("msb", 0.5, 0.1),
    ]
    for number, summary in enumerate(summaries):
        here = rows["cell"] == number
        assert summary.counts["accuracy"] == (rows["correct"][here].sum(), 12 * 40)
        assert summary.counts["sdc"] == (rows["sdc"][here].sum(), 12 * 40)
        assert summary.metrics["accuracy"] == student(rows["correct"][here] / 40).within(0, 1)
        assert summary.upsets == rows["flips"][here].mean()
        assert summary.detected == rows["detected"][here].sum()
        assert summary.stored_bits == campaign.cells[number].design.space.size


def test_tensors_of_an_exhaustive_campaign(tmp_path):
    campaign = small_campaign(mode="exhaustive", chunk=250)
    outcome, rows = finished(tmp_path, campaign)
    (cell,) = campaign.cells
    tables = {entry.tensor: entry for entry in by_tensor(campaign, outcome.store, outcome.chunks, cell)}
    assert set(tables) == set(campaign.problem.network.parameters)
    lost = golden_metric(campaign.problem, "accuracy") - rows["correct"] / 40
    for name, entry in tables.items():
        first = cell.design.space.offsets[name]
        here = (rows["site"] >= first) & (
            rows["site"] < first + campaign.problem.network.parameters[name].stored_bits
        )
        assert entry.faults == here.sum()
        assert entry.worst == rows["correct"][here].min() / 40
        assert rows["correct"][rows["site"] == entry.worst_site] == rows["correct"][here].min()
        assert entry.mean == pytest.approx(rows["correct"][here].mean() / 40)
        assert (entry.harmful.k, entry.harmful.n) == ((rows["sdc"][here] > 0).sum(), here.sum())
        assert entry.critical.k == (lost[here] > NOTABLE).sum()
        assert entry.harmful.interval.low == entry.harmful.interval.high == entry.harmful.k / entry.harmful.n
    (summary,) = summarise(campaign, outcome.store, outcome.chunks)
    assert summary.metrics["accuracy"].rule == "census"


def test_a_stratified_sample_estimates_the_census(tmp_path):
    problem = small_problem()
    whole = small_campaign(mode="exhaustive", problem=problem)
    outcome, rows = finished(tmp_path / "whole", whole)
    truth = rows["sdc"].mean() / 40
    hits = 0
    for seed in range(20):
        campaign = small_campaign(mode="sample", repetitions=120, seed=seed, metric="sdc", problem=problem)
        outcome = run(campaign, tmp_path / str(seed), ReferenceScorer(problem))
        (summary,) = summarise(campaign, outcome.store, outcome.chunks)
        interval = summary.metrics["sdc"]
        assert interval.rule == "stratified"
        hits += interval.low <= truth <= interval.high
        assert np.isfinite(interval.margin)
    assert hits >= 16


def test_a_list_of_faults_of_several_bits_has_cells_and_no_tensors(tmp_path):
    problem = small_problem()
    faults = FaultList.of([Fault((3, 9)), Fault((700,)), Fault((1, 2, 3))])
    spec = small_campaign(problem=problem).spec.model_copy(update={"mode": "list", "faults": "x", "ber": ()})
    campaign = Campaign(spec, problem, faults)
    outcome, rows = finished(tmp_path, campaign)
    assert rows["flips"].tolist() == [2, 1, 3]
    assert by_tensor(campaign, outcome.store, outcome.chunks, campaign.cells[0]) == []
    (summary,) = summarise(campaign, outcome.store, outcome.chunks)
    assert (summary.trials, summary.upsets) == (3, 2.0)


def test_an_estimate_runs_a_few_trials_and_keeps_none():
    campaign = small_campaign(protection=(0, 0.5), repetitions=500)
    found = estimate(campaign, ReferenceScorer(campaign.problem), limit=0.05)
    assert found.total == 1000
    assert 2 <= found.trials <= 1000
    assert found.seconds == pytest.approx(found.seconds_per_trial * 1000)
    assert found.seconds_per_trial > 0


def test_a_sample_smaller_than_its_strata_gets_one_fault_of_each():
    """24 bits of 4 tensors: the estimate over strata would have nothing to say of those without a fault."""
    campaign = small_campaign(mode="sample", repetitions=5)
    (cell,) = campaign.cells
    drawn = campaign.drawer.singles(cell, 0, 1000)
    assert sum(campaign.layout.counts) == len(drawn) == 24
    strata = stratum(campaign.problem.network, cell, drawn)
    assert len(set(strata.tolist())) == 24
    more = small_campaign(mode="sample", repetitions=30)
    assert sum(more.layout.counts) == 30
