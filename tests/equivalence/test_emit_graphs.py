"""Graphs of every layer kind: the emitted Verilog computes what the reference executor computes, in time."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.emit import architecture, emit
from netsurf.emit.timing import SAMPLES
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute
from tests import rtl_bench
from tests.graphs import graphs
from tests.strategies import architectures, dense, inputs

pytestmark = pytest.mark.rtl("icarus")

few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


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
    codes = np.repeat(data.draw(inputs(network, max_samples=1)), SAMPLES, axis=0)
    seen = rtl_bench.run(accelerator, network, codes)
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    assert np.diff(seen.answered)[-1] == accelerator.interval


MUTANTS = {
    "ring_overwritten": ("ns_window.v", "(row_q == ring_row && col_q < first_col_q)", "row_q == ring_row"),
    "padding_forgotten": ("ns_window.v", "row >= 0 && row < ROWS", "row < ROWS"),
    "patch_too_early": ("ns_window.v", "col_q > newest_col", "col_q >= newest_col"),
    "largest_unsigned": ("ns_pool.v", "(X_SIGNED != 0) ? $signed(b) > $signed(a)", "(X_SIGNED != 0) ? b > a"),
    "mean_of_one_less": ("ns_pool.v", "DIVISOR = DIVISORS[32*k+:32];", "DIVISOR = DIVISORS[32*k+:32] - 1;"),
    "every_window_whole": ("ns_pool.v", "WHICH[place_q*KIND_W+:KIND_W]", "KINDS - 1"),
    "branches_of_two_beats": (
        "ns_fifo.v",
        "assign out_data_o  = mem_q[head_q];",
        "assign out_data_o  = mem_q[0];",
    ),
    "part_of_a_sum": ("ns_add.v", "(b <<< B_UP)", "b"),
    "bias_off_grid": ("ns_scale.v", "(b <<< BIAS_UP)", "b"),
    "parts_in_reverse": (
        "ns_gather.v",
        "{beat_data_i, data_q[BEATS*BEAT_W-1:BEAT_W]}",
        "{data_q, beat_data_i}",
    ),
    "channels_share_an_input": ("ns_mac.v", "j%X_LANES", "0"),
}


@pytest.mark.parametrize("mutant", [None, *MUTANTS])
def test_a_small_defect_of_a_cell_is_seen(mutant, tmp_path):
    """The negative controls of this file, on one graph with every cell that streams pixels."""
    network = _residual()
    codes = np.random.default_rng(3).integers(-8, 8, (6, *network.input.shape))
    accelerator = emit(DesignPoint.unprotected(network), architecture("serial", network), tmp_path / "d")
    assert rtl_bench.is_right(accelerator, network, codes, MUTANTS.get(mutant)) == (mutant is None)


def _residual():
    """Image, convolution with padding, depthwise branch and short cut, normalisation, two poolings, dense."""
    rng = np.random.default_rng(1)
    x, w, wide = FixedFormat(4, 2), FixedFormat(4, 1), FixedFormat(16, 8)

    def stored(name, **shapes):
        return {
            role: Parameter(f"{name}.{role}", rng.integers(w.minimum, w.maximum + 1, shape), w)
            for role, shape in shapes.items()
        }

    same = {"strides": (1, 1), "padding": (1, 1, 1, 1), "dilation": (1, 1), "accumulator": wide}
    pool = {"strides": (2, 2), "padding": (0, 0, 0, 0), "size": (2, 2), "accumulator": FixedFormat(9, 5)}
    line = {"strides": (1, 1), "padding": (0, 0, 0, 0), "size": (3, 3), "accumulator": FixedFormat(9, 5)}
    around = {**line, "padding": (1, 1, 1, 1)}
    image, half = TensorSpec((6, 6, 2), x), TensorSpec((3, 3, 2), x)
    layers = (
        Layer("conv", "conv", ("input",), image, stored("conv", kernel=(3, 3, 2, 2), bias=(2,)), same),
        Layer("deep", "depthwise", ("conv",), image, stored("deep", kernel=(3, 3, 2), bias=(2,)), same),
        Layer(
            "bn",
            "batchnorm",
            ("deep",),
            TensorSpec((6, 6, 2), FixedFormat(6, 2)),
            stored("bn", scale=(2,), bias=(2,)),
        ),
        Layer("sum", "add", ("bn", "conv"), TensorSpec((6, 6, 2), x)),
        Layer("most", "max_pool", ("sum",), half, {}, pool),
        Layer("soft", "average_pool", ("most",), half, {}, around),
        Layer("mean", "average_pool", ("soft",), TensorSpec((2,), x), {}, line),
        Layer("flat", "flatten", ("most",), TensorSpec((18,), x)),
        Layer("all", "concatenate", ("flat", "mean"), TensorSpec((20,), x), {}, {"axis": 0}),
        dense("fc", "all", TensorSpec((20,), x), 3, w, w, wide, wide, rng),
    )
    return Network("residual", image, layers)
