"""Experiments: the grid, blocks of test samples, and what comes out of the store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netsurf.campaign.experiment import BERS, LEVELS, Grid, joined, make_campaign, read_measured
from netsurf.campaign.run import run
from netsurf.campaign.score import ReferenceScorer
from netsurf.engine import ReferenceEngine, decide
from netsurf.errors import PlanError, StoreError, UsageError
from netsurf.fault import bernoulli
from netsurf.frontend.comparison import blocks
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.rank import rank
from tests.campaigns import small_problem

GRID = Grid(levels=(0.3, 0.1), bers=(0.05, 0.01), trials=5, seed=3)


def measure(problem, folder, grid=GRID, methods=("msb", "random")):
    orders = {name: rank(name, problem.network, 1) for name in methods}
    campaign = make_campaign(grid, "small", problem, orders)
    outcome = run(campaign, folder, ReferenceScorer(problem))
    return campaign, outcome, read_measured(campaign, outcome.store, outcome.chunks)


def test_the_default_grid_is_the_first_netsurfs():
    assert (Grid().levels, Grid().bers) == (LEVELS, BERS)
    assert LEVELS == (0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
    assert BERS == (0.001, 0.005, 0.01, 0.05, 0.1, 0.15)
    assert GRID.levels == (0.1, 0.3)
    assert GRID.bers == (0.01, 0.05)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"levels": (0.0, 0.1)}, "protection level 0"),
        ({"levels": ()}, "protection level none"),
        ({"bers": (1.5,)}, "bit error rate 1.5"),
        ({"trials": 1}, "1 trials have no interval"),
    ],
)
def test_grids_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(UsageError, match=words):
        Grid(**fields)


def test_values_are_those_of_the_reference_engine(tmp_path):
    problem = small_problem()
    _, _, measured = measure(problem, tmp_path)
    assert measured.values.shape == (2, 5, 2, 2)
    for method in ("msb", "random"):
        for i, level in enumerate(GRID.levels):
            plan = plan_by_level(problem.network, rank(method, problem.network, 1), level, {})
            design = DesignPoint(problem.network, plan)
            for j, ber in enumerate(GRID.bers):
                outputs = (
                    ReferenceEngine(design).run(bernoulli(design.space, 5, ber, 3), problem.inputs).outputs
                )
                correct = (decide(problem.network, outputs) == problem.labels).mean(axis=1)
                np.testing.assert_allclose(measured.of(method)[:, i, j], correct)
    bare = DesignPoint.unprotected(problem.network)
    outputs = ReferenceEngine(bare).run(bernoulli(bare.space, 5, 0.05, 3), problem.inputs).outputs
    np.testing.assert_allclose(
        measured.bare[:, 1], (decide(problem.network, outputs) == problem.labels).mean(1)
    )
    assert measured.fault_free == pytest.approx((problem.decisions == problem.labels).mean())
    assert np.ptp(measured.values) > 0


def test_quality_points_upwards(tmp_path):
    _, _, measured = measure(small_problem(task="regression"), tmp_path)
    assert (measured.metric, measured.higher) == ("mse", False)
    assert (measured.quality == -measured.values).all()
    assert measured.values.min() >= 0


def test_an_experiment_with_a_chunk_missing_is_refused(tmp_path):
    campaign, outcome, _ = measure(small_problem(), tmp_path, replace(GRID, trials=40))
    assert len(outcome.chunks) > 1, "several chunks, so that a kill does not lose all"
    with pytest.raises(StoreError, match=r"misses \d+ trials; type the same command again"):
        read_measured(campaign, outcome.store, outcome.chunks[:-1])


def test_a_ranking_that_is_too_short_is_refused():
    problem = small_problem()
    with pytest.raises(PlanError, match="the ranking has 10"):
        make_campaign(GRID, "small", problem, {"msb": np.arange(10)})


def test_blocks_are_disjoint_and_share_the_trials():
    problem = small_problem(samples=43)
    problem = replace(problem, inputs=np.arange(43 * 12).reshape(43, 12) % 16, labels=np.arange(43))
    parts = blocks(problem, 10, replace(GRID, trials=23))
    assert [part.samples for _, part in parts] == [10, 10, 10, 10]
    assert sum(grid.trials for grid, _ in parts) == 23
    assert [grid.seed for grid, _ in parts] == [3, 4, 5, 6]
    labels = np.concatenate([part.labels for _, part in parts])
    assert len(set(labels.tolist())) == 40
    for _, part in parts:
        assert (np.diff(part.labels) > 0).all()
        assert (part.inputs == problem.inputs[part.labels]).all()
    again = blocks(problem, 10, replace(GRID, trials=23))
    assert [part.digest for _, part in again] == [part.digest for _, part in parts]
    other = blocks(problem, 10, replace(GRID, trials=23, seed=9))
    assert other[0][1].digest != parts[0][1].digest


def test_blocks_of_everything_and_of_nothing():
    problem = small_problem()
    assert blocks(problem, None, GRID) == blocks(problem, 4000, GRID) == [(GRID, problem)]
    assert [grid.trials for grid, _ in blocks(problem, 1, GRID)] == [2, 3], "two trials a block at least"
    with pytest.raises(UsageError, match="choose one or more"):
        blocks(problem, 0, GRID)


def test_joined_blocks_are_their_trials_in_order(tmp_path):
    parts = blocks(small_problem(), 20, replace(GRID, trials=7))
    found = [measure(part, tmp_path / str(k), grid)[2] for k, (grid, part) in enumerate(parts)]
    whole = joined(found)
    assert whole.trials == 7
    assert (whole.values[:, :3] == found[0].values).all()
    assert (whole.values[:, 3:] == found[1].values).all()
    assert whole.bare.shape == (7, 2)
    assert whole.fault_free == pytest.approx((3 * found[0].fault_free + 4 * found[1].fault_free) / 7)
