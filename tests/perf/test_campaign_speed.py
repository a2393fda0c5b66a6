"""What a campaign costs beside its engine: drawing, rows, store. Figures, not assertions on time.

``pytest tests/perf/test_campaign_speed.py --benchmark-only`` prints them.
"""

import numpy as np
import pytest

from netsurf.campaign.campaign import Campaign
from netsurf.campaign.folder import start
from netsurf.campaign.problem import Problem
from netsurf.campaign.run import Runner
from netsurf.campaign.spec import make_spec
from netsurf.ir import load
from netsurf.paths import benchmarks

GRID = {
    "ber": (1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.15),
    "protection": (0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4),
}


class Idle:
    """An engine that takes no time: what is left is the campaign's own cost."""

    name, version = "idle", "0"

    def score(self, design, faults, columns, top):
        zeros = np.zeros(len(faults), np.int32)
        return {**dict.fromkeys(columns, zeros), "detected": zeros.astype(bool)}


@pytest.fixture(scope="module")
def campaign():
    """The original's grid of 9 protections and 6 rates on mnist_fnn, on one made-up sample."""
    network = load(benchmarks() / "mnist_fnn")
    problem = Problem(network, np.zeros((1, *network.input.shape), np.uint8), np.zeros(1, np.int64))
    return Campaign(make_spec(benchmark="mnist_fnn", repetitions=8, **GRID), problem)


def test_drawing_a_repetition_of_the_grid(benchmark, campaign):
    pieces = campaign.layout.pieces(0, range(len(campaign.cells)))
    drawn = benchmark(campaign.draw, pieces)
    assert sum(len(sites) for sites in drawn.values()) == 8 * 54


def test_everything_but_the_engine(benchmark, campaign, tmp_path_factory):
    def once():
        return Runner(campaign, start(campaign, tmp_path_factory.mktemp("run"), Idle()), Idle()).run()

    outcome = benchmark.pedantic(once, rounds=3, warmup_rounds=1)
    assert outcome.computed == 432
