"""Graphs of every layer kind: the emitted Verilog computes what the reference executor computes, in time."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.emit import Architecture, architecture, emit
from netsurf.emit.architecture import _choices
from netsurf.harden import DesignPoint
from netsurf.ir import execute
from tests import rtl_bench
from tests.graphs import graphs
from tests.strategies import inputs

pytestmark = pytest.mark.rtl("icarus")

few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def architectures(draw, network):
    """Serial, parallel, or any reuse factors that can be built."""
    name = draw(st.sampled_from(["serial", "parallel", "mixed"]))
    if name != "mixed":
        return architecture(name, network)
    choices = _choices(network)
    return Architecture("mixed", {layer: draw(st.sampled_from(some)) for layer, some in choices.items()})


@given(data=st.data(), network=graphs(dilated=True), stall=st.booleans())
@few
def test_graphs_equal_the_reference(data, network, stall, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = data.draw(inputs(network))
    seen = rtl_bench.run(accelerator, network, codes, stall=stall)
    np.testing.assert_array_equal(seen.outputs, execute(network, codes).reshape(len(codes), -1))


@given(data=st.data(), network=graphs(dilated=True))
@few
def test_latency_and_interval_are_those_of_the_model(data, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = np.repeat(data.draw(inputs(network, max_samples=1)), 3, axis=0)
    seen = rtl_bench.run(accelerator, network, codes)
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    assert np.diff(seen.answered)[-1] == accelerator.interval
