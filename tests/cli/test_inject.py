"""``netsurf inject`` as a person types it: results, refusals, going on, Ctrl-C."""

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
from netsurf.engine import ReferenceEngine
from netsurf.fault import Fault, FaultList, write_fault_list
from netsurf.frontend.problem import problem
from netsurf.harden import DesignPoint
from netsurf.ir import load
from netsurf.paths import benchmarks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "build"


def typed(*arguments):
    return cli.main(["inject", *arguments])


def document(capsys, *arguments):
    assert typed(*arguments, "--json", "--jobs", "1") == 0
    return json.loads(capsys.readouterr().out)


def test_exhaustive_says_what_the_issue_asks_for(capsys):
    got = document(capsys, "autompg", "--exhaustive")
    network = load(benchmarks() / "autompg")
    assert got["faults"] == network.stored_bits
    assert got["samples"] == 78
    assert got["seconds"] > 0
    assert set(got["rungs"]) == set(network.parameters)
    assert got["complete"] is True
    rows = np.load(got["array"])
    assert len(rows["site"]) == network.stored_bits
    worst = int(rows["site"][rows["mse"].argmax()])
    assert got["worst"]["mse"] == rows["mse"].max()
    judged = problem("autompg")
    outputs = ReferenceEngine(DesignPoint.unprotected(network)).run(
        FaultList.of([Fault((worst,))]), judged.inputs
    )
    predicted = outputs.outputs[0, :, 0] * 2.0**-network.output.format.fraction * judged.scale + judged.offset
    assert got["worst"]["mse"] == pytest.approx(((predicted - judged.labels.reshape(-1)) ** 2).mean())


def test_the_same_command_finds_everything_done_and_says_the_same(capsys):
    first = document(capsys, "autompg", "--exhaustive")
    again = document(capsys, "autompg", "--exhaustive")
    assert (first["computed"], again["computed"]) == (first["faults"], 0)
    assert {k: v for k, v in first.items() if k != "computed"} == {
        k: v for k, v in again.items() if k != "computed"
    }
    assert document(capsys, "autompg", "--exhaustive", "--fresh")["computed"] == first["faults"]


def test_a_grid_as_a_table(capsys):
    assert (
        typed("dummy", "--ber", "1e-3,1e-2", "--protection", "0,0.4", "--repetitions", "8", "--metric", "sdc")
        == 0
    )
    said = capsys.readouterr().out
    header, columns, rule, *rows, rules = said.splitlines()
    assert header == "dummy, bernoulli flips, 200 test samples; fault-free sdc 0"
    assert columns.split() == ["BER", "protection", "ranker", "stored", "bits", "models", "upsets", "sdc"]
    assert len(rows) == 4
    assert all("/1,600 [" in row for row in rows), "every rate is k/n [lo, hi]"
    assert rules.startswith("intervals: t at 95 %")
    assert set(rule) == {"-", " "}


def test_margin_and_strict_name_their_rule(capsys):
    common = ("dummy", "--ber", "1e-2", "--metric", "sdc", "--margin", "10%")
    default = document(capsys, *common)["cells"][0]
    strict = document(capsys, *common, "--strict")["cells"][0]
    assert default["metrics"]["sdc"]["rule"] == "asymptotic-cs"
    assert strict["metrics"]["sdc"]["rule"] == "empirical-bernstein-cs"
    for cell in (default, strict):
        low, high = cell["metrics"]["sdc"]["interval"]
        assert 0 <= low <= cell["metrics"]["sdc"]["mean"] <= high <= 1
        assert high - low <= 0.2 + 1e-12
    assert strict["trials"] > default["trials"]


def test_a_fault_list_is_run_as_it_stands(capsys, tmp_path):
    network = load(benchmarks() / "autompg")
    path = write_fault_list(tmp_path / "f.txt", network, FaultList.of([Fault((5,)), Fault((9, 17, 4000))]))
    got = document(capsys, "autompg", "--faults", str(path))
    assert got["mode"] == "list"
    assert got["faults"] == 2
    assert got["cells"][0]["upsets"] == 2.0


def test_sample_is_planned_and_stratified(capsys):
    assert typed("autompg", "--mode", "sample", "--margin", "5%", "--metric", "sdc") == 0
    said = capsys.readouterr().out
    assert "380 of 29,190 single upsets, stratified: sdc " in said


def test_dry_run_writes_nothing(capsys, build):
    got = document(
        capsys, "dummy", "--ber", "1e-3", "--protection", "0,0.2", "--repetitions", "50", "--dry-run"
    )
    assert (got["trials"], got["cells"]) == (100, 2)
    assert got["seconds"] > 0
    assert not build.exists()
    assert typed("dummy", "--exhaustive", "--dry-run") == 0
    assert "26,118 stored bits may be upset" in capsys.readouterr().out


