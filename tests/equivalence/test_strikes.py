"""Upsets of registers, voter inputs and replicas at clock cycles: the cycle model is the RTL, counted."""

from functools import cache

import numpy as np
import pytest

from netsurf.cosim.strike_bench import IcarusStrikes
from netsurf.cosim.strike_engines import VerilatorStrikes
from netsurf.emit import Architecture, architecture, emit
from netsurf.errors import FaultError, ToolFailedError
from netsurf.fault.registers import KINDS
from netsurf.fault.strikes import Strike, StrikeList, window
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.inject.cycle import CycleModel
from netsurf.ir import Layer, Network, TensorSpec, execute
from tests.rtl_designs import design, emitted, mutant, samples
from tests.strategies import dense, random_codes

pytestmark = pytest.mark.rtl


def model_of(point, accelerator, **changes):
    factors = accelerator.architecture["reuse_factors"]
    arguments = {
        "registers": accelerator.register_space,
        "reuse_factors": factors,
        "latency": accelerator.latency,
    }
    return CycleModel(point, **arguments | changes)


@pytest.fixture(scope="module", params=["serial", "parallel"])
def small(request, tmp_path_factory):
    point = design(0.3)
    accelerator = emitted(point, request.param, tmp_path_factory.mktemp("small"))
    return point, accelerator, samples(point.network, 16)


def everywhere(accelerator, cycles):
    """Every register bit and voter input at every cycle, each on another sample in turn."""
    size = accelerator.register_space.size
    sites, when = np.repeat(np.arange(size), cycles), np.tile(np.arange(cycles), size)
    return StrikeList.registers(sites, when), (np.arange(size * cycles) * 7) % 16


def test_without_a_strike_it_is_the_reference(small):
    point, accelerator, inputs = small
    result = model_of(point, accelerator).run(StrikeList.of([()] * 16), inputs, np.arange(16))
    np.testing.assert_array_equal(result.outputs, execute(point.network, inputs))
    assert set(result.counts) == {1}
    assert set(result.when) == {accelerator.latency}
    assert not result.errors.any()


def test_every_bit_at_every_cycle(small):
    """Exhaustive: all registers and voter inputs, in every cycle of an inference and some behind it."""
    point, accelerator, inputs = small
    strikes, chosen = everywhere(accelerator, accelerator.latency + 2)
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    got = VerilatorStrikes(accelerator, point).run(strikes, inputs, chosen)
    assert got.differs(expected).sum() == 0, f"of {len(strikes)}"
    assert set(accelerator.register_space.kinds(strikes.sites)) >= set(KINDS) - {"pipeline", "activation"}
    assert {0, 1, 2} <= set(got.counts)  # hangs of both sorts were among them
    assert got.errors.any()


def test_the_comparison_sees_a_cycle_too_late_and_a_bit_beside(small):
    """The negative control: the same strikes one cycle later, and one bit higher, are other faults."""
    point, accelerator, inputs = small
    strikes, chosen = everywhere(accelerator, accelerator.latency)
    engine = VerilatorStrikes(accelerator, point)
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    late = StrikeList.registers(strikes.sites, strikes.cycles + 1)
    beside = StrikeList.registers((strikes.sites + 1) % accelerator.register_space.size, strikes.cycles)
    for wrong in (late, beside):
        assert engine.run(wrong, inputs, chosen).differs(expected).sum() > len(strikes) // 100


def drawn(point, accelerator, count, seed):
    """Faults of one to four strikes: replicas of one bit at two cycles, registers, voters, in any mixture."""
    rng = np.random.default_rng(seed)
    space, registers, faults = point.space, accelerator.register_space, []
    for _ in range(count):
        cycles = rng.integers(accelerator.latency, size=4).tolist()
        if rng.random() < 0.4:
            bit = int(rng.choice(space.protected))
            replicas = rng.permutation(3)[: rng.integers(2, 4)].tolist()
            stored = [(cycles[r], bit + r * space.stored_bits) for r in replicas]
            fault = [Strike(*where, stored=True) for where in stored]
        else:
            fault = [Strike(cycles[0], int(rng.choice(space.sites)), stored=True)]
        extra = rng.integers(registers.size, size=rng.integers(0, 3)).tolist()
        fault += [Strike(cycle, site) for cycle, site in zip(cycles, extra, strict=False)]
        faults.append(fault)
    return StrikeList.of(faults), rng.integers(16, size=count)


def test_replicas_registers_and_voters_together(small):
    point, accelerator, inputs = small
    strikes, chosen = drawn(point, accelerator, 4000, 5)
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    got = VerilatorStrikes(accelerator, point).run(strikes, inputs, chosen)
    assert got.differs(expected).sum() == 0
    golden = execute(point.network, inputs)[chosen]
    assert (got.outputs != golden).any(axis=1).sum() > 100


def test_icarus_forces_the_voters(small):
    """Another simulator, another bench, and the voter inputs forced at the voter itself."""
    point, accelerator, inputs = small
    strikes, chosen = drawn(point, accelerator, 120, 6)
    single, more = everywhere(accelerator, accelerator.latency)
    pick = np.random.default_rng(7).permutation(len(single))[:180]
    both = StrikeList.of([strikes[n] for n in range(120)] + [single[int(n)] for n in pick])
    chosen = np.concatenate([chosen, more[pick]])
    expected = model_of(point, accelerator).run(both, inputs, chosen)
    got = IcarusStrikes(accelerator, point).run(both, inputs, chosen)
    assert got.differs(expected).sum() == 0


