"""``netsurf mission`` as a person types it."""

import json
from xml.etree import ElementTree

import pytest

from netsurf import cli
from netsurf.mission import ENVIRONMENTS


@pytest.fixture(autouse=True)
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    return tmp_path / "build"


QUICK = ("--samples", "60", "--trials", "20")


def document(capsys, *arguments):
    assert cli.main(["mission", *arguments, *QUICK, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    assert cli.main(["mission", *arguments]) == 2
    return capsys.readouterr().err


def test_sea_level_by_protection(capsys, build):
    got = document(
        capsys, "autompg", "--environment", "sea-level", "--cross-section", "1e-9", "--reload", "1y",
        "--level", "0,100",
    )  # fmt: skip
    bare, full = got["rows"]
    assert got["upsets"]["rate"] == pytest.approx(13 / 3600 * 1e-9)
    assert bare["ber"] == pytest.approx(13 / 3600 * 1e-9 * 365.25 * 86400, rel=1e-3)
    assert "JESD89A" in got["upsets"]["source"]
    assert bare["loss"]["estimate"] > 100 * full["loss"]["estimate"] > 0
    assert bare["dropped"]["fit"]["estimate"] > 100 * full["dropped"]["fit"]["estimate"]
    assert sum(bare["errors"].values()) == pytest.approx(1)
    assert json.loads((build / "autompg" / "mission" / "mission.json").read_text()) == got


def test_the_table_and_the_picture(capsys, build):
    typed = ["mission", "autompg", "--flux", "1e6", "--cross-section", "1e-13", "--reload", "1s,1h"]
    assert cli.main([*typed, *QUICK]) == 0
    said = capsys.readouterr().out
    assert "1e-07 upsets a bit and second" in said
    assert "MTTF" in said
    assert "1 s" in said
    picture = ElementTree.parse(build / "autompg" / "mission" / "mission.svg")
    assert picture.getroot().tag.endswith("svg")


def test_scrubbing_helps_protected_bits(capsys):
    common = ("autompg", "--upset-rate", "1e-2", "--reload", "1d", "--level", "100")
    plain = document(capsys, *common)["rows"][0]
    scrubbed = document(capsys, *common, "--scrub", "1min")["rows"][0]
    assert scrubbed["loss"]["estimate"] < plain["loss"]["estimate"] / 100
    assert scrubbed["scrub"] == 60
    assert plain["scrub"] is None


def test_other_schemes_go_through_their_own_reading(capsys):
    common = ("autompg", "--upset-rate", "1e-6", "--reload", "1d", "--level", "100")
    bare = document(capsys, *common[:-1], "0")["rows"][0]
    secded = document(capsys, *common, "--scheme", "secded")["rows"][0]
    assert secded["loss"]["estimate"] < bare["loss"]["estimate"] / 100
    assert secded["stored_bits"] > bare["stored_bits"]


def test_a_plan_and_an_orbit(capsys, tmp_path):
    plan = tmp_path / "plan.json"
    assert cli.main(["harden", "autompg", "--budget", "30%", "--ranker", "msb", "--trials", "4",
                     "--no-oracle", "-o", str(plan)]) == 0  # fmt: skip
    capsys.readouterr()
    got = document(capsys, "autompg", "--orbit", "meo-virtex2", "--reload", "30d", "--plan", str(plan))
    assert got["rows"][0]["level"] == pytest.approx(0.3, abs=0.001)
    assert got["upsets"]["rate"] == ENVIRONMENTS["meo-virtex2"].rate


def test_environments_are_listed_with_their_sources(capsys):
    assert cli.main(["mission", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(entry.source in said for entry in ENVIRONMENTS.values())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ((), "which benchmark"),
        (("dummy",), "which benchmark"),
        (("dummy", "--reload", "1h"), "one of --flux"),
        (("dummy", "--reload", "1h", "--flux", "1", "--upset-rate", "1"), "one of --flux"),
        (("dummy", "--reload", "1h", "--flux", "1"), "--cross-section"),
        (("dummy", "--reload", "1h", "--environment", "sea-lavel"), "sea-level"),
        (
            ("dummy", "--reload", "1h", "--environment", "leo-alsat1", "--cross-section", "1e-9"),
            "leave out --cross-section",
        ),
        (("dummy", "--reload", "soon", "--flux", "1"), "is no time"),
        (("dummy", "--reload", "1h", "--upset-rate", "1", "--scrub", "2h"), "never comes before"),
        (("dummy", "--reload", "1h", "--upset-rate", "-1"), "flux"),
    ],
)
def test_what_cannot_be_computed_is_refused(capsys, typed, said):
    assert said in refused(capsys, *typed)
