"""Graphs and kinds that the injector has no fast entry for: exact all the same, one rung down.

Two kinds are added to the table for these tests: ``add``, with two inputs, and ``scale``, whose stored
codes multiply element by element, which is no matrix product.
"""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.engine import ReferenceEngine, compare
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat, cast
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine, Models, exhaustive, witness
from netsurf.ir import KINDS, Layer, LayerKind, Network, Parameter, TensorSpec
from tests.equivalence.test_exhaustive import agrees
from tests.equivalence.test_witness import seen
from tests.strategies import dense, random_codes

CODE = FixedFormat(4, 2)
WEIGHT = FixedFormat(3, 1)
WIDE = FixedFormat(20, 20 - CODE.fraction - WEIGHT.fraction)


def _add(layer, inputs, specs, parameters):
    fraction = max(spec.format.fraction for spec in specs)
    total = sum(x << (fraction - spec.format.fraction) for x, spec in zip(inputs, specs, strict=True))
    return cast(total, fraction, layer.output.format)


def _scale(layer, inputs, specs, parameters):
    fraction = specs[0].format.fraction + layer.parameters["factor"].format.fraction
    return cast(inputs[0] * parameters["factor"], fraction, layer.output.format)


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    """The two kinds, for one test."""
    for name, execute in (("add", _add), ("scale", _scale)):
        monkeypatch.setitem(KINDS, name, LayerKind(name, lambda layer, specs: None, execute))


def network(seed: int, task: str = "classification") -> Network:
    """Input, dense, relu, [dense, relu] added to what went in, scale, dense."""
    rng = np.random.default_rng(seed)
    spec, layers = TensorSpec((4,), CODE), []

    def add_dense(name: str, source: str, outputs: int) -> None:
        layers.append(dense(name, source, spec, outputs, WEIGHT, WEIGHT, WIDE, WIDE, rng))

    saturated = TensorSpec((4,), FixedFormat(4, 2, overflow="SAT"))
    add_dense("fc1", "input", 4)
    layers.append(Layer("act1", "relu", ("fc1",), saturated))
    add_dense("fc2", "act1", 4)
    layers.append(Layer("act2", "relu", ("fc2",), saturated))
    layers.append(Layer("sum", "add", ("act1", "act2"), TensorSpec((4,), CODE)))
    factor = Parameter("scale.factor", random_codes(WEIGHT, (4,), rng), WEIGHT)
    layers.append(Layer("scale", "scale", ("sum",), TensorSpec((4,), CODE), {"factor": factor}))
    add_dense("fc3", "scale", 3)
    return Network("graph", TensorSpec((4,), CODE), tuple(layers), task)


def samples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """12 inputs and labels."""
    rng = np.random.default_rng(seed)
    return random_codes(CODE, (12, 4), rng), rng.integers(3, size=12)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("loss", [False, True])
def test_exhaustive_equals_brute_force(seed, loss):
    case = network(seed), *samples(seed)
    assert agrees(*case, loss=loss)
    rungs = exhaustive(*case).rungs
    assert (rungs["scale.factor"], rungs["fc3.kernel"]) == ("forward", "interval")
    assert rungs["fc1.kernel"] == "memo", "the residual branch is no last matrix product"


@pytest.mark.parametrize("seed", range(12))
def test_witnesses_equal_brute_force(seed):
    graph, (x, _) = network(seed), samples(seed)
    changes = seen(graph, x)
    expected = np.where(changes.any(axis=1), changes.argmax(axis=1), -1)
    assert witness(graph, x).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(12))
def test_any_fault_list_equals_reference(seed):
    graph, (x, _) = network(seed, ("classification", "regression")[seed % 2]), samples(seed)
    design, rng = DesignPoint.unprotected(graph), np.random.default_rng(seed)
    sites = [rng.choice(design.space.size, count, False) for count in (1, 1, 1, 2, 5, 30, 90)]
    faults = FaultList.of(Fault(tuple(map(int, chosen))) for chosen in sites)
    expected = ReferenceEngine(design).run(faults, x)
    assert compare("fast", expected, FastEngine(design).run(faults, x)).count == 0
    rows = rng.integers(len(x), size=(len(faults), 5))
    expected = ReferenceEngine(design).run(faults, x, rows)
    assert compare("fast", expected, FastEngine(design).run(faults, x, rows)).count == 0
    assert Models(design, x).path == "layers (it is no path of dense layers; layer 'scale' is a scale)"