def test_profile_adds_up(capsys):
    assert typed("dummy", "--exhaustive", "--profile", "--jobs", "1") == 0
    said = capsys.readouterr().out
    assert "profile of this process" in said
    assert "limits of this machine, measured now, 1 threads" in said
    assert "whole models" in said


def test_a_campaign_from_a_file(capsys, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("benchmark: dummy\nber: [1%]\nrepetitions: 4\n")
    got = document(capsys, "--spec", str(path), "--metric", "mse")
    assert (got["benchmark"], got["faults"], got["metrics"]) == ("dummy", 4, ["mse"])


def test_shards_share_a_folder(capsys, tmp_path):
    common = ("dummy", "--ber", "1e-2", "--repetitions", "32", "--chunk", "8", "--out", str(tmp_path / "run"))
    first = document(capsys, *common, "--shard", "1/2")
    second = document(capsys, *common, "--shard", "2/2")
    assert (first["complete"], second["complete"]) == (False, True)
    assert second["faults"] == 32


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("autompgg", "--exhaustive"), "unknown benchmark 'autompgg' (did you mean autompg?)"),
        (("autompg", "--ber", "1.5"), "ber: 1.5 is outside 0 to 1"),
        (("autompg",), "needs a bit error rate; add --ber"),
        ((), "which benchmark? Type `netsurf list`"),
        (("autompg", "--ber", "1e-3", "--population", "fc3.bias,bit=1,fc1"), "is empty"),
        (("autompg", "--ber", "1e-3", "--population", "fc9"), "unknown population 'fc9' (did you mean"),
        (("autompg", "--ber", "1e-3", "--shard", "5/4"), "shard '5/4' is not i/N with i from 1 to N"),
        (("autompg", "--ber", "1e-3", "--ranker", "msbb"), "unknown ranker 'msbb' (did you mean msb"),
        (("autompg", "--faults", str(benchmarks() / "dummy" / "faults.txt")), "drawn for network"),
        (
            ("autompg", "--ber", "1e-3", "--margin", "1%", "--strict"),
            "the strict rule holds for values in [0, 1]",
        ),
        (("autompg", "--ber", "1e-3", "--engine", "fats"), "unknown engine 'fats' (did you mean fast?)"),
        (("autompg", "--ber", "1e-3", "--mode", "bernouli"), "'bernouli' is not one of"),
        (("autompg", "--ber", "1e-3", "--metric", "accuracy"), "unknown metric of a regression benchmark"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(capsys, build, arguments, sentence):
    assert typed(*arguments) == 2
    seen = capsys.readouterr()
    assert sentence in seen.err
    assert len(seen.err.strip().splitlines()) == 1
    assert seen.out == ""
    assert not build.exists(), "nothing was written"


def test_another_campaign_in_the_folder_is_refused(capsys, tmp_path):
    common = ("dummy", "--ber", "1e-2", "--repetitions", "2", "--quiet", "--out", str(tmp_path / "run"))
    assert typed(*common) == 0
    assert typed(*common, "--seed", "2") == 2
    assert "holds another campaign (seed: 1 there, 2 now)" in capsys.readouterr().err


def test_ctrl_c_finishes_the_chunk_and_says_how_to_go_on(tmp_path):
    command = ["inject", "dummy", "--ber", "1e-2", "--repetitions", "3000", "--chunk", "16", "--jobs", "2"]
    where = os.environ | {"NETSURF_BUILD": str(tmp_path / "b")}
    process = subprocess.Popen(
        [sys.executable, "-m", "netsurf", *command], cwd=ROOT, env=where, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 600  # a hang, not a speed, fails here
    while len(list(tmp_path.glob("b/runs/*/chunks/*.sha256"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 130
    assert "finishing this chunk" in said
    assert said.splitlines()[-1].endswith(f"go on with: netsurf {' '.join(command)}")
    there = {p.name: p.read_bytes() for p in tmp_path.glob("b/runs/*/chunks/*")}
    assert len(there) >= 6
    rest = [sys.executable, "-m", "netsurf", *command, "--json"]
    got = json.loads(subprocess.run(rest, cwd=ROOT, env=where, capture_output=True, check=True).stdout)
    assert got["complete"]
    assert got["computed"] <= 3000 - 16 * (len(there) // 2)
    after = {p.name: p.read_bytes() for p in tmp_path.glob("b/runs/*/chunks/*")}
    assert there.items() <= after.items()
