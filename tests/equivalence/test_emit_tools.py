"""What is emitted is clean in every tool that reads it: Verilator's linter, Icarus, Yosys."""

import json
import subprocess
import sys

import numpy as np
import pytest

from netsurf import toolchain
from netsurf.emit import architecture, emit
from netsurf.errors import ToolFailedError
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Layer, Network, TensorSpec
from tests.strategies import dense

pytestmark = pytest.mark.rtl
needs_yosys = pytest.mark.rtl("pyosys")


def design(level: float, exact: bool = True, sizes=(16, 4)) -> DesignPoint:
    """Dense layers with a relu between, a random part of the bits protected."""
    rng = np.random.default_rng(1)
    x, weight, hidden = (
        FixedFormat(8, 0, False),
        FixedFormat(6, 1),
        FixedFormat(6, 3, False, "RND_CONV", "SAT"),
    )
    first = spec = TensorSpec((sizes[0],), x)
    layers, source = [], "input"
    for number, outputs in enumerate(sizes[1:], start=1):
        fraction = spec.format.fraction + 5
        total = FixedFormat(20, 20 - fraction) if exact else FixedFormat(12, 8, True, "RND", "SAT")
        layer = dense(f"fc{number}", source, spec, outputs, weight, weight, total, total, rng)
        layers.append(layer)
        source, spec = layer.name, layer.output
        if number < len(sizes) - 1:
            spec = TensorSpec(spec.shape, hidden)
            layers.append(Layer(f"relu{number}", "relu", (source,), spec))
            source = f"relu{number}"
    network = Network("tools", first, tuple(layers))
    return DesignPoint(network, plan_by_level(network, rng.permutation(network.stored_bits), level, {}))


CASES = [
    pytest.param((16, 4), "serial", 0.2, True, id="random-mask"),
    pytest.param((16, 4), "parallel", 0.2, True, id="parallel"),
    pytest.param((8, 6, 3), "serial", 0.0, True, id="unprotected"),
    pytest.param((8, 6, 3), "serial", 1.0, False, id="saturating"),
    pytest.param((8, 6, 3), "parallel", 0.5, False, id="saturating-parallel"),
    pytest.param((1, 3, 1), "serial", 0.5, True, id="one-input-one-output"),
]


@pytest.mark.parametrize(("sizes", "name", "level", "exact"), CASES)
def test_lint(tmp_path, sizes, name, level, exact):
    """`verilator --lint-only -Wall` says nothing, and Icarus says only what it says of every memory."""
    point = design(level, exact, sizes)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    files = [str(path) for path in (accelerator.folder / "sites.vlt", *accelerator.paths)]
    said = toolchain.verilator().run(
        "--lint-only",
        "-Wall",
        "--top-module",
        accelerator.top,
        *files,
        cwd=tmp_path,
        log=tmp_path / "lint.log",
    )
    assert "Warning" not in said
    icarus = ["-g2005", "-Wall", "-s", accelerator.top, "-o", "a.vvp", *map(str, accelerator.paths)]
    run = subprocess.run(
        [toolchain.icarus().path, *icarus], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [line for line in run.stderr.splitlines() if "sensitive to all" not in line] == []


def test_the_linter_sees_a_truncated_word(tmp_path):
    """The negative control: a port that is one bit short is no clean lint."""
    point = design(0.2)
    accelerator = emit(point, architecture("serial", point.network), tmp_path / "d")
    top = accelerator.paths[-1]
    top.write_text(top.read_text().replace("wire [7:0] x =", "wire [6:0] x ="))
    files = [str(path) for path in accelerator.paths]
    with pytest.raises(ToolFailedError):
        toolchain.verilator().run(
            "--lint-only",
            "-Wall",
            "--top-module",
            accelerator.top,
            *files,
            cwd=tmp_path,
            log=tmp_path / "l.log",
        )


_YOSYS = (
    "import sys; from pyosys import libyosys as ys; d = ys.Design();"
    "[ys.run_pass(c, d) for c in sys.argv[1].split(';') if c.strip()]"
)


def flip_flops(accelerator, before: str = "") -> int:
    """Flip-flops that Yosys is left with; a subprocess, because a Yosys error ends the process."""
    files = " ".join(str(path) for path in accelerator.paths)
    report = accelerator.folder / "stat.json"
    script = (
        f"read_verilog {files}; hierarchy -check -top {accelerator.top}; {before} proc; flatten; opt -full;"
        f"memory -nomap; memory_map; opt -full; opt_dff; opt_clean; simplemap; tee -o {report} stat -json"
    )
    run = subprocess.run([sys.executable, "-c", _YOSYS, script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    cells = json.loads(report.read_text())["design"]["num_cells_by_type"]
    return sum(count for cell, count in cells.items() if "DFF" in cell)


@needs_yosys
@pytest.mark.parametrize("name", ["serial", "parallel"])
@pytest.mark.parametrize("level", [0.0, 0.2, 1.0])
def test_yosys_keeps_exactly_the_flip_flops_that_are_stated(tmp_path, name, level):
    """Stored bits, two replicas of each protected one, and the registers: not one more or less."""
    point = design(level)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    assert accelerator.flip_flops - accelerator.registers == point.space.size
    assert flip_flops(accelerator) == accelerator.flip_flops


@needs_yosys
def test_replicas_are_lost_without_keep_hierarchy(tmp_path):
    """The negative control: without the attribute synthesis merges the replicas, and the count says so."""
    point = design(0.2)
    accelerator = emit(point, architecture("serial", point.network), tmp_path / "d")
    left = flip_flops(accelerator, before="setattr -mod -unset keep_hierarchy *;")
    assert left <= accelerator.flip_flops - len(point.plan.bits)
