"""``netsurf harden`` as a person types it: plans, the inverse problem, fronts, refusals."""

import json

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.plans import PlanJudge
from netsurf.engine import ReferenceEngine
from netsurf.fault import bernoulli
from netsurf.frontend.problem import problem
from netsurf.harden import DesignPoint, load_plan, plan_by_level
from netsurf.ir import load
from netsurf.paths import benchmarks
from netsurf.rank import rank


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def typed(*arguments):
    return cli.main(["harden", *arguments])


def document(capsys, *arguments):
    assert typed(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


QUICK = ("--trials", "6", "--ber", "0.002", "--no-oracle")


def test_a_budget_becomes_a_plan(capsys, build):
    got = document(capsys, "dummy", "--budget", "10%", "--ranker", "msb", *QUICK)
    network = load(benchmarks() / "dummy")
    plan = load_plan(build / "plans" / "dummy.json", network)
    assert got["digest"] == plan.digest
    assert plan.bits.tolist() == plan_by_level(network, rank("msb", network), 0.1, {}).bits.tolist()
    assert plan.notes["ranker"] == "msb"
    assert got["protected_bits"] == len(plan.bits) == round(0.1 * network.stored_bits)


def test_what_it_buys_is_measured_on_the_test_split_with_other_faults(capsys):
    got = document(capsys, "autompg", "--budget", "30%", "--ranker", "msb", *QUICK, "--seed", "5")
    judged = problem("autompg", "test")
    plan = plan_by_level(judged.network, rank("msb", judged.network), 0.3, {})
    design = DesignPoint(judged.network, plan)
    faults = bernoulli(design.space, 6, 0.002, 6)
    outputs = ReferenceEngine(design).run(faults, judged.inputs).outputs[:, :, 0]
    predicted = outputs * 2.0**-judged.network.output.format.fraction * judged.scale + judged.offset
    expected = -((predicted - judged.labels.reshape(-1)) ** 2).mean()
    assert got["protected"]["value"] == pytest.approx(expected)
    assert got["metric"] == "-mse"
    assert got["oracle"] is None


def test_the_oracle_of_the_same_size_stands_beside_it(capsys):
    got = document(
        capsys, "autompg", "--budget", "20%", "--ranker", "lsb", "--trials", "30", "--ber", "0.002"
    )
    assert got["regret"]["low"] > 0, "the worst order forgoes something"
    assert got["oracle"]["value"] > got["protected"]["value"]


def test_the_smallest_plan_that_keeps_the_rest(capsys):
    common = ("--ranker", "msb", "--trials", "8", "--ber", "0.001", "--no-oracle")
    strict = document(capsys, "autompg", "--max-drop", "5%", *common)
    loose = document(capsys, "autompg", "--max-drop", "60%", *common)
    assert 0 <= loose["protected_bits"] < strict["protected_bits"]
    judged = problem("autompg", "calibration")
    judge = PlanJudge(judged, 0.001, 8, 1)
    plan = plan_by_level(judged.network, rank("msb", judged.network), strict["level"], {})
    target = judge.fault_free() - 0.05 * np.var(judged.labels)
    assert judge(plan) >= target
    fewer = plan_by_level(judged.network, rank("msb", judged.network), strict["level"] - 0.004, {})
    assert judge(fewer) < target


def test_the_front_ascends(capsys):
    got = document(capsys, "autompg", "--front", "--ranker", "msb,lsb", "--levels", "0,10%,40%", *QUICK)
    flops = [row["flip_flops"] for row in got["front"]]
    values = [row["value"] for row in got["front"]]
    assert flops == sorted(flops)
    assert values == sorted(values)
    assert got["front"][0]["ranker"] == "none"
    assert "lsb" not in {row["ranker"] for row in got["front"][1:]}


def test_every_point_of_the_front_is_measured_again_on_the_test_split(capsys, tmp_path):
    common = ("--levels", "0,10%,40%", *QUICK, "--seed", "5", "--figures", str(tmp_path / "fig"))
    got = document(capsys, "autompg", "--front", "--ranker", "msb", *common)
    chosen, again = (PlanJudge(problem("autompg", split), 0.002, 6, seed) for split, seed in SPLITS)
    assert len(got["tried"]) == 3
    for rows, judge in ((got["tried"], chosen), (got["front"], again)):
        for row in rows:
            plan = plan_by_level(judge.problem.network, rank("msb", judge.problem.network), row["level"], {})
            assert row["value"] == pytest.approx(judge(plan))
    for row in got["front"]:
        assert row["low"] <= row["value"] <= row["high"]
    assert {row["value"] for row in got["front"]}.isdisjoint(row["value"] for row in got["tried"])
    assert (tmp_path / "fig" / "autompg-front.png").read_bytes().startswith(b"\x89PNG")


SPLITS = (("calibration", 5), ("test", 6))


def test_tables_for_a_person(capsys):
    assert typed("dummy", "--budget", "0.25", "--ranker", "msb", *QUICK, "--quiet") == 0
    words = capsys.readouterr().out
    assert "6,530 of 26,118 stored bits triplicated (25.00%), 13,060 more flip-flops" in words
    assert "what the plan buys" in words


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "which benchmark?"),
        (["dummy"], "say one of --budget 10%, --max-drop 0.5%, --area +20%, --protect all=secded and"),
        (["dummy", "--budget", "10%", "--front"], "say one of"),
        (["dummy", "--area", "-3%"], "protection makes no design smaller"),
        (["dummy", "--area", "much"], "'much' is no overhead; write +20%"),
        (["dummy", "--area", "+20%", "--ranker", "msb", "--target", "ise40"], "did you mean ice40?"),
        (["dummy", "--budget", "1.5"], "1.5 is outside 0 to 1"),
        (["dummy", "--budget", "10%", "--ranker", "msbb"], "unknown ranker 'msbb' (did you mean msb"),
        (
            ["autompg", "--max-drop", "0.01%", "--ranker", "msb", "--ber", "0.2", "--trials", "2"],
            "ranked bits reaches",
        ),
    ],
)
def test_refusals_are_one_sentence_and_write_nothing(capsys, build, arguments, sentence):
    assert typed(*arguments) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.strip().count("\n") == 0
    assert not (build / "plans").exists()
