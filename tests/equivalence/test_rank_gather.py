"""Evidence of a real benchmark: measured in another process, kept, read again, never of the test split."""

import numpy as np
import pytest

from netsurf.errors import UnknownNameError
from netsurf.frontend import gather as gathering
from netsurf.frontend import spec as specs
from netsurf.frontend.gather import Settings, Subject, gather, single_upsets
from netsurf.frontend.gradients import Effort
from netsurf.harden import DesignPoint, faulty_parameters
from netsurf.ir import execute
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


@pytest.mark.parametrize("bench", ["dummy", "mnist_fnn_lite"])
def test_single_upsets_equal_the_reference_executor(bench):
    """What the oracle reads: loss and decisions of a network with the bit upset, worked out the slow way."""
    subject = Subject.of(bench)
    network, codes = subject.network, subject.calibration[0]
    rows = slice(0, 300)
    found = single_upsets(subject, network, rows)
    golden = outputs_of(network, codes[rows])
    bits = np.random.default_rng(3).choice(network.stored_bits, 30, replace=False)
    bits = np.concatenate((bits, np.argsort(-np.abs(found["loss_change"]))[:10]))
    expected = np.array([changes(subject, bit, golden, rows) for bit in bits])
    measured = np.stack([found["loss_change"][bits], found["accuracy_drop"][bits]], axis=1)
    np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-9)
    for column in (0, 1):
        low, high = measured[:, column].argmin(), measured[:, column].argmax()
        swapped = measured.copy()
        swapped[[low, high], column] = swapped[[high, low], column]
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(swapped, expected, rtol=1e-6, atol=1e-9)


def outputs_of(network, codes, bits=()):
    """Real outputs by the reference executor, with bits upset."""
    stored = faulty_parameters(DesignPoint.unprotected(network), np.array(bits, np.int64))
    return execute(network, codes, stored) * 2.0**-network.output.format.fraction


def changes(subject, bit, golden, rows):
    """Change of the mean loss, and fall of the accuracy (regression: rate of outputs out of tolerance)."""
    upset = outputs_of(subject.network, subject.calibration[0][rows], [bit])
    labels = subject.calibration[1][rows]
    loss = losses(subject.network.task, upset, labels) - losses(subject.network.task, golden, labels)
    if subject.network.task == "regression":
        return loss, np.mean(np.abs(upset - golden).max(axis=1) > subject.spec.output_tolerance)
    return loss, np.mean(golden.argmax(axis=1) == labels) - np.mean(upset.argmax(axis=1) == labels)


def losses(task, outputs, labels):
    if task == "regression":
        return np.mean((outputs - labels) ** 2)
    chance = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    return -np.mean(np.log(chance[np.arange(len(labels)), labels]))
