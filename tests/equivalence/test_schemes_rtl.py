"""Every protection scheme is the same thing in the reference, the fast injector, Verilator and Icarus."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netsurf.certify.transients import expected_transients
from netsurf.cosim import IcarusEngine, VerilatorEngine
from netsurf.emit import architecture, config_writes, emit, locate, number, walks
from netsurf.engine import ReferenceEngine, all_samples, compare
from netsurf.fault import Fault, FaultList
from netsurf.fault.lists import KINDS
from netsurf.harden import Assignment, DesignPoint, ProtectionPlan, plan_by_name
from netsurf.harden.scrub import history
from netsurf.inject import FastEngine
from tests.rtl_bench import simulate
from tests.rtl_designs import emitted, mutant, network, samples
from tests.strategies import fault_lists, guarded_points, inputs

pytestmark = pytest.mark.rtl("verilator", "icarus")

few = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
NETWORK = network()


def mixed(scrub: bool) -> DesignPoint:
    """Every scheme in one network, several in one tensor; with ``scrub``, two scrubbers."""
    kernel = np.arange(24 * 6).reshape(24, 6)
    second = 28 * 6 + np.arange(12 * 6).reshape(12, 6)
    bias = 24 * 6 + np.arange(24)
    some = kernel[np.arange(24) % 4 != 2]
    suffix, options = ("_scrub", {"period": 1}) if scrub else ("", {})
    schemes = (
        Assignment(f"secded{suffix}", some, {"word": 18, **options}),
        Assignment("dmr", np.concatenate([kernel[2:10:4].reshape(-1), second[:4].reshape(-1)])),
        Assignment("parity", np.concatenate([kernel[10:24:4].reshape(-1), second[4:8].reshape(-1)])),
        Assignment(f"tmr{suffix}", bias[::2], options),
        Assignment("tmr", second[8:11].reshape(-1)[::3]),
        Assignment("secded", 28 * 6 + 72 + np.arange(18), {"word": 12}),
    )
    schemes = tuple(Assignment(a.scheme, a.bits.reshape(-1), a.options) for a in schemes)
    return DesignPoint(
        NETWORK, ProtectionPlan(NETWORK.digest, NETWORK.stored_bits, np.empty(0, int), {}, schemes)
    )


def several(point: DesignPoint, count: int, seed: int, cycles=(None,)) -> FaultList:
    """Faults of one to five upsets close together: replicas, copies and check bits of a word."""
    rng, space, faults = np.random.default_rng(seed), point.space, []
    for _ in range(count):
        near = rng.choice(space.sites)
        close = space.sites[np.abs(space.sites % space.stored_bits - near % space.stored_bits) < 12]
        sites = rng.permutation(close)[: rng.integers(1, 6)]
        kind, cycle = (
            KINDS[rng.integers(3)] if rng.random() < 0.3 else "flip",
            cycles[rng.integers(len(cycles))],
        )
        faults.append(Fault(tuple(sorted(sites.tolist())), kind, cycle))
    return FaultList.of(faults)


def agree(engine, expected, got):
    agreement = compare(engine, expected, got)
    assert agreement.count == 0, (engine, agreement.mismatches[:3])


@given(data=st.data(), point=guarded_points(periods=(1, 4)))
@few
def test_drawn_networks_agree(data, point, tmp_path_factory):
    """Any formats, any plan of any schemes, faults of several bits and every kind."""
    name = data.draw(st.sampled_from(["serial", "parallel"]))
    accelerator = emit(point, architecture(name, point.network), tmp_path_factory.mktemp("drawn") / "d")
    faults, codes = data.draw(fault_lists(point)), data.draw(inputs(point.network))
    expected = ReferenceEngine(point).run(faults, codes)
    agree("fast", expected, FastEngine(point, jobs=1).run(faults, codes))
    for engine in (VerilatorEngine(accelerator, point, jobs=1), IcarusEngine(accelerator, point, jobs=1)):
        agree(engine.name, expected, engine.run(faults, codes))


@given(data=st.data(), point=guarded_points())
@settings(few, max_examples=12)
def test_the_fast_injector_is_the_reference(data, point):
    faults, codes = data.draw(fault_lists(point)), data.draw(inputs(point.network))
    expected = ReferenceEngine(point).run(faults, codes)
    agree("fast", expected, FastEngine(point, jobs=1).run(faults, codes))
    agree("portable", expected, FastEngine(point, jobs=1, kernel="portable").run(faults, codes))


@given(data=st.data(), point=guarded_points())
@settings(few, max_examples=20)
def test_the_site_map(data, point, tmp_path_factory):
    """Each site has one place, each place one site, and nothing is written where nothing is stored."""
    name = data.draw(st.sampled_from(["serial", "parallel"]))
    accelerator = emit(point, architecture(name, point.network), tmp_path_factory.mktemp("map") / "d")
    where = locate(accelerator, point.space.sites)
    np.testing.assert_array_equal(number(accelerator, where), point.space.sites)
    places = set(
        zip(*(column.tolist() for column in (where.store, where.replica, where.word, where.bit)), strict=True)
    )
    assert len(places) == point.space.size
    for store, bank, word, bit in places:
        assert bit < accelerator.stores[store].memories[bank][1]
        assert word < accelerator.stores[store].words
    assert sum(store.flip_flops for store in accelerator.stores) == point.space.size
    addresses, _ = config_writes(accelerator, point.network)
    assert len(np.unique(addresses)) == len(addresses)


@pytest.mark.parametrize(
    ("name", "scrub"),
    [
        ("serial", True),
        ("parallel", False),
        pytest.param("serial", False, marks=pytest.mark.slow),
        pytest.param("parallel", True, marks=pytest.mark.slow),
    ],
)
def test_every_stored_bit_and_many_upsets(name, scrub, tmp_path):
    """Each stored bit alone, check bits included, and hundreds of faults of several, at any cycle."""
    point = mixed(scrub)
    accelerator, codes = emitted(point, name, tmp_path), samples(NETWORK, 3)
    faults = FaultList.of([*FaultList.single(point.space.sites), *several(point, 200, 1)])
    expected = ReferenceEngine(point).run(faults, codes)
    agree("fast", expected, FastEngine(point).run(faults, codes))
    engine = VerilatorEngine(accelerator, point, jobs=1)
    agree("rtl-verilator", expected, engine.run(faults, codes))
    late = several(point, 150, 2, cycles=range(accelerator.latency + 1))
    chosen = all_samples(late, codes[:1], None)
    wanted = expected_transients(point, accelerator, late, codes[:1], chosen)
    agree("rtl-verilator transient", wanted, engine.run(late, codes[:1]))
    icarus = FaultList.of([*(faults[i] for i in range(0, len(faults), 12)), *(late[i] for i in range(30))])
    both = (
        [expected.outputs[::12, :1], wanted.outputs[:30]],
        [expected.detected[::12, :1], wanted.detected[:30]],
    )
    got = IcarusEngine(accelerator, point, jobs=1).run(icarus, codes[:1])
    np.testing.assert_array_equal(got.outputs, np.concatenate(both[0]))
    np.testing.assert_array_equal(got.detected, np.concatenate(both[1]))


MUTANTS = {
    "dmr": ("rtl/ns_dmr.v", "differ = (inA ^ inB) & mask;", "differ = (inA ^ inB) & mask & ~inA;"),
    "parity": ("rtl/ns_parity.v", "(^data_i[n*WIDTH+:WIDTH])", "(|data_i[n*WIDTH+:WIDTH])"),
    "secded": ("rtl/ns_secded_decode.v", "for (p = 3; p < 2 ** R", "for (p = 5; p < 2 ** R"),
    "tmr_scrub": ("rtl/ns_voter.v", "(inB & inC & mask)", "(inB & mask)"),
    "secded_scrub": ("rtl/ns_secded_decode.v", "if (single) begin", "if (0) begin"),
}


@pytest.mark.parametrize("scheme", MUTANTS)
def test_a_small_defect_is_seen(scheme, tmp_path):
    """The negative controls, and their control: without the defect the same faults agree."""
    options = ":period=1" if "scrub" in scheme else ""
    point = DesignPoint(NETWORK, plan_by_name(NETWORK, {"fc2": scheme + options}, {}))
    codes = samples(NETWORK, 6)
    some = point.space.sites[point.space.sites % point.space.stored_bits >= 28 * 6]
    faults = FaultList.of([*FaultList.single(some[::6]), *several(point, 12, 3)])
    expected = ReferenceEngine(point).run(faults, codes)
    right = emitted(point, "parallel", tmp_path)
    agree("rtl-icarus", expected, IcarusEngine(right, point, jobs=1).run(faults, codes))
    wrong = mutant(right, *MUTANTS[scheme])
    got = IcarusEngine(wrong, point, jobs=1).run(faults, codes)
    assert compare("rtl-icarus", expected, got).count > 0


BENCH = """\
module bench;
  reg aclk = 0, aresetn = 0, we = 0, clear = 0;
  reg [31:0] addr = 0, data = 0;
  reg [63:0] writes [0:{writes}];
  integer cycle, i;

  {top} dut (
      .aclk(aclk), .aresetn(aresetn), .s_axis_tvalid(1'b0), .s_axis_tready(), .s_axis_tlast(1'b0),
      .s_axis_tdata({{{tdata}{{1'b0}}}}), .m_axis_tvalid(), .m_axis_tready(1'b1), .m_axis_tdata(),
      .m_axis_tlast(), .m_axis_tuser(), .cfg_we_i(we), .cfg_addr_i(addr), .cfg_data_i(data),
      .tmr_clear_i(clear), .tmr_error_o());

  task tick; begin #5 aclk = 1; #5 aclk = 0; end endtask

  initial begin
    $readmemh("{file}", writes);
    tick; aresetn = 1;
    for (i = 0; i < {writes}; i = i + 1) begin we = 1; {{addr, data}} = writes[i]; tick; end
    we = 0; tick;
    aresetn = 0; tick; aresetn = 1;
    clear = 1; tick; clear = 0;
    for (cycle = 0; cycle <= {until}; cycle = cycle + 1) begin
{strikes}
      #1 if (cycle == {until}) begin
{shows}
        $display("flag %h", dut.tmr_error_o != 0);
      end
      tick;
    end
    $finish;
  end
endmodule
"""


def remains(accelerator, point, strikes, until, folder):
    """Stored bits that are inverted in cycle ``until`` of an idle accelerator in Icarus, and the flag."""
    addresses, data = config_writes(accelerator, point.network)
    lines = "".join(f"{a:08x}{d:08x}\n" for a, d in zip(addresses, data, strict=True))
    (folder / "writes.hex").write_text(lines)
    where = locate(accelerator, [site for _, site in strikes])
    hits = []
    for (cycle, _), s, b, w, bit in zip(
        strikes, where.store, where.replica, where.word, where.bit, strict=True
    ):
        memory = f"dut.{accelerator.stores[s].memories[int(b)][0].split('.', 1)[1]}[{w}]"
        hits.append(f"      if (cycle == {cycle}) {memory} = {memory} ^ ({bit + 1}'d1 << {bit});")
    shows = [
        f'        $display("m{s}_{bank}_{w} %h", dut.{path.split(".", 1)[1]}[{w}]);'
        for s, store in enumerate(accelerator.stores)
        for bank, (path, _) in store.memories.items()
        for w in range(store.words)
    ]
    text = BENCH.format(
        top=accelerator.top,
        tdata=accelerator.input.tdata_width,
        writes=len(addresses),
        until=until,
        file=folder / "writes.hex",
        strikes="\n".join(hits),
        shows="\n".join(shows),
    )
    (folder / "bench.v").write_text(text)
    printed = dict(
        re.findall(r"^(\w+) (\w+)$", simulate([*accelerator.paths, folder / "bench.v"], folder), re.M)
    )
    places = locate(accelerator, point.space.sites)
    found = [
        int(printed[f"m{s}_{b}_{w}"], 16) >> bit & 1
        for s, b, w, bit in zip(
            places.store.tolist(),
            places.replica.tolist(),
            places.word.tolist(),
            places.bit.tolist(),
            strict=True,
        )
    ]
    return np.array(found), printed["flag"] == "1"


def values(point):
    from netsurf.harden import site_values

    return site_values(point, point.space.sites)


@pytest.mark.parametrize("scheme", ["tmr_scrub", "secded_scrub:word=12"])
def test_what_is_left_of_a_history(scheme, tmp_path):
    """Upsets over many cycles, repaired by a walking scrubber: model and RTL hold the same bits."""
    point = DesignPoint(NETWORK, plan_by_name(NETWORK, {"fc1": f"{scheme}:period=3", "fc2": "parity"}, {}))
    accelerator = emitted(point, "serial", tmp_path)
    rng, survived, flags = np.random.default_rng(5), [], []
    for _ in range(6):
        near = rng.integers(point.space.stored_bits)
        pool = point.space.sites[np.abs(point.space.sites % point.space.stored_bits - near) < 8]
        strikes = sorted((int(rng.integers(60)), int(s)) for s in rng.choice(pool, 14, replace=False))
        until = int(rng.integers(30, 62))
        expected = history(point, strikes, walks(accelerator), until)
        strikes = [strike for strike in strikes if strike[0] <= until]
        held, flag = remains(accelerator, point, strikes, until, tmp_path)
        inverted = point.space.sites[held != values(point)]
        np.testing.assert_array_equal(inverted, expected.sites)
        assert flag == expected.flagged
        survived.append(len(expected.sites) < len({s for _, s in strikes}))
        flags.append(flag)
    assert any(survived), "nothing was ever repaired"
    assert any(flags)


@pytest.mark.parametrize("scheme", ["tmr_scrub", "secded_scrub:word=12"])
def test_two_upsets_of_one_bit(scheme, tmp_path):
    """More than one round apart the first is repaired before the second comes; within one round it is not."""
    point = DesignPoint(NETWORK, plan_by_name(NETWORK, {"fc1.kernel": f"{scheme}:period=2"}, {}))
    accelerator = emitted(point, "parallel", tmp_path)
    walk = walks(accelerator)["fc1.kernel"]
    assert walk.round == 2 * 6
    size = point.space.stored_bits
    pair = (40, 40 + size) if scheme == "tmr_scrub" else (40, 41)
    visit = walk.next_visit(40 // 24, 0)
    for first, second, wrong in (
        (visit + 1, visit + walk.round, True),
        (visit + 1, visit + walk.round + 1, False),
    ):
        strikes, until = [(first, pair[0]), (second, pair[1])], second + 3 * walk.round
        expected = history(point, strikes, walks(accelerator), until)
        held, flag = remains(accelerator, point, strikes, until, tmp_path)
        np.testing.assert_array_equal(point.space.sites[held != values(point)], expected.sites)
        assert bool(len(expected.upset.bits)) == bool(len(expected.sites)) == wrong
        assert flag


def test_a_scrubber_that_rests_is_seen(tmp_path):
    """The negative control of both tests above."""
    point = DesignPoint(NETWORK, plan_by_name(NETWORK, {"fc1.kernel": "tmr_scrub:period=2"}, {}))
    accelerator = mutant(
        emitted(point, "serial", tmp_path), "rtl/ns_bank_scrub.v", "SCRUB != 0 && scrub_we_i", "SCRUB == 0"
    )
    held, _ = remains(accelerator, point, [(0, 40)], 40, tmp_path)
    assert point.space.sites[held != values(point)].tolist() == [40]
    assert history(point, [(0, 40)], walks(accelerator), 40).sites.tolist() == []
