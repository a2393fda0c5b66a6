"""Who may import whom: the contracts of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the package ``netsurf`` in ``folder``, by the contracts of this checkout."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
    )


@pytest.fixture
def copy(tmp_path):
    """A copy of the package that a test may spoil."""
    shutil.copytree(ROOT / "netsurf", tmp_path / "netsurf", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_room_imports_only_what_it_may():
    run = lint_imports(ROOT)
    assert " 0 broken." in run.stdout, run.stdout + run.stderr
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("fixed/bits.py", "from netsurf import ir", "A room imports the rooms below it"),
        ("engine/base.py", "import netsurf.cli.output", "A room imports the rooms below it"),
        ("harden/plan.py", "import tensorflow", "Only the front end and the hls4ml backend"),
        ("engine/base.py", "from cocotb.triggers import Timer", "Only cosim imports cocotb"),
        ("fault/space.py", "import matplotlib.pyplot", "Only report imports matplotlib"),
        ("ir/network.py", "import duckdb", "Only campaign imports duckdb"),
        ("ir/execute.py", "from numba import njit", "Only inject imports numba"),
        ("engine/base.py", "import rich.table", "Only cli imports click and rich"),
        ("ir/execute.py", "import pyosys", "Only the Yosys worker"),
    ],
)
def test_each_contract_can_fail(copy, file, line, contract):
    path = copy / "netsurf" / file
    path.write_text(f"{path.read_text()}\n\ndef _late():\n    {line}\n")
    run = lint_imports(copy)
    assert run.returncode == 1
    broken = [said for said in run.stdout.splitlines() if " BROKEN" in said]
    assert any(said.startswith(contract) for said in broken), run.stdout + run.stderr


def test_tests_ask_for_tools_through_conftest_alone():
    quiet_ways_out = ("skip" + "if(", "import" + "orskip(")  # neither fails under NETSURF_REQUIRE_TOOLS=1
    guilty = [
        str(file.relative_to(ROOT))
        for folder in ("tests", "sim")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if any(way in file.read_text() for way in quiet_ways_out)
    ]
    assert guilty == []


def test_only_the_command_line_prints():
    guilty = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / "netsurf").rglob("*.py"))
        if "cli" not in file.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert guilty == []


def test_importing_the_light_rooms_loads_no_framework():
    rooms = ", ".join(f"netsurf.{room}" for room in ("fixed", "ir", "fault", "harden", "engine", "toolchain"))
    program = f"import sys, {rooms}; print('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & {
        "tensorflow",
        "keras",
        "qkeras",
        "hls4ml",
        "numba",
        "matplotlib",
        "duckdb",
        "cocotb",
        "rich",
    }
