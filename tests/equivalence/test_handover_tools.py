"""Hand-over files in the tools that pip installs: FuseSoC reads the core, Yosys runs the script."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netsurf.emit import architecture, emit
from netsurf.fixed import FixedFormat
from netsurf.handover import Facts, hand_over
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Network, TensorSpec
from tests.strategies import dense

YOSYS = """\
import sys
from pyosys import libyosys as ys
design = ys.Design()
for line in open(sys.argv[1]):
    if line.strip() and not line.startswith("#"):
        ys.run_pass(line.strip(), design)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    rng = np.random.default_rng(1)
    weight, total = FixedFormat(4, 1), FixedFormat(14, 6)
    x = TensorSpec((4,), FixedFormat(4, 4, False))
    network = Network("tiny", x, (dense("fc1", "input", x, 2, weight, weight, total, total, rng),))
    plan = plan_by_level(network, rng.permutation(network.stored_bits), 0.3, {})
    folder = tmp_path_factory.mktemp("handover")
    accelerator = emit(DesignPoint(network, plan), architecture("serial", network), folder / "d")
    return hand_over(accelerator, folder / "out", protected=plan.bits), accelerator


def run_yosys(written):
    return subprocess.run(
        [sys.executable, "-c", YOSYS, written.files["yosys"].name],
        cwd=written.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.rtl("pyosys")
def test_yosys_keeps_every_replica(written):
    handed, accelerator = written
    run = run_yosys(handed)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    modules = json.loads((handed.folder / f"{accelerator.top}_netlist.json").read_text())["modules"]
    cells = modules[accelerator.top]["cells"]

    def flip_flops(module):
        return sum("DFF" in cell["type"] for cell in modules[module]["cells"].values())

    banks = Facts(accelerator, 10.0, "", None).banks
    assert {b.flat: flip_flops(cells[b.flat]["type"]) for b in banks} == {b.flat: b.flip_flops for b in banks}
    assert flip_flops(accelerator.top) <= accelerator.registers


@pytest.mark.rtl("pyosys")
def test_yosys_script_fails_without_keep_hierarchy(written, tmp_path):
    """The control: the attribute taken out of the Verilog, replicas merge, and the script must say so."""
    handed, _ = written
    folder = tmp_path / "out"
    shutil.copytree(handed.folder, folder)
    for path in (folder / "rtl").glob("*.v"):
        path.write_text(path.read_text().replace("(* keep_hierarchy *)", ""))
    run = subprocess.run(
        [sys.executable, "-c", YOSYS, handed.files["yosys"].name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode != 0
    assert "Assertion failed" in run.stdout + run.stderr


def fusesoc(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "fusesoc.main", "--cores-root", ".", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


def test_fusesoc_knows_the_core_and_its_targets(written, package):
    package("fusesoc")
    handed, accelerator = written
    shown = fusesoc(handed.folder, "core", "show", f"::{accelerator.top}:0")
    assert shown.returncode == 0, shown.stderr
    for target in ("default", "lint", "vivado", "asic"):
        assert target in shown.stdout


def test_fusesoc_sets_vivado_up(written, package):
    package("fusesoc")
    handed, accelerator = written
    run = fusesoc(handed.folder, "run", "--setup", "--target", "vivado", f"::{accelerator.top}:0")
    assert run.returncode == 0, run.stdout + run.stderr
    scripts = "".join(p.read_text() for p in (handed.folder / "build").rglob("*.tcl"))
    assert f"{accelerator.top}.xdc" in scripts
    assert all(Path(file).name in scripts for file in accelerator.files)


@pytest.mark.rtl
def test_fusesoc_lints_with_verilator(written, package, tool):
    package("fusesoc")
    handed, accelerator = written
    verilator = tool("verilator")
    path = f"{Path(verilator.path).parent}{os.pathsep}{os.environ['PATH']}"
    run = fusesoc(handed.folder, "run", "--target", "lint", f"::{accelerator.top}:0", PATH=path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_fusesoc_refuses_a_core_that_is_broken(written, package, tmp_path):
    package("fusesoc")
    handed, accelerator = written
    text = handed.files["fusesoc"].read_text().replace("filesets:\n  rtl:", "filesetz:\n  rtl:")
    (tmp_path / "broken.core").write_text(text)
    assert fusesoc(tmp_path, "core", "show", f"::{accelerator.top}:0").returncode != 0
