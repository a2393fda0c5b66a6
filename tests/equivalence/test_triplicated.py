"""Whole-module TMR of the datapath: what is in it, what it masks, and the cycle model of it."""

import numpy as np
import pytest

from netsurf.campaign.avf import cycle_model
from netsurf.cosim.engines import VerilatorEngine
from netsurf.cosim.readers import read_everywhere
from netsurf.cosim.strike_bench import IcarusStrikes
from netsurf.cosim.strike_engines import VerilatorStrikes
from netsurf.emit import architecture, emit
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import UnsupportedLayerError
from netsurf.fault import FaultList
from netsurf.fault.strikes import Strike, StrikeList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.ir import Layer, Network, TensorSpec, execute
from tests.equivalence.test_emit_tools import design as exact_design
from tests.equivalence.test_emit_tools import flip_flops
from tests.rtl_designs import design, mutant, samples

pytestmark = pytest.mark.rtl
needs_yosys = pytest.mark.rtl("pyosys")


@pytest.fixture(scope="module", params=["serial", "parallel"])
def triple(request, tmp_path_factory):
    point = design(0.3)
    chosen = architecture(request.param, point.network, triplicated=True)
    accelerator = emit(point, chosen, tmp_path_factory.mktemp("triple") / "d")
    return point, accelerator, samples(point.network, 16)


def copied(accelerator):
    """Register sites of the three copies: all but the flags and voter inputs of the stores."""
    space = accelerator.register_space
    return space.of_kind("accumulator", "pipeline", "activation", "control")


def test_no_single_upset_of_the_datapath_reaches_an_output(triple):
    """Exhaustive in RTL and in the model: every bit of every copy in every cycle."""
    point, accelerator, inputs = triple
    sites, cycles = copied(accelerator), accelerator.latency
    strikes = StrikeList.registers(np.repeat(sites, cycles), np.tile(np.arange(cycles), len(sites)))
    chosen = np.arange(len(strikes)) % 16
    got = VerilatorStrikes(accelerator, point).run(strikes, inputs, chosen)
    assert cycle_model(point, accelerator).run(strikes, inputs, chosen).differs(got).sum() == 0
    np.testing.assert_array_equal(got.outputs, execute(point.network, inputs)[chosen])
    assert set(got.counts) == {1}
    assert set(got.when) == {accelerator.latency}
    flag = np.uint64(1 << len(accelerator.stores))
    assert 0 < (got.errors == flag).sum() < len(strikes)
    assert set(got.errors.tolist()) == {0, int(flag)}


def pairs(accelerator, count, seed):
    """Two copies hit in cycles of their own, and now and then the flag or a stored bit as well."""
    rng = np.random.default_rng(seed)
    space, sites = accelerator.register_space, copied(accelerator)
    copies = [sites[[space.site(int(s)).register.replica == copy for s in sites]] for copy in range(3)]
    faults = []
    for _ in range(count):
        one, other = rng.permutation(3)[:2]
        place = int(rng.integers(len(copies[0])))
        again = place if rng.random() < 0.5 else int(rng.integers(len(copies[0])))
        cycles = rng.integers(accelerator.latency, size=3).tolist()
        fault = [Strike(cycles[0], int(copies[one][place]))]
        fault.append(Strike(cycles[rng.integers(2)], int(copies[other][again])))
        if rng.random() < 0.2:
            fault.append(Strike(cycles[2], int(rng.integers(space.size))))
        faults.append(fault)
    return StrikeList.of(faults), rng.integers(16, size=count)


def test_upsets_in_two_copies_are_what_the_model_says(triple):
    point, accelerator, inputs = triple
    strikes, chosen = pairs(accelerator, 3000, 1)
    got = VerilatorStrikes(accelerator, point).run(strikes, inputs, chosen)
    assert cycle_model(point, accelerator).run(strikes, inputs, chosen).differs(got).sum() == 0
    assert (got.outputs != execute(point.network, inputs)[chosen]).any(axis=1).sum() > 50
    few = np.arange(150)
    icarus = IcarusStrikes(accelerator, point).run(strikes.take(few), inputs, chosen[few])
    expected = cycle_model(point, accelerator).run(strikes.take(few), inputs, chosen[few])
    assert icarus.differs(expected).sum() == 0


def test_stored_bits_behave_as_before(tmp_path):
    """The store is outside: the main job's engine and the reference agree on a triplicated design."""
    point = design(0.3)
    accelerator = emit(point, architecture("serial", point.network, triplicated=True), tmp_path / "d")
    faults, inputs = FaultList.single(point.space.sites[::7]), samples(point.network, 16)
    expected = ReferenceEngine(point).run(faults, inputs)
    assert compare("rtl", expected, VerilatorEngine(accelerator, point).run(faults, inputs)).count == 0


@needs_yosys
@pytest.mark.parametrize("name", ["serial", "parallel"])
def test_yosys_keeps_three_datapaths(name, tmp_path):
    """Exactly three times the registers, and one flag more."""
    point = exact_design(0.2)
    plain = emit(point, architecture(name, point.network), tmp_path / "plain")
    triple = emit(point, architecture(name, point.network, triplicated=True), tmp_path / "triple")
    flags = len(plain.register_space.of_kind("flag"))
    assert triple.registers == 3 * (plain.registers - flags) + flags + 1
    assert flip_flops(triple) == triple.flip_flops


@needs_yosys
def test_a_copy_that_is_gone_is_missed(tmp_path):
    """The negative control of the count: one copy taken out of the netlist.

    (Yosys 0.70 does not merge the copies of its own accord, with the attribute or without it: each has state
    that depends on itself, which structural merging does not see through.)
    """
    point = exact_design(0)
    triple = emit(point, architecture("serial", point.network, triplicated=True), tmp_path / "d")
    left = flip_flops(triple, before=f"delete {triple.top}/u_datapathC;")
    assert left == triple.flip_flops - triple.registers // 3
    assert flip_flops(triple, before="setattr -mod -unset keep_hierarchy *;") == triple.flip_flops


def test_every_tool_reads_it(triple, tmp_path):
    assert len(read_everywhere(triple[1], tmp_path)) == 3


def test_a_voter_that_follows_one_copy_is_seen(tmp_path):
    """The negative control: with the third copy tied to the first, upsets of the first reach the output."""
    point = design(0)
    accelerator = emit(point, architecture("parallel", point.network, triplicated=True), tmp_path / "d")
    broken = mutant(accelerator, "rtl/ns_voter.v", "(inB & inC & mask)", "(inB & inA & mask)")
    broken = mutant(broken, "rtl/ns_voter.v", "(inA & (inB | inC | ~mask))", "(inA | (inB & inC & ~mask))")
    inputs = samples(point.network, 16)
    sites = copied(broken)
    strikes = StrikeList.registers(sites, np.ones(len(sites), np.int64))
    chosen = np.arange(len(sites)) % 16
    got = IcarusStrikes(broken, point).run(strikes, inputs, chosen)
    assert (got.outputs != execute(point.network, inputs)[chosen]).any()


def test_a_network_that_stores_nothing_is_refused(tmp_path):
    x = TensorSpec((4,), FixedFormat(6, 3))
    layer = Layer("relu", "relu", ("input",), TensorSpec((4,), FixedFormat(4, 2, False)))
    point = DesignPoint.unprotected(Network("plain", x, (layer,), "regression"))
    with pytest.raises(UnsupportedLayerError, match="stores no weights"):
        emit(point, architecture("parallel", point.network, triplicated=True), tmp_path / "d")
    assert not (tmp_path / "d").exists()
