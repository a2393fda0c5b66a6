"""Area of small designs on real targets: counted exactly, audited, flat and hierarchical; refusals."""

from __future__ import annotations

import json
import stat
from dataclasses import replace

import numpy as np
import pytest

from netsurf.cost import area, constant_area, synthesis, target
from netsurf.cost import area as area_of
from netsurf.cost.sized import sized
from netsurf.emit import architecture, emit
from netsurf.errors import DisagreementError, PlanError, SiteMapError, ToolFailedError
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.harden.assign import Assignment
from netsurf.toolchain.yosys import END
from tests.rtl_designs import mutant

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module", autouse=True)
def build(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETSURF_BUILD", str(tmp_path_factory.mktemp("build")))
        yield


def point(level, sizes=(3, 2)):
    """A chain with a random part of its bits protected."""
    network = sized(sizes)
    bits = np.random.default_rng(1).permutation(network.stored_bits)[: round(level * network.stored_bits)]
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits))


def emitted(design, folder, name="serial"):
    return emit(design, architecture(name, design.network), folder)


SLOW = pytest.mark.slow
ALL = ["ice40", "sg13g2", pytest.param("ecp5", marks=SLOW), pytest.param("xilinx", marks=SLOW)]


@pytest.mark.parametrize("name", ALL)
def test_every_flip_flop_is_accounted_for_and_every_replica_found(tmp_path, name):
    design = point(0.3)
    accelerator = emitted(design, tmp_path / "d")
    found = area(design, accelerator, target(name))
    assert found.flip_flops == accelerator.flip_flops == design.space.size + accelerator.registers
    audit = found.audit
    assert (audit.sites, audit.found) == (design.space.size, design.space.size)
    assert audit.replicas == audit.replicas_found == 2 * len(design.plan.bits)
    assert audit.voters == audit.voters_found > 0
    assert found.depth > 1
    says = found.describe()
    assert says["tool"].startswith("pyosys 0.")
    assert says["FF"] == accelerator.flip_flops
    assert says["area_um2" if found.target.is_asic else "LUT"] > accelerator.flip_flops / 10


def schemed(*schemes):
    """A chain whose stored bits are shared out among schemes, tensor by tensor."""
    network = sized((3, 2))
    kernel = network.parameters["fc1.kernel"].stored_bits
    halves = (np.arange(kernel), np.arange(kernel, network.stored_bits))
    entries = tuple(Assignment(name, bits) for name, bits in zip(schemes, halves, strict=True))
    none = np.empty(0, np.int64)
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, none, {}, entries))


@pytest.mark.parametrize(
    "schemes",
    [
        ("secded", "dmr"),
        pytest.param(("parity", "secded_scrub"), marks=SLOW),
        pytest.param(("tmr_scrub", "tmr_scrub"), marks=SLOW),
    ],
)
def test_copies_and_check_bits_of_other_schemes_are_audited(tmp_path, schemes):
    design = schemed(*schemes)
    accelerator = emitted(design, tmp_path / "d")
    found = area(design, accelerator, target("ice40"))
    assert found.flip_flops == accelerator.flip_flops
    assert found.audit.protected_bits == design.network.stored_bits
    assert found.audit.found == design.space.size
    assert found.audit.replicas == design.space.size - design.network.stored_bits > 0
    assert (found.audit.voters > 0) == ("tmr_scrub" in schemes)
    assert found.audit.voters_found == found.audit.voters


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ice40", "ecp5", "xilinx", "sg13g2"])
@pytest.mark.parametrize("style", ["serial", "parallel"])
def test_flat_and_hierarchical_figures_are_of_one_size(tmp_path, name, style):
    design = point(0.3, (8, 4))
    accelerator = emitted(design, tmp_path / "d", style)
    apart, flat = (area(design, accelerator, target(name), method) for method in ("hierarchical", "flat"))
    assert apart.flip_flops == flat.flip_flops
    assert apart.audit == flat.audit
    assert 0.8 < apart.size / flat.size < 1.8  # ECP5: a bank by itself is mapped for depth


@pytest.mark.slow
def test_slices_add_up_to_the_whole(tmp_path):
    """192 columns in two slices: the same flip-flops, and an area that differs by noise."""
    design = point(0.5, (4, 32))
    accelerator = emitted(design, tmp_path / "d")
    whole, cut = (area(design, accelerator, target("sg13g2"), limit=limit) for limit in (10_000, 100))
    assert (whole.slices, cut.slices > 1) == (0, True)
    assert cut.flip_flops == whole.flip_flops == accelerator.flip_flops
    assert cut.audit == whole.audit
    assert 0.99 < cut.size / whole.size < 1.02


