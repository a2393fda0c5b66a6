"""The reference executor, the verilated accelerator and Icarus compute the same integers and flags."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netsurf.certify.transients import expected_transients
from netsurf.cosim import IcarusEngine, VerilatorEngine, build_verilator, verify
from netsurf.emit import architecture, emit
from netsurf.engine import ReferenceEngine, all_samples, compare
from netsurf.errors import FaultError, SiteMapError, ToolFailedError
from netsurf.fault import Fault, FaultList, exhaustive
from netsurf.fault.lists import KINDS
from netsurf.harden import DesignPoint
from tests.rtl_designs import design, emitted, samples
from tests.strategies import design_points, fault_lists, inputs

pytestmark = pytest.mark.rtl("verilator", "icarus")

few = settings(  # every example builds a simulator: no shrinking, and the same ones every time
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
both_architectures = pytest.mark.parametrize("name", ["serial", "parallel"])


def agree(engine, expected, got):
    """Every pair is equal; says which are not."""
    agreement = compare(engine, expected, got)
    assert agreement.count == 0, agreement.mismatches[:3]
    return agreement.pairs


@given(data=st.data(), point=design_points())
@few
def test_drawn_networks_agree(data, point, tmp_path_factory):
    """Any formats, any plan, faults of several bits and every kind."""
    name = data.draw(st.sampled_from(["serial", "parallel"]))
    accelerator = emit(point, architecture(name, point.network), tmp_path_factory.mktemp("drawn") / "d")
    faults, codes = data.draw(fault_lists(point)), data.draw(inputs(point.network))
    expected = ReferenceEngine(point).run(faults, codes)
    for engine in (VerilatorEngine(accelerator, point, jobs=1), IcarusEngine(accelerator, point, jobs=1)):
        agree(engine.name, expected, engine.run(faults, codes))


@both_architectures
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_every_stored_bit(name, level, tmp_path):
    """Each stored bit of the design point upset alone, replicas included; in Icarus every tenth."""
    point = design(level)
    accelerator, codes = emitted(point, name, tmp_path), samples(point.network, 3)
    faults = exhaustive(point.space)
    expected = ReferenceEngine(point).run(faults, codes)
    got = VerilatorEngine(accelerator, point).run(faults, codes)
    assert agree("rtl-verilator", expected, got) == 3 * point.space.size
    plain = ReferenceEngine(point).run(FaultList.of([Fault(())]), codes)
    assert (got.outputs != plain.outputs).any() == (level < 1), "single upsets show unless all is protected"
    few = FaultList.single(point.space.sites[::10])
    agree(
        "rtl-icarus", ReferenceEngine(point).run(few, codes), IcarusEngine(accelerator, point).run(few, codes)
    )


@both_architectures
def test_upsets_in_the_middle_of_an_inference(name, tmp_path):
    """Every cycle from before the first read to after the last, sites of every tensor, every kind."""
    point = design(0.4)
    accelerator, codes = emitted(point, name, tmp_path), samples(point.network, 2)
    rng = np.random.default_rng(3)
    faults = FaultList.of(
        Fault(tuple(sorted(rng.choice(point.space.sites, 3, replace=False).tolist())), kind, cycle)
        for cycle in range(accelerator.latency + 2)
        for kind in KINDS
        for _ in range(3)
    )
    chosen = all_samples(faults, codes, None)
    expected = expected_transients(point, accelerator, faults, codes, chosen)
    agree("rtl-verilator", expected, VerilatorEngine(accelerator, point).run(faults, codes))
    agree("rtl-icarus", expected, IcarusEngine(accelerator, point).run(faults, codes))
    persistent = FaultList.of([replace(fault, cycle=None) for fault in faults])
    at_start = ReferenceEngine(point).run(persistent, codes)
    assert compare("late", expected, at_start).count, "the cycle of a transient upset makes no difference"


@both_architectures
def test_what_the_voter_makes_of_one_two_and_three_replicas(name, tmp_path):
    """One replica: no output changes, error. Two: the upset passes, error. Three: it passes, no error."""
    point = design(0.3)
    accelerator, codes = emitted(point, name, tmp_path), samples(point.network, 4)
    stride = point.space.stored_bits
    engine = VerilatorEngine(accelerator, point)
    plain = ReferenceEngine(point).run(FaultList.of([Fault(())]), codes)
    upset = ReferenceEngine(DesignPoint.unprotected(point.network)).run(
        FaultList.single(point.plan.bits), codes
    )
    for replicas in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]:
        faults = FaultList.of(
            Fault(tuple(int(bit) + replica * stride for replica in replicas)) for bit in point.plan.bits
        )
        got = engine.run(faults, codes)
        wanted = plain.outputs if len(replicas) == 1 else upset.outputs
        np.testing.assert_array_equal(got.outputs, np.broadcast_to(wanted, got.outputs.shape))
        assert got.detected.all() == (len(replicas) < 3)
        assert got.detected.any() == (len(replicas) < 3)


@both_architectures
@pytest.mark.parametrize("simulator", ["icarus", pytest.param("verilator", marks=pytest.mark.slow)])
def test_streams_under_pauses_and_upsets(name, simulator, tmp_path):
    """cocotbext-axi on both sides: values, latency, interval, back-pressure, upsets and their undo."""
    point = design(0.4)
    accelerator = emitted(point, name, tmp_path)
    faults = FaultList.single(point.space.sites[:: point.space.size // 12])
    verify(accelerator, point, samples(point.network, 5), faults, simulator)


def test_the_samples_of_each_fault_are_its_own(tmp_path):
    """Fault ``i`` runs its row of samples, repeats and disorder included, however the work is sharded."""
    point = design(0.4)
    accelerator, codes = emitted(point, "serial", tmp_path), samples(point.network, 6)
    rng = np.random.default_rng(4)
    faults = FaultList.single(rng.choice(point.space.sites, 11))
    chosen = rng.integers(0, 6, (11, 3))
    expected = ReferenceEngine(point).run(faults, codes, chosen)
    for jobs in (1, 2, 4):
        agree(
            "rtl-verilator",
            expected,
            VerilatorEngine(accelerator, point, jobs=jobs).run(faults, codes, chosen),
        )


def test_progress_ends_at_the_number_of_pairs(tmp_path):
    point = design(0.4)
    accelerator, codes, seen = emitted(point, "serial", tmp_path), samples(point.network, 2), []
    faults = exhaustive(point.space)
    VerilatorEngine(accelerator, point, progress=seen.append).run(faults, codes)
    assert max(seen) == 2 * len(faults)


def test_a_binary_is_built_once(tmp_path, monkeypatch):
    """The same design again is the same binary, untouched; nothing unfinished is left beside it."""
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    point = design(0.0)
    first = build_verilator(emitted(point, "parallel", tmp_path / "a"))
    stamp = first.stat().st_mtime_ns
    again = build_verilator(emitted(point, "parallel", tmp_path / "b"))
    assert again == first
    assert again.stat().st_mtime_ns == stamp
    assert not [path for path in first.parents[1].iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("field", ["latency", "interval"])
def test_cycles_that_are_not_as_stated_are_refused(field, tmp_path):
    point = design(0.4)
    accelerator = emitted(point, "serial", tmp_path)
    wrong = replace(accelerator, **{field: getattr(accelerator, field) + 1})
    faults, codes = FaultList.of([Fault(())]), samples(point.network, 1)
    with pytest.raises(SiteMapError, match=f"{field} is"):
        VerilatorEngine(wrong, point, jobs=1).run(faults, codes)
    if field == "latency":
        with pytest.raises(SiteMapError, match="cycles"):
            IcarusEngine(wrong, point, jobs=1).run(faults, codes)


def test_a_site_map_that_names_no_memory_is_refused(tmp_path):
    point = design(0.4)
    accelerator = emitted(point, "serial", tmp_path)
    store = accelerator.stores[0]
    banks = (store.banks[0].replace("mem_q", "nothing"), *store.banks[1:])
    wrong = replace(accelerator, stores=(replace(store, banks=banks), *accelerator.stores[1:]))
    with pytest.raises(SiteMapError, match="nothing does not exist in the verilated model"):
        build_verilator(wrong)


def test_what_cannot_be_run_is_refused(tmp_path):
    point = design(0.4)
    accelerator, codes = emitted(point, "serial", tmp_path), samples(point.network, 1)
    with pytest.raises(SiteMapError, match="emit"):
        VerilatorEngine(accelerator, design(0.4, seed=5))
    with pytest.raises(FaultError, match="does not exist"):
        VerilatorEngine(accelerator, point).run(FaultList.of([Fault((10**6,))]), codes)


def test_a_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "build").write_text("a file where the folder should be")
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    with pytest.raises(ToolFailedError, match="writing in"):
        build_verilator(emitted(design(0.0), "parallel", tmp_path))
