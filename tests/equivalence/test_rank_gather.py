"""Evidence of a real benchmark: measured in another process, kept, read again, never of the test split."""

import numpy as np
import pytest

from netsurf.errors import UnknownNameError
from netsurf.frontend import gather as gathering
from netsurf.frontend import spec as specs
from netsurf.frontend.gather import Settings, Subject, gather, single_upsets
from netsurf.frontend.gradients import Effort
from netsurf.rank import METHODS, needs, rank
from netsurf.rank.interactions import Plan

QUICK = Settings(Effort(samples=30, probes=3), Plan(ber=0.01, steps=2, draws=2))


@pytest.fixture
def subject(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    return Subject.of("dummy")


@pytest.mark.tf
def test_every_method_ranks_a_benchmark_and_measures_once(subject, monkeypatch, tmp_path):
    evidence = gather(subject, needs(METHODS), QUICK)
    for method in METHODS:
        ranking = rank(method, subject.network, 1, evidence)
        assert len(ranking) == subject.network.stored_bits, method
    monkeypatch.setattr(gathering, "_SOURCES", {})  # whatever is measured now raises KeyError
    again = gather(subject, needs(METHODS), QUICK)
    assert all((again[name] == evidence[name]).all() for name in needs(METHODS))
    with pytest.raises(KeyError):
        gather(subject, ["gradient"], Settings(Effort(samples=31)))
    damaged = next(tmp_path.rglob("gradient-*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:-7])
    with pytest.raises(KeyError):
        gather(subject, ["gradient"], QUICK)


def test_an_error_in_the_other_process_arrives_as_it_is(subject, tmp_path):
    elsewhere = Subject(subject.spec.model_copy(update={"name": "dummi"}), subject.network)
    with pytest.raises(UnknownNameError, match=r"unknown benchmark 'dummi' \(did you mean dummy\?\)"):
        gather(elsewhere, ["gradient"], QUICK)
    assert not list(tmp_path.rglob("gradient-*.npz"))


def test_unknown_evidence_is_refused(subject):
    with pytest.raises(UnknownNameError, match=r"unknown evidence 'gradients' .did you mean gradient"):
        gather(subject, ["gradients"], QUICK)


def test_labels_are_those_of_the_calibration_split_in_the_unit_of_the_network(subject):
    codes, targets = subject.calibration
    split = subject.spec.splits().calibration
    assert (codes == subject.spec.inputs(split)).all()
    scaled = targets[:, 0] * subject.spec.target.scale + subject.spec.target.offset
    np.testing.assert_allclose(scaled, split.y)
    assert specs.testdata(subject.spec)[0].shape != codes.shape


def test_single_upsets_are_changes_against_the_fault_free_network(subject):
    found = single_upsets(subject, subject.network)
    assert found["loss_change"].shape == (subject.network.stored_bits,)
    assert found["loss_change"].max() > 0
    assert 0 <= found["accuracy_drop"].min() <= found["accuracy_drop"].max() <= 1
