"""The tables of the README and of the comparison page are those of the kept results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netsurf.rank import METHODS
from netsurf.report.comparison import comparison_tables, overview

ROOT = Path(__file__).resolve().parents[2]
KEPT = json.loads((ROOT / "docs" / "results" / "comparison.json").read_text())
RARE = json.loads((ROOT / "docs" / "results" / "comparison-rare.json").read_text())
TABLES = comparison_tables(KEPT)
PAGE = (ROOT / "docs" / "comparison.md").read_text()


def test_every_method_is_judged_on_every_network():
    for network in KEPT["networks"]:
        assert [row["method"] for row in network["methods"]] == list(METHODS)
    assert KEPT["provenance"]["commit"]
    assert KEPT["trials"] >= 20


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_the_page_has_the_table(number):
    assert TABLES[number].markdown() in PAGE, TABLES[number].title


def test_the_readme_has_the_overview():
    assert overview(KEPT).markdown() in (ROOT / "README.md").read_text()


def test_where_upsets_are_rare_nothing_beats_the_oracle():
    """The claim of the page, from the numbers that it was made from."""
    small = [
        (network["benchmark"], row["methods"], row["level"], row["ber"])
        for network in KEPT["networks"]
        for row in network["better"]
        if row["level"] <= 0.05 and row["ber"] <= 0.001
    ]
    assert small == []
    rare = [row for network in RARE["networks"] for row in network["better"]]
    assert {row["ber"] for row in rare} == {0.001}, (
        "three hundred upsets a model, and none where they are rarer"
    )
    assert min(RARE["bers"]) < 0.001
