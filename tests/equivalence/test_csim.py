"""hls4ml's own C++ against the reference executor: equal integers on drawn networks, faults and inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import FaultError, NetworkError, ToolFailedError, UnsupportedLayerError
from netsurf.fault import Fault, FaultList, bernoulli, exact_count
from netsurf.fixed import FixedFormat, parse_format
from netsurf.frontend.from_hls4ml import read_network
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.hls import csim
from netsurf.hls.csim import CSimEngine
from netsurf.hls.from_network import model_graph
from netsurf.ir import Layer, Network, TensorSpec
from tests.drawn import assert_equal
from tests.strategies import dense, design_points, networks, random_codes


def small_network(rounding: str = "RND_CONV", overflow: str = "SAT") -> Network:
    """Two dense layers whose relu rounds and saturates, with weights that reach every corner."""
    rng = np.random.default_rng(11)
    weight, x = FixedFormat(6, 1), TensorSpec((12,), parse_format("ufixed<8,0>"))
    wide, narrow = FixedFormat(20, 7), FixedFormat(6, 0, False, rounding, overflow)
    first = dense("fc1", "input", x, 8, weight, weight, wide, wide, rng)
    relu = Layer("relu1", "relu", ("fc1",), TensorSpec((8,), narrow))
    last = dense("fc2", "relu1", relu.output, 4, weight, weight, FixedFormat(18, 7), FixedFormat(18, 7), rng)
    return Network("small", x, (first, relu, last))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Compiled libraries, shared by the tests of this file."""
    return tmp_path_factory.mktemp("csim")


@pytest.fixture(scope="module")
def design():
    network = small_network()
    ranking = np.random.default_rng(2).permutation(network.stored_bits)
    return DesignPoint(network, plan_by_level(network, ranking, 0.4, {}))


@pytest.fixture(scope="module")
def engine(design, folder):
    return CSimEngine(design, folder, jobs=2)


@pytest.fixture(scope="module")
def samples(design):
    return random_codes(design.network.input.format, (40, 12), np.random.default_rng(3))


def features(design, expected):
    """Kinds of layer, and what their accumulators do beyond their range."""
    yield "networks"
    for layer in design.network.layers:
        yield layer.kind
        if "accumulator" in layer.attributes:
            yield f"accumulator {layer.attributes['accumulator'].overflow}"


def equal(examples: int, folder):
    return assert_equal(lambda design: CSimEngine(design, folder), examples, design_points(), features, 24)


def test_reference_and_csim_agree_on_drawn_networks(folder, quick_csim):
    covered = equal(4, folder)
    assert covered["networks"] == 4
    assert covered["pairs"] > 100
    assert {"dense", "accumulator WRAP"} <= set(covered)


@pytest.mark.slow
def test_reference_and_csim_agree_on_many_drawn_networks(folder, quick_csim):
    covered = equal(100, folder)
    assert covered["networks"] == 100
    kinds = {"dense", "relu", "linear", "flatten"}
    assert kinds | {f"accumulator {o}" for o in ("WRAP", "SAT", "SAT_ZERO", "SAT_SYM")} <= set(covered)


def test_protected_design_with_many_faults_agrees_pair_by_pair(design, engine, samples):
    lists = [bernoulli(design.space, 60, 1e-2, seed=1), exact_count(design.space, 60, 1, seed=2)]
    for faults in lists:
        expected = ReferenceEngine(design).run(faults, samples)
        got = engine.run(faults, samples)
        assert compare("csim", expected, got).count == 0
        assert expected.detected.any(), "the plan protects something that is hit"
        assert (expected.outputs != expected.outputs[-1]).any(), "the faults change outputs"


def test_faults_with_samples_of_their_own_agree(design, engine, samples):
    faults = exact_count(design.space, 30, 3, seed=4)
    rows = np.random.default_rng(5).integers(0, len(samples), (30, 7))
    expected = ReferenceEngine(design).run(faults, samples, rows)
    assert compare("csim", expected, engine.run(faults, samples, rows)).count == 0


def test_progress_counts_every_pair(design, folder, samples):
    seen = []
    engine = CSimEngine(design, folder, jobs=2, progress=seen.append)
    engine.run(exact_count(design.space, 50, 1, seed=8), samples)
    assert seen == sorted(set(seen))
    assert seen[-1] == 50 * len(samples)


def test_stuck_bits_and_two_of_three_replicas_agree(design, engine, samples):
    stored, bit = design.space.stored_bits, int(design.plan.bits[7])
    free = int(np.flatnonzero(~design.space.is_protected)[3])
    faults = FaultList.of(
        [Fault((bit,)), Fault((bit, stored + bit)), Fault((bit, stored + bit, 2 * stored + bit))]
        + [Fault((free,), kind) for kind in ("stuck0", "stuck1")]
        + [Fault(())]
    )
    got = engine.run(faults, samples)
    assert compare("csim", ReferenceEngine(design).run(faults, samples), got).count == 0
    assert got.detected[:, 0].tolist() == [True, True, False, False, False, False]
    assert (got.outputs[0] == got.outputs[5]).all(), "one replica of three changes nothing"
    assert (got.outputs[1] == got.outputs[2]).all(), "two of three are as bad as three"


