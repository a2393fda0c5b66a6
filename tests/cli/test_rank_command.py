"""``netsurf rank`` as a person types it: tables, documents, files, refusals."""

import json

import numpy as np
import pytest

from netsurf import cli
from netsurf.campaign.exchange import read_sites
from netsurf.cli.rank import parse_options
from netsurf.errors import UsageError
from netsurf.frontend.gather import Subject, single_upsets
from netsurf.ir import load
from netsurf.paths import benchmarks
from netsurf.rank import METHODS, order, rank

CHEAP = "msb,weight_abs_value,diffbitperweight,random"


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


def typed(*arguments):
    return cli.main(["rank", *arguments])


def document(capsys, *arguments):
    assert typed(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_files_hold_the_rankings(capsys, tmp_path):
    for suffix in ("csv", "parquet"):
        got = document(
            capsys,
            *("dummy", "--method", CHEAP, "--trials", "0", "--seed", "4"),
            *("-o", str(tmp_path / "out"), "--format", suffix),
        )
        network = load(benchmarks() / "dummy")
        assert set(got["files"]) == set(CHEAP.split(","))
        for method, path in got["files"].items():
            table = read_sites(tmp_path / "out" / f"{method}.{suffix}", network)
            assert path.endswith(f"{method}.{suffix}")
            assert (table.sites == rank(method, network, 4)).all()
            assert table.notes == {"method": method, "ordering": METHODS[method].orderings[0], "seed": 4}


def test_regret_is_measured_against_the_oracle(capsys):
    got = document(
        capsys,
        *("autompg", "--method", "lsb,oracle", "--ber", "0.002", "--trials", "30", "--levels", "10%,40%"),
    )
    worth = {(row["method"], row["level"]): row for row in got["worth"]}
    assert worth["oracle", 0.1]["regret"]["value"] == 0
    assert worth["lsb", 0.4]["regret"]["low"] > 0, "the worst order forgoes something"
    assert worth["oracle", 0.4]["value"]["value"] > worth["lsb", 0.4]["value"]["value"]
    agreement = {(row["method"], row["level"]): row for row in got["agreement"]}
    assert agreement["lsb", 1.0]["jaccard"]["value"] == 1
    assert agreement["oracle", 1.0]["kendall"]["value"] < 0, "the first method is the baseline"


def test_regret_against_another_reference(capsys):
    common = ("--trials", "5", "--ber", "0.01", "--levels", "30%")
    got = document(capsys, "autompg", "--method", "msb,lsb", "--reference", "lsb", *common)
    worth = {row["method"]: row for row in got["worth"]}
    assert got["reference"] == "lsb"
    difference = worth["lsb"]["value"]["value"] - worth["msb"]["value"]["value"]
    assert worth["msb"]["regret"]["value"] == pytest.approx(difference)
    assert worth["lsb"]["regret"]["value"] == 0


def test_the_oracle_of_the_command_is_that_of_the_injector(capsys, tmp_path):
    typed("dummy", "--method", "oracle", "--trials", "0", "-o", str(tmp_path), "--quiet")
    subject = Subject.of("dummy")
    change = single_upsets(subject, subject.network)["loss_change"]
    table = read_sites(tmp_path / "oracle.csv", subject.network)
    assert (table.sites == order(subject.network, change)).all()
    np.testing.assert_allclose(table.scores, change[table.sites])


def test_tables_for_a_person(capsys):
    assert typed("dummy", "--method", "msb,random", "--trials", "2", "--levels", "0.25", "--quiet") == 0
    words = capsys.readouterr().out
    assert "against msb (all bits)" in words
    assert "Jaccard overlap with msb" in words
    assert "under fault" in words
    assert "25 %" in words


def test_an_ordering_is_given_to_the_methods_that_have_it(capsys):
    got = document(capsys, "dummy", "--method", "msb,weight_abs_value", "--ordering", "free", "--trials", "0")
    assert {row["method"]: row["ordering"] for row in got["rankings"]} == {
        "msb": "free",
        "weight_abs_value": "free",
    }
    got = document(
        capsys, "dummy", "--method", "msb,weight_abs_value", "--ordering", "bitplane", "--trials", "0"
    )
    assert [row["ordering"] for row in got["rankings"]] == ["free", "bitplane"]


def test_the_list_has_every_method(capsys):
    got = document(capsys, "--list")
    assert [row["method"] for row in got["methods"]] == list(METHODS)
    assert all(row["summary"].endswith((".", "later.")) for row in got["methods"])


def test_options_are_read_as_their_defaults_are():
    assert parse_options(("hessian.k=2", "oracle.metric=accuracy")) == {
        "hessian": {"k": 2},
        "oracle": {"metric": "accuracy"},
    }
    with pytest.raises(UsageError, match=r"write METHOD.KEY=VALUE"):
        parse_options(("k=2",))
    with pytest.raises(UsageError, match="k must be like 3"):
        parse_options(("hessian.k=two",))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["dummy", "--method", "hesian"], "unknown ranker 'hesian' (did you mean hessian"),
        (["dumy"], "unknown benchmark 'dumy' (did you mean dummy?)"),
        ([], "which benchmark?"),
        (
            ["dummy", "--method", "msb", "--option", "msb.k=2"],
            "ranker 'msb' has no option 'k'; it takes none",
        ),
        (
            ["dummy", "--method", "msb", "--option", "hessian.k=2"],
            "options for 'hessian', which is not among",
        ),
        (["dummy", "--method", "msb", "--ordering", "fre"], "unknown ordering 'fre' (did you mean free?)"),
        (
            ["dummy", "--method", "msb", "--baseline", "oracle"],
            "unknown baseline among the methods asked for",
        ),
        (["dummy", "--method", "msb", "--reference", "lsb"], "unknown reference among the methods asked for"),
        (["dummy", "--method", "msb", "--pruned", "first"], "unknown treatment of pruned weights 'first'"),
        (["dummy", "--method", "msb", "--format", "xls"], "unknown file format 'xls'"),
        (["dummy", "--method", "msb", "--levels", "120%"], "1.2 is outside 0 to 1"),
        (["dummy", "--method", "msb", "--ber", "often"], "'often' is no number; write 0.1 or 10%"),
    ],
)
def test_refusals_are_one_sentence_and_write_nothing(capsys, tmp_path, arguments, sentence):
    assert typed(*arguments, "-o", str(tmp_path / "out")) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
