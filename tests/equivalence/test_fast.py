"""The fast engine against the reference engine: equal integers and flags for any list of faults."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import FaultError
from netsurf.fault import Fault, FaultList
from netsurf.harden import resolve
from netsurf.inject import FastEngine, engine
from netsurf.inject import golden as runs
from netsurf.inject.engine import _golden as golden
from netsurf.inject.golden import footprint
from netsurf.inject.vote import vote
from tests.strategies import design_points, fault_lists, inputs

SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw):
    """A design point, faults, inputs and the rows that each fault runs."""
    design = draw(design_points())
    faults = draw(fault_lists(design, max_faults=8))
    x = draw(inputs(design.network, max_samples=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = rng.integers(len(x), size=(len(faults), draw(st.integers(1, 6))))
    return design, faults, x, draw(st.sampled_from([None, rows]))


@SETTINGS
@given(cases())
def test_equals_reference(case):
    design, faults, x, rows = case
    expected = ReferenceEngine(design).run(faults, x, rows)
    agreement = compare("fast", expected, FastEngine(design, jobs=1).run(faults, x, rows))
    assert agreement.count == 0, agreement.mismatches
    assert agreement.pairs == expected.detected.size


@settings(SETTINGS, max_examples=40)
@given(cases(), st.sampled_from([1, 2, 3]))
def test_golden_runs_of_few_samples_change_nothing(case, most):
    design, faults, x, rows = case
    sizes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "MEMORY", most * footprint(design.network))
        patch.setattr(engine, "_golden", lambda *seen: sizes.append(len(np.unique(seen[2]))) or golden(*seen))
        got = FastEngine(design, jobs=1).run(faults, x, rows)
    assert compare("fast", ReferenceEngine(design).run(faults, x, rows), got).count == 0
    assert rows is None or max(sizes) <= most


@SETTINGS
@given(cases())
def test_every_single_upset_equals_reference(case):
    design, _, x, _ = case
    faults = FaultList.single(np.random.default_rng(0).permutation(design.space.sites)[:40])
    expected = ReferenceEngine(design).run(faults, x)
    assert compare("fast", expected, FastEngine(design).run(faults, x)).count == 0


@SETTINGS
@given(cases())
def test_votes_are_those_of_resolve(case):
    design, faults, _, _ = case
    votes = vote(design, faults)
    for number, fault in enumerate(faults):
        upset = resolve(design, fault)
        assert votes.of(number).tolist() == upset.bits.tolist()
        assert votes.detected[number] == upset.detected


@SETTINGS
@given(cases())
def test_ideal_protection_equals_reference_without_the_protected_sites(case):
    design, faults, x, _ = case
    size = design.network.stored_bits
    kept = FaultList.of(
        dataclasses.replace(f, sites=tuple(s for s in f.sites if not design.space.is_protected[s % size]))
        for f in faults
    )
    expected = ReferenceEngine(design).run(kept, x)
    got = FastEngine(design, ideal=True).run(faults, x)
    assert (expected.outputs == got.outputs).all()
    assert not got.detected.any()


@settings(SETTINGS, max_examples=30)
@given(cases())
def test_a_stale_weight_is_a_mismatch(case):
    """Negative control: the comparison sees an engine that upsets the neighbouring bit."""
    design, _, x, _ = case
    sites = np.arange(design.network.stored_bits)
    expected = ReferenceEngine(design).run(FaultList.single(sites), x)
    wrong = FastEngine(design).run(FaultList.single(np.roll(sites, 1)), x)
    differs = (expected.outputs != np.roll(expected.outputs, 1, axis=0)).any()
    assert (compare("fast", expected, wrong, flags=False).count > 0) == differs


@given(design_points())
@settings(SETTINGS, max_examples=5)
def test_a_fault_with_a_cycle_is_refused(design):
    faults = FaultList.of([Fault((0,), cycle=3)])
    with pytest.raises(FaultError, match="has no clock"):
        FastEngine(design).run(faults, np.zeros((1, *design.network.input.shape), np.int64))
