"""The tables of the benchmarks' page are those of the golden numbers and of the kept certificates."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks_page import DOCS, PAGES, certificates, page, trained


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says_what_the_files_say(name):
    text = (DOCS / name).read_text()
    assert page(name, text) == text, "type: python tests/benchmarks_page.py"
    assert all(f"<!-- {mark} -->\n|" in text for mark in PAGES[name])


def test_a_page_that_drifted_is_found():
    drifted = (DOCS / "benchmarks.md").read_text().replace("98.28 %", "99.28 %")
    assert page("benchmarks.md", drifted) != drifted


def test_every_kept_certificate_is_of_the_committed_network_and_in_the_table():
    table = certificates(trained())
    networks = {
        spec.name: json.loads((spec.folder / "golden.json").read_text())["network"] for spec in trained()
    }
    for path in (DOCS / "results").glob("*-certificate.json"):
        document = json.loads(path.read_text())
        assert document["network"] == networks[document["benchmark"]], path.name
        assert f"`{document['benchmark']}`" in table