def test_a_fault_that_is_not_undone_is_caught(design, folder, samples):
    """Negative control: a stale weight."""
    stale = CSimEngine(design, folder)
    before = stale.libraries[0].read()
    faults = exact_count(design.space, 10, 1, seed=6)
    expected = ReferenceEngine(design).run(faults, samples)
    assert compare("csim", expected, stale.run(faults, samples)).count == 0
    assert (stale.libraries[0].read() == before).all(), "a run leaves the weights as they were"
    stale.libraries[0].flip(word=3, mask=0b100000)
    agreement = compare("csim", expected, stale.run(faults, samples))
    assert agreement.count > 0
    assert agreement.mismatches[0].engine == "csim"


@pytest.mark.parametrize("wrong", [{"rounding": "TRN"}, {"overflow": "WRAP"}])
def test_a_wrong_mode_is_caught(design, engine, samples, wrong):
    """Negative control: the reference rounds or overflows in another way than the compiled network."""
    other = small_network(**wrong)
    assert other.digest != design.network.digest
    faults = FaultList.of([Fault(())])
    expected = ReferenceEngine(DesignPoint.unprotected(other)).run(faults, samples)
    assert compare("csim", expected, engine.run(faults, samples)).count > 0


def test_the_graph_made_from_a_network_reads_back_as_that_network(tmp_path):
    network = small_network()
    graph = model_graph(network, tmp_path)
    back = read_network(graph, network.name)
    assert [layer.kind for layer in back.layers] == [layer.kind for layer in network.layers]
    assert [layer.output for layer in back.layers] == [layer.output for layer in network.layers]
    for ours, theirs in zip(network.parameters.values(), back.parameters.values(), strict=True):
        assert (ours.codes == theirs.codes).all()
        assert ours.format == theirs.format


@given(networks(max_size=4))
@settings(deadline=None, max_examples=15)
def test_drawn_networks_make_the_way_to_hls4ml_and_back(tmp_path_factory, network):
    """A linear layer to its own type is the one thing that hls4ml leaves out."""
    back = read_network(model_graph(network, tmp_path_factory.mktemp("graph")), network.name, network.task)
    kept = [x for x in network.layers if x.kind != "linear" or network.spec(x.inputs[0]) != x.output]
    assert [(x.kind, x.output) for x in back.layers] == [(x.kind, x.output) for x in kept]
    for ours, theirs in zip(kept, back.layers, strict=True):
        assert ours.attributes == theirs.attributes


def test_two_engines_of_one_network_do_not_share_weights(design, folder, samples):
    first, second = CSimEngine(design, folder), CSimEngine(design, folder)
    first.libraries[0].flip(word=0, mask=1)
    assert (first.libraries[0].read() != second.libraries[0].read()).any()


def test_a_fault_with_a_cycle_is_refused(engine, samples):
    with pytest.raises(FaultError, match="fault 0 has a cycle"):
        engine.run(FaultList.of([Fault((1,), cycle=4)]), samples)


def test_inputs_that_are_no_codes_are_refused(engine, samples):
    faults = FaultList.of([Fault((1,))])
    with pytest.raises(NetworkError, match="must be integer codes"):
        engine.run(faults, samples / 256)
    with pytest.raises(NetworkError, match="do not fit"):
        engine.run(faults, samples + 255)


def test_a_failing_compiler_shows_its_log_and_leaves_nothing(design, tmp_path, monkeypatch):
    monkeypatch.setattr(csim, "FLAGS", (*csim.FLAGS, "-fno-such-thing"))
    with pytest.raises(ToolFailedError, match=r"g\+\+.* failed; its log is .*small-"):
        CSimEngine(design, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(design, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ToolFailedError, match="writing the C simulation"):
        CSimEngine(design, tmp_path / "file")


def test_a_kind_that_hls4ml_lacks_is_refused_by_name(tmp_path):
    network = small_network()
    layer = replace(network.layers[1], kind="mystery")
    with pytest.raises(
        UnsupportedLayerError, match=r"'relu1': hls4ml has no mystery; supported: add, .*dense"
    ):
        model_graph(_unchecked(network, layer), tmp_path)


def _unchecked(network: Network, layer: Layer) -> Network:
    """The network with its second layer replaced, without the checks that would refuse it earlier."""
    copy = object.__new__(Network)
    copy.__dict__.update(network.__dict__, layers=(network.layers[0], layer, network.layers[2]))
    return copy
