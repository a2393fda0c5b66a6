"""``netsurf harden`` with schemes, and what the other commands do with such a plan."""

import json

import pytest

from netsurf import cli
from netsurf.harden import DesignPoint, load_plan
from netsurf.ir import load
from netsurf.paths import benchmarks

QUICK = ("--trials", "4", "--ber", "0.002", "--no-oracle", "--ranker", "msb")


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def document(capsys, *arguments):
    assert cli.main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("scheme", ["dmr", "secded:word=24", "tmr_scrub:period=9"])
def test_a_budget_is_spent_on_a_scheme(capsys, build, scheme):
    got = document(capsys, "harden", "dummy", "--budget", "30%", "--scheme", scheme, *QUICK)
    plan = load_plan(build / "plans" / "dummy.json", load(benchmarks() / "dummy"))
    assert list(got["schemes"]) == [plan.schemes[0].label]
    assert got["schemes"][plan.schemes[0].label] == len(plan.protected) == got["protected_bits"]
    assert got["digest"] == plan.digest
    assert 0.2 < got["level"] <= 0.3


def test_layers_and_tensors_are_protected_by_name(capsys, build):
    network = load(benchmarks() / "dummy")
    first = next(iter(network.parameters))
    wanted = f"all=parity,{first}=secded"
    got = document(capsys, "harden", "dummy", "--protect", wanted, *QUICK)
    plan = load_plan(build / "plans" / "dummy.json", network)
    assert got["level"] == 1.0
    assert {a.scheme for a in plan.schemes} == {"parity", "secded"}
    emitted = document(capsys, "emit", "dummy", "--plan", str(build / "plans" / "dummy.json"))
    stored = emitted["flip_flops"] - emitted["registers"]
    assert stored == DesignPoint(network, plan).space.size


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--protect", "nothing=tmr"), "nothing"),
        (("--protect", "all=tnr"), "tmr"),
        (("--protect", "all"), "NAME=SCHEME"),
        (("--protect", "all=tmr,all=dmr"), "twice"),
        (("--protect", "all=secded:word=99"), "1 to 64"),
        (("--scheme", "dmr", "--max-drop", "1%"), "--budget"),
    ],
)
def test_what_cannot_be_is_a_sentence(capsys, arguments, says):
    assert cli.main(["harden", "dummy", *arguments]) == 2
    assert says in capsys.readouterr().err
