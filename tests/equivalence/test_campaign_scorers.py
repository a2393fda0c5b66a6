"""The fast scorer's numbers are the reference engine's, for every mode and metric of a campaign."""

from dataclasses import replace

import numpy as np
import pytest

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.fast import FastScorer
from netsurf.campaign.metrics import columns_for
from netsurf.campaign.score import ReferenceScorer, make_scorer
from netsurf.errors import FaultError, UnknownNameError
from netsurf.fault import Fault, FaultList
from tests.campaigns import small_campaign, small_problem

CLASSES = "accuracy,top2,loss,sdc"
TARGETS = "mse,mae,r2,sdc"


def agree(campaign, scorer=None):
    live = range(len(campaign.cells))
    expected = campaign.compute(0, live, ReferenceScorer(campaign.problem))
    got = campaign.compute(0, live, scorer or FastScorer(campaign.problem))
    assert got.keys() == expected.keys()
    for name in expected:
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(got[name], expected[name], rtol=1e-12, err_msg=name)
        else:
            assert (got[name] == expected[name]).all(), name


@pytest.mark.parametrize("fault", ["flip", "stuck0", "stuck1", "burst:3"])
@pytest.mark.parametrize("mode", ["bernoulli", "exact", "coverage"])
def test_faulty_models(mode, fault):
    fields = {"ber": (0.01, 0.2), "protection": (0, 0.4, 1), "ranker": ("msb", "random"), "repetitions": 2}
    if mode == "coverage":
        fields |= {"repetitions": None, "ber": (0.2,)}
    agree(small_campaign(mode=mode, fault=fault, metric=CLASSES, chunk=60, **fields))


@pytest.mark.parametrize("fault", ["flip", "stuck1"])
@pytest.mark.parametrize("metric", ["accuracy", "accuracy,loss", CLASSES])
def test_single_upsets(metric, fault):
    agree(small_campaign(mode="exhaustive", protection=(0, 0.3), metric=metric, fault=fault))


@pytest.mark.parametrize("metric", ["mse", TARGETS])
def test_regression(metric):
    problem = replace(small_problem(task="regression"), scale=3.0, offset=-1.5)
    agree(small_campaign(problem=problem, mode="exhaustive", metric=metric))
    agree(small_campaign(problem=problem, metric=metric, ber=(0.05,), protection=(0.2,), repetitions=8))


def test_fault_lists_of_any_kind():
    problem = small_problem()
    faults = FaultList.of([Fault((3,)), Fault((1, 2, 80), "stuck1"), Fault(()), Fault((700,), "stuck0")])
    spec = small_campaign(problem=problem, metric=CLASSES).spec
    listed = spec.model_copy(update={"mode": "list", "faults": "x", "ber": ()})
    agree(Campaign(listed, problem, faults))


def test_negative_control_a_wrong_table_is_noticed():
    campaign = small_campaign(mode="exhaustive")
    scorer = FastScorer(campaign.problem)
    table = scorer.table(loss=False)
    scorer.result = replace(table, correct=np.roll(table.correct, 1))
    with pytest.raises(AssertionError, match="correct"):
        agree(campaign, scorer)


def test_faults_with_a_cycle_are_refused():
    problem = small_problem()
    columns, top = columns_for(["accuracy"], "classification")
    design = small_campaign(problem=problem).cells[0].design
    for engine in ("fast", "reference"):
        with pytest.raises(FaultError, match="no clock"):
            make_scorer(engine, problem).score(design, FaultList.of([Fault((1,), cycle=3)]), columns, top)


def test_unknown_engines_are_refused():
    with pytest.raises(UnknownNameError, match=r"unknown engine 'fats' \(did you mean fast\?\)"):
        make_scorer("fats", small_problem())
