"""What upsets add up to, by loops over single upsets; and that interaction is what is left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netsurf.campaign.additive import additive
from netsurf.campaign.metrics import golden_metric, measure
from netsurf.engine import ReferenceEngine
from netsurf.errors import PlanError
from netsurf.fault import FaultList, bernoulli
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Layer, Network, TensorSpec
from netsurf.rank import rank
from tests.campaigns import SUM, small_problem

BER, LEVEL = 0.02, 0.25


def losses(problem, design, faults):
    outputs = ReferenceEngine(design).run(faults, problem.inputs).outputs
    column = "mse" if problem.network.task == "regression" else "loss"
    return measure(problem, outputs, [column])[column]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_both_numbers_by_the_reference_engine(task):
    problem = small_problem(task=task)
    order = rank("random", problem.network, 3)
    (row,) = additive(problem, {"random": order}, LEVEL, [BER], trials=12, seed=5)
    bare = DesignPoint.unprotected(problem.network)
    plan = plan_by_level(problem.network, order, LEVEL, {})
    design = DesignPoint(problem.network, plan)
    golden = golden_metric(problem, "mse" if task == "regression" else "loss")
    single = losses(problem, bare, FaultList.single(np.arange(bare.space.size))) - golden
    protected = set(plan.bits.tolist())
    expected = sum(
        (3 * BER**2 - 2 * BER**3 if bit in protected else BER) * change for bit, change in enumerate(single)
    )
    assert row.expected == pytest.approx(expected, rel=1e-6)
    measured = losses(problem, design, bernoulli(design.space, 12, BER, 5)) - golden
    assert row.measured.value == pytest.approx(measured.mean(), rel=1e-6)
    assert row.measured.low < row.measured.value < row.measured.high
    assert row.measured.value != pytest.approx(row.expected, rel=0.01), "upsets do interact"


def linear_problem():
    """Outputs that are sums of stored bits, and errors that are linear in them: nothing interacts."""
    problem = small_problem(task="regression")
    held = problem.network.layers[0].parameters
    stored = {
        role: replace(held[role], name=f"out.{role}", codes=np.zeros(shape, np.int64))
        for role, shape in (("kernel", (12, 4)), ("bias", (4,)))
    }
    layer = Layer("out", "dense", ("input",), TensorSpec((4,), SUM), stored, {"accumulator": SUM})
    network = Network("linear", problem.network.input, (layer,), "regression")
    inputs = np.eye(12, dtype=np.uint8)[np.arange(40) % 12]
    return replace(problem, network=network, inputs=inputs, labels=np.full((40, 4), -1e6))


def test_without_interaction_they_agree():
    problem = linear_problem()
    order = rank("msb", problem.network, 1)
    (row,) = additive(problem, {"msb": order}, LEVEL, [0.05], trials=400, seed=2)
    assert row.measured.low < row.expected < row.measured.high
    assert row.expected != 0


def test_a_ranking_that_is_too_short_is_refused():
    with pytest.raises(PlanError, match="the ranking has 3"):
        additive(small_problem(), {"short": np.arange(3)}, LEVEL, [BER])
