"""``netsurf handover`` as a person types it."""

import json

import pytest

from netsurf import cli


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def test_a_benchmark_is_emitted_and_handed_over(capsys, build):
    assert cli.main(["handover", "autompg", "--level", "20", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    place = build / "autompg" / "designs" / "tmr-020-serial-handover"
    assert got["folder"] == str(place)
    assert (place / got["files"]["bits"]).read_text().count("\n") > 100
    assert all((place / name).is_file() for name in got["files"].values())


def test_a_folder_is_handed_over_with_the_plan_that_it_was_emitted_with(capsys, tmp_path):
    plan, design = tmp_path / "plan.json", tmp_path / "d"
    harden = ["harden", "autompg", "--budget", "10%", "--ranker", "msb", "--trials", "4", "--no-oracle"]
    assert cli.main([*harden, "-o", str(plan)]) == 0
    assert cli.main(["emit", "autompg", "--plan", str(plan), "-o", str(design)]) == 0
    capsys.readouterr()
    assert cli.main(["handover", str(design), "-o", str(tmp_path / "a"), "--json"]) == 0
    assert "bits" not in json.loads(capsys.readouterr().out)["files"]
    assert cli.main(["handover", str(design), "--plan", str(plan), "-o", str(tmp_path / "b")]) == 0
    assert "protected_bits.csv" in capsys.readouterr().out
    other = tmp_path / "other.json"
    other.write_text(plan.read_text().replace('"network": "', '"network": "0'))
    assert cli.main(["handover", str(design), "--plan", str(other), "-o", str(tmp_path / "c")]) == 2
    assert "is for network" in capsys.readouterr().err


def test_what_is_no_design_is_refused(capsys, tmp_path):
    assert cli.main(["handover", "mnist_fn"]) == 2
    assert "mnist_fnn" in capsys.readouterr().err
    plan = tmp_path / "plan.json"
    plan.write_text("[]")
    assert cli.main(["handover", "autompg", "--plan", str(plan)]) == 2
