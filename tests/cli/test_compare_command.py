"""``netsurf compare`` as a person types it: tables, documents, files, going on after a kill, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.plans import PlanJudge
from netsurf.frontend.problem import problem
from netsurf.harden import plan_by_level
from netsurf.ir import load
from netsurf.paths import benchmarks
from netsurf.rank import rank

ROOT = Path(__file__).parents[2]
METHODS = "msb,weight_abs_value,random"
GRID = ("--levels", "10%,40%", "--ber", "0.002,0.01,0.05", "--method", METHODS)


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def document(capsys, *arguments):
    assert cli.main(["compare", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_areas_are_those_of_the_judge(capsys):
    got = document(capsys, "autompg,dummy", *GRID, "--trials", "6", "--seed", "4")
    assert [network["benchmark"] for network in got["networks"]] == ["autompg", "dummy"]
    network = load(benchmarks() / "autompg")
    judge = PlanJudge(problem("autompg"), 0.01, 6, 4)
    row = got["networks"][0]["methods"][1]
    assert (row["method"], row["ordering"], got["networks"][0]["metric"]) == (
        "weight_abs_value",
        "free",
        "mse",
    )
    for i, level in enumerate((0.1, 0.4)):
        plan = plan_by_level(network, rank("weight_abs_value", network, 4, ordering="free"), level, {})
        for j, ber in enumerate((0.002, 0.01, 0.05)):
            values = -judge.measure(plan, ber)
            assert row["cells"][i][j][0] == pytest.approx(values.mean(), rel=1e-4)
    heights = np.array([cell[0] for cell in row["cells"][0]])
    area = ((heights[:-1] + heights[1:]) / 2 * [0.008, 0.04]).sum() / 0.048
    assert row["auc"][0][0] == pytest.approx(area, rel=3e-4)


def test_files_and_pictures(capsys, tmp_path, build):
    arguments = (
        "dummy",
        *GRID,
        "--trials",
        "3",
        "--method",
        "oracle,msb",
        "--figures",
        str(tmp_path / "fig"),
    )
    got = document(capsys, *arguments)
    kept = json.loads((build / "compare" / "comparison.json").read_text())
    assert kept["networks"] == got["networks"]
    assert kept["provenance"]["commit"]
    assert len(kept["networks"][0]["campaigns"][0]) == 64
    cells = (build / "compare" / "comparison.csv").read_text().splitlines()
    assert len(cells) == 1 + 2 * 2 * 3
    assert "regret against oracle" in (build / "compare" / "comparison.md").read_text()
    assert (tmp_path / "fig" / "dummy-free-tmr-surface.png").stat().st_size > 1000
    assert list(got["networks"][0]["methods"][1]["regret"]) == ["oracle"]


def test_both_orderings_and_both_protections_side_by_side(capsys):
    got = document(
        capsys,
        *("dummy", *GRID, "--trials", "4", "--ordering", "free,bitplane", "--protection", "tmr,ideal"),
    )
    kinds = [(network["ordering"], network["protection"]) for network in got["networks"]]
    assert kinds == [("free", "tmr"), ("free", "ideal"), ("bitplane", "tmr"), ("bitplane", "ideal")]
    bare = [network["unprotected"]["cells"] for network in got["networks"]]
    assert bare[0] == bare[1] == bare[2] == bare[3], "the same upsets for all"
    cells = [network["methods"][1]["cells"][1][2][0] for network in got["networks"]]
    assert cells[0] != cells[1]
    assert cells[0] != cells[2]


def test_blocks_of_test_samples(capsys):
    got = document(capsys, "autompg", *GRID, "--trials", "6", "--test-samples", "30")
    assert got["networks"][0]["samples"] == [30, 30]
    assert got["networks"][0]["computed"] == 6 * 3 * (1 + 2 * 3)
    assert len(set(got["networks"][0]["campaigns"])) == 2


def test_killed_and_typed_again_it_ends_with_the_same_rows(capsys, tmp_path, build):
    typed = ("compare", "autompg", *GRID, "--trials", "200", "--test-samples", "30")
    process = subprocess.Popen(
        [sys.executable, "-m", "netsurf", *typed], cwd=ROOT, env=os.environ, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(build.glob("runs/*/chunks/*.sha256")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = {path: path.stat().st_mtime_ns for path in build.glob("runs/*/chunks/*.sha256")}
    assert there, "it was killed after a chunk"
    assert not (build / "compare").exists(), "and before the end"
    first = document(capsys, *typed[1:])
    assert {path: path.stat().st_mtime_ns for path in there} == there, "what was there was not computed again"
    computed = first["networks"][0].pop("computed")
    assert 0 < computed < 200 * 3 * 7
    os.environ["NETSURF_BUILD"] = str(tmp_path / "undisturbed")
    second = document(capsys, *typed[1:])
    assert second["networks"][0].pop("computed") == 200 * 3 * 7
    for found in (first, second):
        found["networks"][0].pop("seconds")
    assert first["networks"] == second["networks"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which benchmarks?"),
        (("dumy",), "did you mean dummy"),
        (("dummy", "--method", "msb,hesian"), "unknown ranker 'hesian' (did you mean hessian"),
        (("dummy", "--ordering", "fre"), "did you mean free"),
        (("dummy", "--protection", "tmrr"), "did you mean tmr"),
        (("dummy", "--levels", "0"), "protection level 0"),
        (("dummy", "--ber", "0"), "bit error rate 0"),
        (("dummy", "--trials", "1"), "choose two or more"),
        (("dummy", "--option", "msb.k=2"), "has no option 'k'"),
        (("dummy", "--test-samples", "0"), "choose one or more"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(capsys, build, arguments, words):
    method = () if "--method" in arguments else ("--method", "msb")
    assert cli.main(["compare", *arguments, *method]) == 2
    assert words in capsys.readouterr().err
    assert not build.exists()
