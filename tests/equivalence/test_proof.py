"""Theorems hold of what is emitted, and fail of what is broken, naming the upset that does it."""

import json

import pytest

from netsurf.cli import main
from netsurf.emit import architecture, emit
from netsurf.errors import UsageError
from netsurf.harden import DesignPoint
from netsurf.proof import prove
from netsurf.proof.circuit import FALSE, Circuit, Solver
from netsurf.proof.controls import CONTROLS, sabotage
from tests.rtl_designs import design

pytestmark = pytest.mark.rtl("pyosys")


def emitted(point, folder, name="serial"):
    return emit(point, architecture(name, point.network), folder)


def proof_of(point, accelerator, tmp_path, name="serial"):
    plain = emitted(DesignPoint.unprotected(point.network), tmp_path / "plain", name)
    return prove(accelerator, point, plain)


@pytest.mark.parametrize(("level", "name"), [(0.2, "serial"), (1.0, "serial"), (0.3, "parallel")])
def test_a_protected_design_is_proved(tmp_path, level, name):
    point = design(level)
    proof = proof_of(point, emitted(point, tmp_path / "d", name), tmp_path, name)
    assert [theorem.name for theorem in proof.theorems if not theorem.proved] == []
    assert proof.protected_bits == len(point.plan.bits)
    assert sum(theorem.queries for theorem in proof.theorems) > 0


EXPECTED = {
    "voter": ("voted word of fc1.kernel", "of the voted word changes"),
    "mask": ("voted word of fc1.kernel", "of the voted word changes"),
    "flag": ("flag of fc1.kernel", "tmr_error stays 0"),
    "replica": ("replicas", "no flip-flop of their own"),
    "hierarchy": ("replicas", "no flip-flop of their own"),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_a_broken_design_is_refuted(tmp_path, control):
    point = design(0.2)
    broken = sabotage(emitted(point, tmp_path / "d"), control, tmp_path / "broken")
    failed = {t.name: t for t in proof_of(point, broken, tmp_path).theorems if not t.proved}
    theorem, what = EXPECTED[control]
    assert what in str(failed[theorem].counterexamples)
    for example in failed[theorem].counterexamples:
        if example.element is not None:
            parameter = point.network.parameters[example.tensor]
            number = (
                point.space.offsets[example.tensor] + example.element * parameter.format.width + example.bit
            )
            assert point.space.is_protected[number]


def test_an_unprotected_design_has_nothing_to_prove(tmp_path):
    point = design(0.0)
    with pytest.raises(UsageError, match="nothing to prove"):
        proof_of(point, emitted(point, tmp_path / "d"), tmp_path)


def test_solver_tells_equal_from_different():
    c = Circuit()
    a, b, s = c.leaf("a"), c.leaf("b"), c.leaf("s")
    one = c.disj(c.conj(s, a), c.conj(s ^ 1, b))
    other = c.conj(c.disj(s ^ 1, a), c.disj(s, b))
    solver = Solver(c)
    assert c.xor(one, other) != FALSE
    assert solver.witness(c.xor(one, other)) is None
    witness = solver.witness(c.xor(one, c.conj(a, b)))
    assert witness is not None
    assert (witness["a"] if witness["s"] else witness["b"]) != (witness["a"] and witness["b"])


def test_command_refuses_what_it_cannot_prove(capsys):
    assert main(["prove", "mnist_fnn_lite", "--level", "0"]) == 2
    assert "nothing to prove" in capsys.readouterr().err


def test_command_help_names_the_negative_controls(capsys):
    assert main(["prove", "--help"]) == 0
    assert "--negative-controls" in capsys.readouterr().out


def test_kept_proof_reads_back_equal(tmp_path):
    point = design(0.2)
    accelerator = emitted(point, tmp_path / "d")
    first, second = (proof_of(point, accelerator, tmp_path) for _ in range(2))
    assert first == second
    assert json.loads(json.dumps([t.name for t in second.theorems])) == [t.name for t in first.theorems]