def test_without_keep_hierarchy_the_replicas_are_lost_and_named(tmp_path):
    """The negative control of the audit."""
    design = point(1.0)
    accelerator = emitted(design, tmp_path / "d")
    doctored = mutant(accelerator, "rtl/ns_bank.v", "(* keep_hierarchy *)", "")
    with pytest.raises(DisagreementError, match=r"fc1\.kernel\[0\]\.0\.r1") as caught:
        area(design, doctored, target("ice40"))
    assert "synthesis lost" in str(caught.value)
    assert ".r0" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_voter_that_votes_nothing_is_found_missing(tmp_path):
    design = point(1.0)
    accelerator = emitted(design, tmp_path / "d")
    vote = "(inA & (inB | inC | ~mask)) | (inB & inC & mask)"
    doctored = mutant(accelerator, "rtl/ns_voter.v", vote, "inA")
    with pytest.raises(DisagreementError, match=r"fc1\.kernel\[0\]\.0 voter"):
        area(design, doctored, target("ice40"))


def test_hard_wired_weights_leave_no_store(tmp_path):
    design = point(0.0)
    accelerator = emitted(design, tmp_path / "d")
    wired, loaded = (
        constant_area(design, accelerator, target("ice40")),
        area(design, accelerator, target("ice40")),
    )
    assert 0 < wired.flip_flops <= accelerator.registers
    assert wired.resources["LUT"] < loaded.resources["LUT"]
    with pytest.raises(PlanError, match="hard-wired weights are no stored bits"):
        constant_area(point(0.3), emitted(point(0.3), tmp_path / "p"), target("ice40"))


def test_registers_that_nobody_stated_are_no_figure(tmp_path):
    design = point(0.0)
    accelerator = replace(emitted(design, tmp_path / "d"), registers=7)
    with pytest.raises(DisagreementError, match=r"flip-flops after synthesis; the design states"):
        area(design, accelerator, target("ice40"))


def test_a_design_of_another_plan_is_refused(tmp_path):
    with pytest.raises(SiteMapError, match="was emitted from plan"):
        area(point(0.5), emitted(point(0.3), tmp_path / "d"), target("ice40"))


def test_what_was_mapped_once_is_not_mapped_again_unless_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    design = point(0.0)
    accelerator = emitted(design, tmp_path / "d")
    first = area(design, accelerator, target("ice40"))
    runs = []

    def counted(*arguments, **options):
        runs.append(arguments)
        return real(*arguments, **options)

    real = synthesis.run_yosys
    monkeypatch.setattr(synthesis, "run_yosys", counted)
    assert area(design, accelerator, target("ice40")) == first
    assert not runs
    entries = sorted((tmp_path / "build" / "cost").glob("??/*.json"))
    document = json.loads(entries[0].read_text())
    entries[0].write_text(json.dumps({**document, "flip_flops": document["flip_flops"] + 1}))
    assert area(design, accelerator, target("ice40")).flip_flops == first.flip_flops
    assert len(runs) == 1


def test_a_yosys_that_dies_leaves_no_figure_behind(tmp_path, monkeypatch):
    """One that stops early with exit code 0, and one that is killed."""
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    design = point(0.0)
    accelerator = emitted(design, tmp_path / "d")
    parts = area_of.__globals__["elaborated"](accelerator, tmp_path)
    monkeypatch.setitem(area_of.__globals__, "elaborated", lambda *_: parts)
    program = tmp_path / "yosys"
    monkeypatch.setenv("NETSURF_YOSYS", str(program))
    for body, said in (("exit 0", "stopped before its last command"), ("kill -9 $$", "killed by signal 9")):
        program.write_text(f'#!/bin/sh\n[ "$1" = -V ] && exit 0\n{body}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        with pytest.raises(ToolFailedError, match=said):
            area(design, accelerator, target("ice40"))
    program.write_text(
        f"#!/bin/sh\n[ \"$1\" = -V ] && exit 0\nsed -n 's/.* log //p' $2 > {END}\n"
        'echo \'{"design": {"num_cells_by_type": {"SB_LUT4": 3}}}\' > stat.json\n'
        "printf '.inputs a\\n.outputs y\\n.gate SB_LUT4 I0=a O=y\\n.end\\n' > netlist.txt\n"
    )
    with pytest.raises(ToolFailedError, match=r"it counts .* cells and writes"):
        area(design, accelerator, target("ice40"))
    assert not list((tmp_path / "build" / "cost").glob("??/*.json"))
