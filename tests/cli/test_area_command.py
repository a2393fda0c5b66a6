"""``netsurf area`` as a person types it."""

import json
from types import SimpleNamespace

import pytest

from netsurf import cli
from netsurf.report.area import area_figure, area_tables


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


@pytest.mark.rtl
def test_levels_targets_and_audit_as_json(capsys, build):
    assert cli.main(["area", "dense:2-2", "--levels", "100", "--target", "ice40", "--no-flat", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    bare, full = document["levels"]
    assert (bare["protection"], full["protection"]) == (0.0, 1.0)
    assert (bare["stored_bits"], full["stored_bits"]) == (36, 108)
    assert full["flip_flops"] - full["registers"] == 108 == full["ice40"]["FF"] - full["registers"]
    assert bare["ice40"]["overhead"] == 0
    assert full["ice40"]["overhead"] == full["ice40"]["LUT"] / bare["ice40"]["LUT"] - 1 > 0
    assert document["audit"]["replicas"] == document["audit"]["replicas_found"] == 72
    assert document["audit"]["protected_bits"] == 36
    assert json.loads((build / "dense-2-2" / "area.json").read_text())["levels"] == document["levels"]
    assert [table.title.split(":")[0] for table in area_tables(document)][1:] == ["ice40"]
    assert (build / "dense-2-2" / "area.svg").read_text() == area_figure(document)
    assert area_figure(document).startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dense:2"], "write the sizes of a chain"),
        (["dense:2-2", "--target", "ice4"], "unknown target 'ice4' (did you mean ice40?)"),
        (["dense:2-2", "--liberty", "no.lib"], "does not exist"),
        (["dense:2-2", "--ranker", "best"], "best"),
        (["no_such_bench"], "no_such_bench"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(capsys, arguments, said):
    assert cli.main(["area", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_plan_of_another_network_and_a_damaged_library(capsys, tmp_path):
    (tmp_path / "bad.lib").write_text("library (x) { cell (a) { area : 1; }")
    assert cli.main(["area", "dense:2-2", "--liberty", str(tmp_path / "bad.lib"), "--target", ""]) == 2
    assert "is never closed" in capsys.readouterr().err
    assert (
        cli.main(["harden", "dummy", "--budget", "1%", "--ranker", "msb", "--trials", "2", "--no-oracle"])
        == 0
    )
    capsys.readouterr()
    plan = tmp_path / "build" / "plans" / "dummy.json"
    assert cli.main(["area", "dense:2-2", "--plan", str(plan), "--target", "ice40"]) == 2
    assert "plan is for network" in capsys.readouterr().err


def test_a_budget_of_area_becomes_a_plan(capsys, build, monkeypatch):
    """Synthesis is replaced by 100 LUTs and 80 more for everything: +20 % buys a quarter of the bits."""
    asked = []

    def mapped(plans, architecture, targets, **options):
        ((design, _),) = plans
        asked.append(design.plan.level)
        area = SimpleNamespace(size=100 + 80 * design.plan.level)
        return SimpleNamespace(levels=[SimpleNamespace(design=design, areas={targets[0].name: area})])

    monkeypatch.setattr("netsurf.cost.table", mapped)
    quick = ["--ranker", "msb", "--trials", "2", "--no-oracle", "--json"]
    assert cli.main(["harden", "dummy", "--area", "+20%", *quick]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["level"] == pytest.approx(0.25, abs=0.003)
    area = document["notes"]["area"]
    assert area["overhead"] == pytest.approx(0.8 * document["level"])
    assert area["overhead"] <= area["budget"] == 0.2
    assert min(asked) == 0
    assert max(asked) == 1
    plan = json.loads((build / "plans" / "dummy.json").read_text())
    assert plan["digest"] == document["digest"]
