"""Guarded stores are clean in every tool that reads them, and Yosys keeps exactly what is stated."""

import subprocess

import pytest

from netsurf import toolchain
from netsurf.cosim.elaborate import confirm_sites
from netsurf.emit import architecture, emit
from netsurf.harden import DesignPoint, plan_by_name
from tests.equivalence.test_emit_tools import design, flip_flops

pytestmark = pytest.mark.rtl
needs_yosys = pytest.mark.rtl("pyosys")

PLANS = {
    "dmr": {"fc1": "dmr"},
    "parity": {"all": "parity"},
    "secded": {"fc1.kernel": "secded", "fc2.kernel": "secded:word=1"},
    "tmr_scrub": {"fc1.kernel": "tmr_scrub:period=3", "fc2": "tmr_scrub:period=1"},
    "secded_scrub": {"fc1": "secded_scrub:word=12:period=5", "fc2.bias": "secded_scrub:word=18"},
}

CASES = [
    *(("serial", scheme) for scheme in PLANS),
    ("parallel", "tmr_scrub"),
    *(pytest.param("parallel", s, marks=pytest.mark.slow) for s in PLANS if s != "tmr_scrub"),
]


def emitted(plan, name, folder, level=0.0):
    """A network of 8 - 6 - 3 under a plan; with ``level`` also random bits of tmr."""
    network = design(level, True, (8, 6, 3)).network
    return emit(
        DesignPoint(network, plan_by_name(network, plan, {})), architecture(name, network), folder / "d"
    )


@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_lint(tmp_path, name, scheme):
    """Verilator's linter says nothing, Icarus only what it says of every memory."""
    accelerator = emitted(PLANS[scheme], name, tmp_path)
    files = [str(path) for path in (accelerator.folder / "sites.vlt", *accelerator.paths)]
    arguments = "--lint-only", "-Wall", "--top-module", accelerator.top, *files
    said = toolchain.verilator().run(*arguments, cwd=tmp_path, log=tmp_path / "lint.log")
    assert "Warning" not in said
    icarus = ["-g2005", "-Wall", "-s", accelerator.top, "-o", "a.vvp", *map(str, accelerator.paths)]
    run = subprocess.run(
        [toolchain.icarus().path, *icarus], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [line for line in run.stderr.splitlines() if "sensitive to all" not in line] == []


@pytest.mark.parametrize("scheme", ["secded_scrub", "dmr"])
def test_pyverilog_finds_every_bank(tmp_path, scheme):
    accelerator = emitted(PLANS[scheme], "serial", tmp_path)
    memories = [(store.words, width) for store in accelerator.stores for _, width in store.memories.values()]
    assert confirm_sites(accelerator) == sum(words * width for words, width in memories)


@needs_yosys
@pytest.mark.parametrize(("name", "scheme"), CASES)
def test_yosys_keeps_exactly_the_flip_flops_that_are_stated(tmp_path, name, scheme):
    """Stored bits, copies, check bits, the scrubber's counters and the other registers."""
    accelerator = emitted(PLANS[scheme], name, tmp_path)
    assert flip_flops(accelerator) == accelerator.flip_flops


@needs_yosys
def test_copies_are_lost_without_keep_hierarchy(tmp_path):
    """The negative control."""
    accelerator = emitted(PLANS["dmr"], "serial", tmp_path)
    assert flip_flops(accelerator, before="setattr -mod -unset keep_hierarchy *;") < accelerator.flip_flops
