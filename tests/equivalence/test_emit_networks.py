"""The emitted Verilog computes what the reference executor computes, in the cycles it states."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.emit import architecture, emit, load, locate, number
from netsurf.ir import execute
from tests import rtl_bench
from tests.strategies import architectures, design_points, inputs

pytestmark = pytest.mark.rtl("icarus")

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@given(data=st.data(), design=design_points(), stall=st.booleans())
@few
def test_outputs_equal_the_reference(data, design, stall, tmp_path_factory):
    network = design.network
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(design, data.draw(architectures(network)), folder)
    codes = data.draw(inputs(network))
    seen = rtl_bench.run(accelerator, network, codes, stall=stall)
    expected = execute(network, codes)
    np.testing.assert_array_equal(seen.outputs, expected)
    if network.task == "classification":
        np.testing.assert_array_equal(seen.decisions, expected.argmax(axis=1))
    assert set(seen.errors) == {"0"}


@given(data=st.data(), design=design_points())
@few
def test_latency_and_interval_are_as_stated(data, design, tmp_path_factory):
    network = design.network
    accelerator = emit(design, data.draw(architectures(network)), tmp_path_factory.mktemp("design") / "d")
    codes = np.repeat(data.draw(inputs(network, max_samples=1)), 6, axis=0)
    seen = rtl_bench.run(accelerator, network, codes)
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    assert set(np.diff(seen.answered)[-3:]) == {accelerator.interval}


@given(data=st.data(), design=design_points())
@few
def test_an_upset_does_what_the_voter_says(data, design, tmp_path_factory):
    """One upset replica changes nothing and is reported; an unprotected upset is computed with."""
    from netsurf.fault import Fault
    from netsurf.harden import faulty_parameters, resolve

    network, space = design.network, design.space
    accelerator = emit(design, data.draw(architectures(network)), tmp_path_factory.mktemp("design") / "d")
    seed = data.draw(st.integers(0, 2**32 - 1))
    sites = np.sort(np.random.default_rng(seed).choice(space.sites, min(4, space.size), replace=False))
    where = locate(accelerator, sites)
    upsets = [
        (accelerator.stores[s].banks[r], w, b)
        for s, r, w, b in zip(where.store, where.replica, where.word, where.bit, strict=True)
    ]
    codes = data.draw(inputs(network))
    seen = rtl_bench.run(accelerator, network, codes, upsets=upsets)
    upset = resolve(design, Fault(tuple(int(s) for s in sites), "flip"))
    np.testing.assert_array_equal(
        seen.outputs, execute(network, codes, faulty_parameters(design, upset.bits))
    )
    assert ("1" in seen.errors) == upset.detected
    np.testing.assert_array_equal(number(accelerator, where), sites)


MUTANTS = {
    "voter_input_tied": ("ns_voter.v", "(inB & inC & mask)", "inB"),
    "weight_index_shifted": (
        "ns_mac.v",
        "w_i[(k*N_OUT+j)*W_W+:W_W]",
        "w_i[(k*N_OUT+(j+1)%N_OUT)*W_W+:W_W]",
    ),
    "stale_weight": ("ns_dense.v", "w_q     <= kernel_data_i;", "if (row_q == 0) w_q <= kernel_data_i;"),
    "rounding_mode": ("ns_requantize.v", "half && (more || odd)", "half"),
    "bias_forgotten": (
        "ns_mac.v",
        "first_i ? bias_i[j*ACC_W+:ACC_W] : acc_q",
        "first_i ? {ACC_W{1'b0}} : acc_q",
    ),
    "pipeline_ignores_stall": (
        "ns_dense.v",
        "wire advance = !done_q || acc_ready_i;",
        "wire advance = 1'b1;",
    ),
}


@pytest.mark.parametrize("mutant", [None, *MUTANTS])
def test_a_small_defect_is_seen(mutant, tmp_path):
    """The negative controls of this file: each defect changes an output or a flag that the tests compare."""
    design, codes = _witness()
    accelerator = emit(design, architecture("serial", design.network), tmp_path / "d")
    where = locate(accelerator, design.plan.bits[:1])
    upsets = [(accelerator.stores[where.store[0]].banks[1], int(where.word[0]), int(where.bit[0]))]
    right = rtl_bench.is_right(accelerator, design.network, codes, MUTANTS.get(mutant), upsets)
    assert right == (mutant is None)


def _witness():
    """A design on which every mutant shows: half protected, many samples, ties in the rounding."""
    from netsurf.fixed import FixedFormat
    from netsurf.harden import DesignPoint, ProtectionPlan
    from netsurf.ir import Layer, Network, TensorSpec
    from tests.strategies import dense

    rng = np.random.default_rng(5)
    x, w = FixedFormat(6, 2, False), FixedFormat(4, 1)
    hidden, wide = FixedFormat(8, 4, False, "RND_CONV", "SAT"), FixedFormat(14, 7)
    first, middle = TensorSpec((6,), x), TensorSpec((4,), hidden)
    layers = (
        dense("fc1", "input", first, 4, w, w, wide, wide, rng),
        Layer("relu1", "relu", ("fc1",), middle),
        dense("fc2", "relu1", middle, 3, w, w, FixedFormat(16, 8), FixedFormat(16, 8), rng),
    )
    network = Network("witness", first, layers)
    bits = rng.permutation(network.stored_bits)[: network.stored_bits // 2]
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits)), rng.integers(
        0, 64, (40, 6)
    )


def test_a_frame_that_ends_early_is_dropped(tmp_path):
    """What comes behind a broken frame is computed as if the frame had not been there."""
    design, codes = _witness()
    accelerator = emit(design, architecture("serial", design.network), tmp_path / "d")
    text = rtl_bench.BENCH.replace(
        "s_last = beat % BEATS == BEATS - 1;",
        "s_last = beat == 2 || (beat > 2 && (beat - 3) % BEATS == BEATS - 1);",
    )
    shifted = np.concatenate([np.zeros(3, np.int64), codes.reshape(-1)])[: codes.size].reshape(codes.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rtl_bench, "BENCH", text.replace("got < SAMPLES", "got < SAMPLES - 1"))
        seen = rtl_bench.run(accelerator, design.network, shifted)
    np.testing.assert_array_equal(seen.outputs, execute(design.network, codes[: len(seen.outputs)]))


def test_a_network_without_a_dense_layer(tmp_path):
    """Nothing is stored and nothing is accumulated; one register holds the output."""
    from netsurf.fixed import FixedFormat
    from netsurf.harden import DesignPoint
    from netsurf.ir import Layer, Network, TensorSpec

    first, flat = TensorSpec((2, 3), FixedFormat(5, 2)), TensorSpec((6,), FixedFormat(5, 2))
    out = TensorSpec((6,), FixedFormat(3, 1, False, "RND", "SAT"))
    layers = (Layer("flat", "flatten", ("input",), flat), Layer("relu", "relu", ("flat",), out))
    network = Network("plain", first, layers)
    codes = np.random.default_rng(0).integers(-16, 16, (9, 2, 3))
    accelerator = emit(DesignPoint.unprotected(network), architecture("serial", network), tmp_path / "d")
    seen = rtl_bench.run(accelerator, network, codes)
    np.testing.assert_array_equal(seen.outputs, execute(network, codes))
    assert (seen.answered - seen.accepted).tolist() == [accelerator.latency] * 9


def test_a_changed_file_is_refused(tmp_path):
    from netsurf.errors import SiteMapError

    design, _ = _witness()
    accelerator = emit(design, architecture("parallel", design.network), tmp_path / "d")
    assert replace(load(tmp_path / "d")) == accelerator
    path = accelerator.paths[0]
    path.write_text(path.read_text() + "\n")
    with pytest.raises(SiteMapError, match="was changed"):
        load(tmp_path / "d")
