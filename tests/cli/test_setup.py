"""The set-up: a lock that covers what is declared, and a stop with the line to type."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [
    *PROJECT["dependencies"],
    *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
]
LOCK = (ROOT / "locks" / "py311.txt").read_text()
PINS = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", LOCK, re.MULTILINE))
NEEDED = ("bash", "sh", "dirname", "grep", "rm", "g++", "make", "perl", "iverilog", "npm", "ccache")


@pytest.mark.parametrize("line", DECLARED)
def test_the_lock_has_each_declared_package_in_a_version_that_fits(line):
    wanted = Requirement(line)
    assert wanted.specifier.contains(PINS[wanted.name.lower()])


def test_every_pin_has_a_hash_and_no_address():
    entries = re.split(r"\n(?=[a-z0-9])", LOCK[LOCK.index("\nabsl") :].strip())
    assert len(entries) == len(PINS)
    assert all("--hash=sha256:" in entry for entry in entries)
    for file in (ROOT / "locks").iterdir():
        assert "://" not in file.read_text()


@pytest.fixture
def clone(tmp_path):
    """What set-up reads, in a folder of its own, and a PATH that the test makes up."""
    for name in ("setup.sh", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "locks", tmp_path / "locks")
    (tmp_path / "bin").mkdir()
    return tmp_path


def set_up(clone: Path, *absent: str, **scripts: str) -> subprocess.CompletedProcess[str]:
    """Run ``make setup`` on a machine without ``absent``, with stand-ins for programs."""
    for name in NEEDED:
        found = shutil.which(name)
        if found and name not in absent:
            (clone / "bin" / name).symlink_to(found)
    for name, text in scripts.items():
        path = clone / "bin" / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return make_setup(clone)


def make_setup(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "setup"],
        cwd=clone,
        env={"PATH": str(clone / "bin"), "HOME": str(clone)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def with_python(clone: Path) -> None:
    (clone / "bin" / "python3.11").symlink_to(os.path.realpath(sys.executable))


def test_set_up_stops_without_python_3_11(clone):
    run = set_up(clone, python3="exit 1")
    assert "netsurf: TensorFlow 2.14 needs Python 3.11 and there is none; type: " in run.stderr
    assert "Error 3" in run.stderr
    assert not (clone / ".venv").exists()


def test_set_up_stops_when_apt_does_not_help(clone):
    with_python(clone)
    run = set_up(clone, "iverilog", apt_get="exit 100", sudo="exit 1")
    assert re.search(r"netsurf: .*iverilog.*; type: .*apt-get install -y .*iverilog", run.stderr)
    assert "Error 3" in run.stderr
    assert not (clone / ".venv").exists()


def test_set_up_stops_where_there_is_no_apt(clone):
    with_python(clone)
    run = set_up(clone, "iverilog")
    assert "netsurf: missing: iverilog" in run.stderr
    assert "there is no apt-get" in run.stderr
    assert "Error 3" in run.stderr


def test_set_up_that_is_done_is_not_done_again(clone):
    (clone / ".venv").mkdir()
    (clone / ".venv" / ".netsurf-setup").touch()
    run = set_up(clone)
    assert run.returncode == 0
    assert "setup:" not in run.stdout
    os.utime(clone / "locks" / "py311.txt", (2e9 * 2, 2e9 * 2))
    again = make_setup(clone)
    assert "there is none" in again.stderr
