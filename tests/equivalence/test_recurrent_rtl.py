"""LSTM and GRU in Verilog: what the reference executor computes, in the time of the model."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netsurf.emit import emit
from netsurf.emit.timing import SAMPLES
from netsurf.harden import DesignPoint
from netsurf.ir import execute
from tests import rtl_bench
from tests.recurrent import networks
from tests.strategies import architectures, inputs

pytestmark = pytest.mark.rtl("icarus")

few = settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@given(data=st.data(), network=networks(), stall=st.booleans())
@few
def test_layers_equal_the_reference(data, network, stall, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = data.draw(inputs(network))
    seen = rtl_bench.run(accelerator, network, codes, stall=stall)
    np.testing.assert_array_equal(seen.outputs, execute(network, codes).reshape(len(codes), -1))


@given(data=st.data(), network=networks())
@few
def test_latency_and_interval_are_those_of_the_model(data, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = np.repeat(data.draw(inputs(network, max_samples=1)), SAMPLES, axis=0)
    seen = rtl_bench.run(accelerator, network, codes)
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    assert np.diff(seen.answered)[-1] == accelerator.interval
