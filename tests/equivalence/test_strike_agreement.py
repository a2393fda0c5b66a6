"""The count of ``netsurf avf --check``: nothing differs, and a defect on either side is counted."""

from dataclasses import replace

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.avf import cycle_model
from netsurf.campaign.problem import Problem
from netsurf.certify import strikes
from netsurf.certify.strikes import TWO_REPLICAS, agree_on_strikes
from netsurf.inject.cycle import CycleModel
from netsurf.ir import execute
from tests.rtl_designs import design, emitted, samples

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    point = design(0.3)
    inputs = samples(point.network, 8)
    problem = Problem(point.network, inputs, execute(point.network, inputs).argmax(axis=1))
    return point, emitted(point, "serial", tmp_path_factory.mktemp("agree")), problem


def counts(found):
    return {row.kind: (row.agreement.pairs, row.agreement.count) for row in found}


def test_nothing_differs(subject):
    found = counts(agree_on_strikes(*subject, 200, 1))
    assert set(found) == {
        "accumulator", "pipeline", "activation", "control", "flag", "voter_input", TWO_REPLICAS,
    }  # fmt: skip
    assert set(found.values()) == {(200, 0)}


class Late(CycleModel):
    """A cycle model that strikes one cycle too late."""

    def run(self, faults, inputs, rows):
        return super().run(replace(faults, cycles=faults.cycles + 1), inputs, rows)


def test_a_model_that_is_late_is_counted(subject, monkeypatch):
    """The negative control: every kind whose effect depends on the cycle differs."""

    def late(point, accelerator):
        factors = accelerator.architecture["reuse_factors"]
        return Late(point, accelerator.register_space, factors, accelerator.latency)

    monkeypatch.setattr(strikes, "cycle_model", late)
    found = counts(agree_on_strikes(*subject, 200, 1))
    for kind in ("accumulator", "pipeline", "activation", "control", "voter_input", TWO_REPLICAS):
        assert found[kind][1] > 0, kind


def test_the_command_says_no(subject, monkeypatch, capsys, tmp_path):
    """A mismatch is exit code 1."""
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    row = strikes.StrikeAgreement("control", strikes.Agreement(10, (), 1))
    for found, code in (((row,), 1), ((), 0)):
        monkeypatch.setattr(strikes, "agree_on_strikes", lambda *_, found=found: found)
        arguments = ["--faults", "5", "--samples", "5", "--levels", "0", "--check", "10"]
        assert cli.main(["avf", "mnist_fnn_lite", "--architecture", "parallel", *arguments]) == code
    assert "cycle model against Verilator" in capsys.readouterr().out


def test_two_replicas_are_two_copies_of_one_bit(subject):
    point, accelerator, _ = subject
    random = np.random.default_rng(1)
    fault = strikes._fault(point, accelerator, True, point.space.protected, random)
    bits = {strike.site % point.space.stored_bits for strike in fault}
    assert len(fault) == 2
    assert len(bits) == 1
    assert fault[0].site != fault[1].site
    assert cycle_model(point, accelerator).copies == 1
