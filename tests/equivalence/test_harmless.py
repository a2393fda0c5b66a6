"""A bit that interval analysis calls harmless changes no output for any input, tried one by one."""

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine
from netsurf.fault import FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.ir import Layer, Network, TensorSpec, execute, load
from netsurf.paths import benchmarks
from netsurf.rank import harmless as analysis
from netsurf.rank.harmless import Range, cast_range, harmless, tensor_ranges
from tests.ranking import mixed_network
from tests.strategies import formats, networks

MOST_INPUTS = 4096


def every_input(network):
    """All inputs of the declared format."""
    target = network.input.format
    codes = range(target.minimum, target.maximum + 1)
    return np.array(list(product(codes, repeat=network.input.size))).reshape(-1, *network.input.shape)


def masked_for_every_input(network):
    """``(S,)`` whether an upset changes no output of any input: the truth, by running all of them."""
    inputs, bits = every_input(network), np.arange(network.stored_bits)
    golden = execute(network, inputs)
    engine = ReferenceEngine(DesignPoint.unprotected(network))
    found = [engine.run(FaultList.single(bits[b : b + 1]), inputs).outputs[0] for b in bits]
    return np.array([(outputs == golden).all() for outputs in found])


small = networks(max_size=3, max_dense=2, widths=(1, 4)).filter(
    lambda network: 2 ** (network.input.format.width * network.input.size) <= MOST_INPUTS
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(small)
def test_harmless_bits_change_nothing(network):
    truth = masked_for_every_input(network)
    found = harmless(network)
    assert found.shape == truth.shape
    assert not (found & ~truth).any(), f"bits {np.flatnonzero(found & ~truth)} are not harmless"


def test_most_of_what_is_harmless_is_found():
    """Not a promise, but an analysis that finds nothing would pass every other test."""
    proved = harmed = 0
    for seed in range(6):
        network = dead_network(seed)
        truth = masked_for_every_input(network)
        found = harmless(network)
        assert not (found & ~truth).any()
        proved, harmed = proved + found.sum(), harmed + truth.sum()
    assert proved > 0.6 * harmed > 0


def dead_network(seed):
    """A network with a relu that never opens, one that always saturates, and one that nothing reads."""
    rng = np.random.default_rng(seed)
    network = mixed_network(seed)
    first, relu, last = network.layers
    kernel, bias = first.parameters["kernel"], first.parameters["bias"]
    codes = kernel.codes.copy()
    codes[:, 0], codes[:, 1] = -abs(codes[:, 0]), 0
    biases = bias.codes.copy()
    biases[:2] = -64, 63
    behind = last.parameters["kernel"].codes.copy()
    behind[2] = 0
    first = _with(first, kernel=codes, bias=biases)
    last = _with(last, kernel=behind)
    relu = Layer(
        "relu1",
        "relu",
        ("fc1",),
        TensorSpec((4,), FixedFormat(3, int(rng.integers(1, 3)), False, "TRN", "SAT")),
    )
    spec = TensorSpec((3,), FixedFormat(3, 1, False))
    return Network("dead", spec, (first, relu, last))


def _with(layer, **codes):
    from dataclasses import replace

    stored = {
        role: replace(p, codes=codes.get(role, p.codes), pruned=None) for role, p in layer.parameters.items()
    }
    return replace(layer, parameters=stored)


@pytest.mark.parametrize("fault", ["narrow input", "one output unread", "rounding taken for order"])
def test_a_wrong_analysis_is_noticed(monkeypatch, fault):
    """The negative controls: each breaks one argument of the proof, and some bit is then called harmless."""
    if fault == "narrow input":
        full = Range.full.__func__
        monkeypatch.setattr(
            Range,
            "full",
            classmethod(
                lambda cls, target, shape: Range(
                    0 * full(cls, target, shape).low, 0 * full(cls, target, shape).low
                )
            ),
        )
    elif fault == "one output unread":
        monkeypatch.setattr(analysis, "_reads", lambda layer, reads, shape: np.zeros(shape, bool))
    else:
        monkeypatch.setattr(
            analysis, "cast_range", lambda codes, fraction, target: Range(codes.low * 0, codes.low * 0)
        )
    network = dead_network(0)
    assert (harmless(network) & ~masked_for_every_input(network)).any()


@given(formats((1, 8)), st.integers(-3, 6), st.integers(-300, 300), st.integers(0, 60))
def test_a_cast_range_holds_every_code_and_ends_at_codes(target, fraction, low, size):
    from netsurf.fixed import cast

    codes = cast(np.arange(low, low + size + 1), fraction, target)
    found = cast_range(Range(np.array(low), np.array(low + size)), fraction, target)
    assert found.low <= codes.min() <= codes.max() <= found.high


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(small)
def test_tensor_ranges_hold_every_value(network):
    from netsurf.ir import trace

    ranges = tensor_ranges(network)
    for name, codes in trace(network, every_input(network)).items():
        assert (ranges[name].low <= codes.min(axis=0)).all(), name
        assert (codes.max(axis=0) <= ranges[name].high).all(), name


def test_a_layer_kind_without_a_rule_has_no_harmless_bits(monkeypatch):
    monkeypatch.setattr(analysis, "_RULES", {})
    assert not harmless(dead_network(0)).any()


def test_harmless_bits_of_a_benchmark_are_masked_on_every_test_sample():
    from netsurf.frontend.problem import problem
    from netsurf.inject import exhaustive

    judged = problem("autompg")
    network = load(benchmarks() / "autompg")
    targets = (judged.labels - judged.offset) / judged.scale
    result = exhaustive(network, judged.inputs, targets, tolerance=0.0)
    found = harmless(network)
    assert result.sdc[found].max(initial=0) == 0
    assert found.mean() < 0.9
