"""Small defects, each of which must make the agreement with the reference executor fail.

A comparison that never says no proves nothing. Here the voter, the site map, the store and the
arithmetic of the accelerator, and the harness itself, are each damaged in one place.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from netsurf.cosim import IcarusEngine, VerilatorEngine, build, job, verify
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import DisagreementError, ToolFailedError
from netsurf.fault import Fault, FaultList, exhaustive
from tests.rtl_designs import design, emitted, mutant, samples

pytestmark = pytest.mark.rtl("verilator", "icarus")

TOP = "rtl/small_accelerator.v"
VOTER = ("rtl/ns_voter.v", "(inB & inC & mask)", "(inB & inB & mask)")
"""Input C of the voter tied to B."""

ROUNDING = (TOP, '"RND_CONV"', '"TRN"')
"""Rounding half to even becomes truncation."""


@pytest.fixture
def point():
    return design(0.4)


@pytest.fixture
def faults(point):
    """No fault, every stored bit, every pair of replicas."""
    pairs = [
        Fault((int(bit) + a * point.space.stored_bits, int(bit) + b * point.space.stored_bits))
        for bit in point.plan.bits
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    return FaultList.of([Fault(()), *exhaustive(point.space), *pairs])


def mismatches(engine, point, faults):
    """Pairs on which an engine and the reference executor differ."""
    codes = samples(point.network, 6)
    return compare(engine.name, ReferenceEngine(point).run(faults, codes), engine.run(faults, codes)).count


def test_nothing_damaged_agrees(point, faults, tmp_path):
    """The control of the controls: the very same comparison, without a defect, finds nothing."""
    accelerator = emitted(point, "serial", tmp_path)
    assert mismatches(VerilatorEngine(accelerator, point), point, faults) == 0


@pytest.mark.parametrize("name", ["serial", "parallel"])
@pytest.mark.parametrize("defect", [VOTER, ROUNDING], ids=["voter", "rounding"])
def test_a_damaged_accelerator_disagrees(name, defect, point, faults, tmp_path):
    accelerator = mutant(emitted(point, name, tmp_path), *defect)
    assert mismatches(VerilatorEngine(accelerator, point), point, faults) > 0


@pytest.mark.parametrize("defect", [VOTER, ROUNDING], ids=["voter", "rounding"])
def test_icarus_sees_it_too(defect, point, faults, tmp_path):
    accelerator = mutant(emitted(point, "parallel", tmp_path), *defect)
    few = FaultList.of([faults[i] for i in (0, *range(len(faults) - 30, len(faults)))])
    assert mismatches(IcarusEngine(accelerator, point), point, few) > 0


@pytest.mark.parametrize("engine", [VerilatorEngine, IcarusEngine])
def test_a_shifted_bit_index_disagrees(engine, point, faults, tmp_path, monkeypatch):
    """Site ``n`` deposited into bit ``n + 1`` of its word."""
    accelerator = emitted(point, "parallel", tmp_path)
    real = job.locate

    def shifted(accelerator, sites):
        where = real(accelerator, sites)
        widths = np.array([store.word_width for store in accelerator.stores])[where.store]
        return type(where)(where.store, where.replica, where.word, (where.bit + 1) % widths)

    monkeypatch.setattr(job, "locate", shifted)
    few = faults.slice(0, 40)
    assert mismatches(engine(accelerator, point), point, few) > 0


@pytest.mark.parametrize("engine", [VerilatorEngine, IcarusEngine])
def test_a_stale_word_disagrees(engine, point, faults, tmp_path, monkeypatch):
    """One word of the first kernel is not loaded: its first one, before the second is written over it."""
    accelerator = emitted(point, "serial", tmp_path)
    real = job.config_writes

    def stale(accelerator, network):
        addresses, data = real(accelerator, network)
        data = data.copy()
        data[0] = data[1]
        return addresses, data

    monkeypatch.setattr(job, "config_writes", stale)
    assert mismatches(engine(accelerator, point), point, faults.slice(0, 8)) > 0


def damaged_harness(monkeypatch, tmp_path, *changes):
    """Binaries are built with a harness that is changed in some places."""
    text = build.STORED.source.read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / "harness.cpp"
    path.write_text(text)
    damaged = dataclasses.replace(build.STORED, source=path)
    for function in (build.build_verilator, build.binary_digest):
        monkeypatch.setattr(function, "__defaults__", (damaged,))


FORGOTTEN = ("*bit.byte = (*bit.byte & ~bit.mask) | bit.loaded;", ";")
UNDONE = ("if ((*bit.byte & bit.mask) != bit.loaded) fail(", "if (false) fail(")
RESTORED = ("if (images(machine.banks()) != loaded) fail(", "if (false) fail(")
LOST = ("if (!keeps) *bit.byte ^= bit.mask;", ";")
HELD = ("if ((*bit.byte & bit.mask) != bit.faulty) fail(", "if (false) fail(")


def test_an_upset_that_is_not_undone_stops_the_harness(point, faults, tmp_path, monkeypatch):
    damaged_harness(monkeypatch, tmp_path, FORGOTTEN)
    with pytest.raises(ToolFailedError, match="an upset was not undone"):
        mismatches(VerilatorEngine(emitted(point, "serial", tmp_path), point), point, faults)


def test_nor_does_it_hide_from_the_last_look(point, faults, tmp_path, monkeypatch):
    """Without the check after each undo, the whole store is still compared at the end."""
    damaged_harness(monkeypatch, tmp_path, FORGOTTEN, UNDONE)
    with pytest.raises(ToolFailedError, match="not as it was loaded"):
        mismatches(VerilatorEngine(emitted(point, "serial", tmp_path), point), point, faults)


def test_and_without_any_check_the_integers_disagree(point, faults, tmp_path, monkeypatch):
    """Upsets that pile up: with every check of the harness taken out, the comparison says no."""
    damaged_harness(monkeypatch, tmp_path, FORGOTTEN, UNDONE, RESTORED)
    assert mismatches(VerilatorEngine(emitted(point, "serial", tmp_path), point), point, faults) > 0


def test_a_deposit_that_is_lost_stops_the_harness(point, faults, tmp_path, monkeypatch):
    damaged_harness(monkeypatch, tmp_path, LOST)
    with pytest.raises(ToolFailedError, match="a deposit did not hold"):
        mismatches(VerilatorEngine(emitted(point, "serial", tmp_path), point), point, faults)


def test_and_without_that_check_the_integers_disagree(point, faults, tmp_path, monkeypatch):
    damaged_harness(monkeypatch, tmp_path, LOST, HELD)
    assert mismatches(VerilatorEngine(emitted(point, "serial", tmp_path), point), point, faults) > 0


STALL = ("rtl/ns_dense.v", "wire advance = !done_q || acc_ready_i;", "wire advance = 1'b1;")


def test_back_pressure_that_is_ignored_is_seen(point, tmp_path):
    """An accelerator that drops sums when nobody takes them works without pauses and fails with them."""
    accelerator = mutant(emitted(point, "serial", tmp_path), *STALL)
    codes, none = samples(point.network, 8), FaultList.of([])
    verify(accelerator, point, codes, none, tests=("stream",))
    with pytest.raises(DisagreementError, match="output"):
        verify(accelerator, point, codes, none, tests=("back_pressure",))


def test_a_rounding_mode_is_seen_on_the_streams(point, tmp_path):
    accelerator = mutant(emitted(point, "serial", tmp_path), *ROUNDING)
    with pytest.raises(DisagreementError, match="output"):
        verify(accelerator, point, samples(point.network, 12), FaultList.of([]), tests=("stream",))