@cache
def awkward():
    """Sums that round and saturate, a layer in front of the first sum, an unsigned activation that wraps."""
    rng = np.random.default_rng(11)
    x, weight = FixedFormat(6, 3), FixedFormat(5, 2)
    narrow = TensorSpec((12,), FixedFormat(4, 2, True, "RND", "SAT_SYM"))
    chain = FixedFormat(9, 5, True, "RND_CONV", "SAT")
    hidden = TensorSpec((6,), FixedFormat(5, 3, False, "TRN", "WRAP"))
    wide = FixedFormat(18, 9)
    layers = (
        Layer("cut", "linear", ("input",), narrow),
        dense("fc1", "cut", narrow, 6, weight, weight, chain, FixedFormat(7, 4, True, "RND", "SAT"), rng),
        Layer("relu1", "relu", ("fc1",), hidden),
        dense("fc2", "relu1", hidden, 6, weight, weight, wide, wide, rng),
        dense("fc3", "fc2", TensorSpec((6,), wide), 3, weight, weight, FixedFormat(26, 12), wide, rng),
    )
    network = Network("awkward", TensorSpec((12,), x), layers, "regression")
    bits = rng.permutation(network.stored_bits)[: network.stored_bits // 2]
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits))


@pytest.mark.parametrize("factors", [(4, 3, 1), (12, 1, 2), (1, 2, 6), (3, 1, 1)])
def test_reuse_factors_between(factors, tmp_path):
    point = awkward()
    chosen_architecture = Architecture("mixed", dict(zip(("fc1", "fc2", "fc3"), factors, strict=True)))
    accelerator = emit(point, chosen_architecture, tmp_path / "d")
    inputs = random_codes(point.network.input.format, (16, 12), np.random.default_rng(3))
    strikes, chosen = drawn(point, accelerator, 150, 8)
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    got = IcarusStrikes(accelerator, point).run(strikes, inputs, chosen)
    assert got.differs(expected).sum() == 0


def test_a_design_without_a_dense_layer(tmp_path):
    x = TensorSpec((4,), FixedFormat(6, 3))
    layer = Layer("relu", "relu", ("input",), TensorSpec((4,), FixedFormat(4, 2, False, "RND", "SAT")))
    point = DesignPoint.unprotected(Network("plain", x, (layer,), "regression"))
    accelerator = emit(point, architecture("parallel", point.network), tmp_path / "d")
    inputs = random_codes(x.format, (16, 4), np.random.default_rng(3))
    strikes, chosen = everywhere(accelerator, 3)
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    assert IcarusStrikes(accelerator, point).run(strikes, inputs, chosen).differs(expected).sum() == 0


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("rtl/ns_dense.v", "done_q <= mac_q && last_q;", "done_q <= mac_q;"),
        ("rtl/ns_dense.v", "kernel_row_o = last ? LAST[ROW_W-1:0] : row_q;", "kernel_row_o = row_q;"),
        ("rtl/ns_feed.v", "!valid_q || (beat_last_o && beat_ready_i)", "!valid_q || beat_ready_i"),
    ],
)
def test_a_small_change_of_the_rtl_is_seen(file, old, new, tmp_path):
    """The negative control in hardware: defects of the control logic that some strikes uncover."""
    point = design(0.3)
    accelerator = mutant(emitted(point, "serial", tmp_path), file, old, new)
    inputs = samples(point.network, 16)
    registers = accelerator.register_space
    sites = np.repeat(registers.of_kind("control"), 6)
    strikes = StrikeList.registers(sites, np.tile(np.arange(2, 14, 2), len(sites) // 6))
    chosen = np.arange(len(strikes)) % 16
    expected = model_of(point, accelerator).run(strikes, inputs, chosen)
    assert differences(IcarusStrikes(accelerator, point), strikes, inputs, chosen, expected) > 0


def differences(engine, strikes, inputs, chosen, expected):
    """Rows that differ; all of them if an output has unknown bits, as a word that is not there reads."""
    try:
        return engine.run(strikes, inputs, chosen).differs(expected).sum()
    except ToolFailedError as error:
        if "missing or unknown" not in str(error):
            raise
        return len(strikes)


def test_a_strike_behind_the_window_changes_nothing(small):
    point, accelerator, inputs = small
    strikes = StrikeList.of([[Strike(window(accelerator.latency), 0)]])
    result = model_of(point, accelerator).run(strikes, inputs, [0])
    np.testing.assert_array_equal(result.outputs[0], execute(point.network, inputs[:1])[0])


def test_a_negative_cycle_and_a_wrong_sample_are_refused(small):
    point, accelerator, inputs = small
    with pytest.raises(FaultError, match="cycle from 0 on"):
        model_of(point, accelerator).run(StrikeList.of([[Strike(-1, 0)]]), inputs, [0])
    with pytest.raises(FaultError, match=r"rows of 0\.\.15"):
        model_of(point, accelerator).run(StrikeList.of([[Strike(1, 0)]]), inputs, [16])
