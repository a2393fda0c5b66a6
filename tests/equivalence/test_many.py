"""Whole-model kernels against the reference engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine
from netsurf.errors import FaultError
from netsurf.fault import Fault, FaultList
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine, Models
from tests.strategies import design_points, fault_lists, inputs

SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw):
    """A design point, faults (some of very many sites) and inputs."""
    design = draw(design_points())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sites = design.space.sites
    heavy = [Fault(tuple(sites[rng.random(len(sites)) < rate].tolist())) for rate in (0.02, 0.2, 0.7)]
    faults = FaultList.of([*draw(fault_lists(design)), *heavy, Fault(())])
    return design, faults, draw(inputs(design.network, max_samples=6)), draw(st.booleans())


def collect(models: Models, faults: FaultList) -> tuple:
    """The result, and the outputs that every fault was said to have."""
    outputs = np.empty((len(faults), *models.golden.outputs.shape), np.int64)

    def each(fault: int, values: np.ndarray) -> None:
        outputs[fault] = values

    return models.run(faults, each), outputs


@SETTINGS
@given(cases())
def test_equals_reference(case):
    design, faults, x, ideal = case
    models = Models(design, x, jobs=1, ideal=ideal, kernel="portable")
    result, outputs = collect(models, faults)
    engine = FastEngine(design, ideal=True) if ideal else ReferenceEngine(design)
    expected = engine.run(faults, x)
    assert (outputs == expected.outputs).all(), result.path
    assert (result.detected == expected.detected[:, 0]).all()
    golden = models.golden.outputs
    if design.network.task == "classification":
        sdc = (expected.outputs.argmax(-1) != golden.argmax(-1)).sum(1)
    else:
        sdc = (expected.outputs != golden).any(-1).sum(1)
    assert result.sdc.tolist() == sdc.tolist()


def test_most_drawn_networks_are_no_chain_and_some_are():
    """Both paths of the test above are taken."""
    paths = set()

    @settings(SETTINGS, max_examples=60)
    @given(cases())
    def gather(case):
        paths.add(Models(case[0], case[2]).path.split()[0])

    gather()
    assert "layers" in paths and len(paths) == 2


@settings(SETTINGS, max_examples=10)
@given(design_points())
def test_a_site_outside_the_design_is_refused(design):
    x = np.zeros((1, *design.network.input.shape), np.int64)
    faults = FaultList.single(np.array([3 * design.network.stored_bits]))
    with pytest.raises(FaultError, match="does not exist"):
        Models(DesignPoint.unprotected(design.network), x).run(faults)
