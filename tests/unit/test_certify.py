"""The main job, with stand-in engines: what it counts, what it says, and that it can say no."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from netsurf.certify import JobResult, JobSpec, LevelResult, Subject, Toolbox, certificate_document, certify
from netsurf.certify.blocks import draw_blocks
from netsurf.certify.files import read_certificate, write_certificate, write_level
from netsurf.certify.tools import emit_once
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.emit import locate, read_cycle
from netsurf.engine import EngineResult, ReferenceEngine
from netsurf.errors import FaultError, PlanError, StoreError
from netsurf.fault import Fault, FaultList, read_fault_list
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, load_plan, plan_by_level
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute
from netsurf.rank import rank
from netsurf.report import differing, html_report, markdown_report, verdict
from netsurf.report.lines import level_line

SPEC = JobSpec(
    levels=(0.0, 0.5, 1.0),
    ber=0.05,
    faults=6,
    samples=5,
    transients=8,
    icarus={"serial": (2, 2), "parallel": (1, 1)},
)


def network() -> Network:
    """Six inputs, three classes."""
    rng = np.random.default_rng(5)
    weights, sums = FixedFormat(4, 1), FixedFormat(14, 7)
    parameters = {
        "kernel": Parameter("fc.kernel", rng.integers(-8, 8, (6, 3)), weights),
        "bias": Parameter("fc.bias", rng.integers(-8, 8, 3), weights),
    }
    layer = Layer("fc", "dense", ("input",), TensorSpec((3,), sums), parameters, {"accumulator": sums})
    return Network("tiny", TensorSpec((6,), FixedFormat(4, 0, signed=False)), (layer,))


def subject() -> Subject:
    """Forty samples, labelled as the network decides them."""
    inputs = np.random.default_rng(6).integers(0, 16, (40, 6))
    return Subject(network(), inputs, execute(network(), inputs).argmax(axis=1))


@dataclass
class StandIn:
    """The reference executor under another name; ``spoil`` changes its results."""

    design: DesignPoint
    name: str = "stand-in"
    accelerator: object = None
    spoil: object = None
    version = "0"

    def run(self, faults, inputs, samples=None):
        if self.accelerator is not None:
            result = expected_transients(self.design, self.accelerator, faults, inputs, samples)
        else:
            result = ReferenceEngine(self.design).run(faults, inputs, samples)
        return self.spoil(result) if self.spoil else result


def tools(folder, **spoil) -> Toolbox:
    """Stand-ins for every engine, those named in ``spoil`` spoiled."""
    return Toolbox(
        emit=lambda design, name: emit_once(design, name, folder),
        csim=lambda design: StandIn(design, "csim", spoil=spoil.get("csim")),
        fast=lambda design: StandIn(design, "fast", spoil=spoil.get("fast")),
        verilator=lambda design, a: StandIn(design, "rtl-verilator", a, spoil.get("verilator")),
        icarus=lambda design, a: StandIn(design, "rtl-icarus", a, spoil.get("icarus")),
    )


def run(folder, **spoil) -> JobResult:
    me = subject()
    *_, last = certify(me, rank("msb", me.network, 0), SPEC, tools(folder, **spoil))
    return last


def wrong_output(result: EngineResult) -> EngineResult:
    return EngineResult(result.outputs + 1, result.detected)


def wrong_flag(result: EngineResult) -> EngineResult:
    return EngineResult(result.outputs, ~result.detected)


def test_pairs_are_counted_by_engine_and_architecture(tmp_path):
    result = run(tmp_path)
    pairs = {(t.engine, t.architecture): t.agreement.pairs for t in result.tallies}
    assert pairs[("csim", "")] == pairs[("rtl-verilator", "serial")] == 3 * 2 * 6 * 5
    assert pairs[("rtl-icarus", "serial")] == 3 * 2 * 4
    assert pairs[("rtl-icarus", "parallel")] == 3 * 2
    assert pairs[("rtl-verilator transient", "parallel")] == 3 * 8
    assert result.agreement.pairs == 3 * 2 * 6 * 5
    assert result.agreement.count == 0
    assert all(a.correct == a.samples for a in result.accuracies)


@pytest.mark.parametrize("engine", ["fast", "csim", "verilator", "icarus"])
@pytest.mark.parametrize("spoil", [wrong_output, wrong_flag])
def test_an_engine_that_is_wrong_fails_the_certificate(tmp_path, engine, spoil):
    result = run(tmp_path, **{engine: spoil})
    spoiled = [
        t
        for t in result.tallies
        if t.engine.startswith(("rtl-" * (engine in ("verilator", "icarus"))) + engine)
    ]
    assert spoiled
    assert all(t.agreement.count == t.agreement.pairs for t in spoiled)
    if engine != "icarus":
        assert result.agreement.count == result.agreement.pairs
    document = certificate_document(result, "tiny", "synthetic", {})
    assert any(e["mismatches"] for e in document["engines"])
    assert document["agreement"]["listed"]


@pytest.mark.parametrize("wrong", [{}, {"csim": wrong_output}])
def test_without_rtl_the_software_engines_are_certified(tmp_path, wrong):
    me, spec = subject(), replace(SPEC, architectures=())
    *_, last = certify(me, rank("msb", me.network, 0), spec, tools(tmp_path / "designs", **wrong))
    document = certificate_document(last, "tiny", "synthetic", {})
    assert (document["mode"], {e["name"] for e in document["engines"]}) == ("software", {"fast", "csim"})
    assert differing(document) == (3 * 2 * 6 * 5 if wrong else 0)
    assert verdict(document) in markdown_report(document)
    assert not (tmp_path / "designs").exists(), "nothing is emitted"


def test_document_report_and_files(tmp_path):
    result = run(tmp_path / "designs")
    document = certificate_document(result, "tiny", "synthetic", {"commit": "c"})
    assert [level["protection"] for level in document["levels"]] == [0.0, 0.5, 1.0]
    assert [level["stored_bits"] for level in document["levels"]] == [84, 84 * 2, 84 * 3]
    assert document["levels"][1]["flip_flops"]["serial"] > 84 * 2
    counts = document["levels"][2]["outcomes"]["single"]
    assert counts == {"masked": 0, "benign": 0, "sdc": 0, "detected": 30}
    write_certificate(document, tmp_path)
    assert read_certificate(tmp_path) == document
    page = html_report(document)
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")
    assert verdict(document) in markdown_report(document)
    assert 'class="verdict "' in page


def test_the_verdict_says_who_ran_how_much(tmp_path):
    few = replace(SPEC, csim=(3, 2))
    me = subject()
    *events, last = certify(me, rank("msb", me.network, 0), few, tools(tmp_path))
    assert verdict(certificate_document(last, "tiny", "synthetic", {})) == (
        "0 mismatches: fast, rtl-verilator serial, rtl-verilator parallel ran 180 (fault, sample) pairs, "
        "at most 1.7e-02 of all pairs can differ (95% confidence); "
        "csim ran 36 of them, rtl-icarus serial 24, rtl-icarus parallel 6"
    )
    assert level_line(events[-1]).endswith("; 60 pairs, 0 mismatches")


def test_the_verdict_adds_up_the_layers_of_cross_layer_mode():
    rows = [("fast", None, 8), ("rtl-verilator boundary", "c", 5), ("rtl-verilator", "c", 5)]
    rows += [
        ("rtl-verilator boundary", "d", 3),
        ("rtl-verilator", "d", 3),
        ("rtl-verilator transient", "d", 9),
    ]
    keys = ("name", "architecture", "pairs", "mismatches")
    document = {
        "layers": [{"layer": "c"}, {"layer": "d"}],
        "engines": [dict(zip(keys, (*row, 0), strict=True)) for row in rows],
        "agreement": {"pairs": 8, "upper_bound": 0.3, "confidence": 0.95},
    }
    said = "fast, rtl-verilator ran 8 (fault, sample) pairs, at most 3.0e-01 of all pairs can differ"
    assert verdict(document) == f"0 mismatches: {said} (95% confidence)"


@pytest.mark.parametrize("engine", ["csim", "icarus"])
def test_the_verdict_of_an_engine_that_is_wrong(tmp_path, engine):
    """Negative control: Icarus is no part of ``agreement``, and is seen all the same."""
    result = run(tmp_path, **{engine: wrong_output})
    document = certificate_document(result, "tiny", "synthetic", {})
    assert verdict(document).startswith(f"{differing(document)} MISMATCHES: fast, ")
    assert 'class="verdict no"' in html_report(document)
    assert level_line(result.levels[0]).endswith(f"; 60 pairs, {result.levels[0].mismatches} MISMATCHES")


def test_a_level_leaves_a_plan_and_fault_lists_that_read_back(tmp_path):
    level = next(
        x
        for x in certify(subject(), rank("msb", network(), 0), SPEC, tools(tmp_path))
        if isinstance(x, LevelResult)
    )
    write_level(level, tmp_path)
    assert load_plan(tmp_path / "plans" / "tmr-000.json", network()).digest == level.design.plan.digest
    faults = read_fault_list(tmp_path / "faults" / "tmr-000-ber.txt", network())
    assert np.array_equal(faults.sites, level.blocks[1].faults.sites)


def test_a_damaged_certificate_is_refused(tmp_path):
    with pytest.raises(StoreError, match="does not exist; type: netsurf cosim"):
        read_certificate(tmp_path)
    (tmp_path / "certificate.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        read_certificate(tmp_path)


def test_a_design_is_emitted_once_and_again_when_the_plan_changes(tmp_path):
    bare = DesignPoint.unprotected(network())
    first = emit_once(bare, "serial", tmp_path)
    when = (first.folder / "design.json").stat().st_mtime_ns
    assert (emit_once(bare, "serial", tmp_path).folder / "design.json").stat().st_mtime_ns == when
    few = DesignPoint(network(), plan_by_level(network(), [3, 2, 1], 1 / 84, {}))
    one = emit_once(few, "serial", tmp_path)
    other = DesignPoint(network(), plan_by_level(network(), [7, 2, 1], 1 / 84, {}))
    assert emit_once(other, "serial", tmp_path).plan == other.plan.digest != one.plan


def test_a_transient_counts_only_before_its_word_is_read(tmp_path):
    design = DesignPoint.unprotected(network())
    accelerator = emit_once(design, "serial", tmp_path)
    site = 12 * 2  # bit 0 of input 2
    read = int(read_cycle(accelerator, locate(accelerator, [site]))[0])
    faults = FaultList.of([Fault((site,), cycle=read), Fault((site,), cycle=read + 1), Fault((site,))])
    inputs = np.full((1, 6), 15)
    got = expected_transients(design, accelerator, faults, inputs, np.zeros((3, 1), np.int64)).outputs[:, 0]
    golden = execute(network(), inputs)[0]
    assert (got[0] != golden).any()
    assert np.array_equal(got[1], golden)
    assert np.array_equal(got[0], got[2])


def test_draws_depend_on_the_seed_alone(tmp_path):
    design = DesignPoint(network(), plan_by_level(network(), rank("msb", network(), 0), 0.5, {}))
    accelerator = emit_once(design, "serial", tmp_path)
    first, again = (draw_blocks(design, SPEC, 40) for _ in range(2))
    other = draw_blocks(design, replace(SPEC, seed=1), 40)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].samples, other[0].samples)
    assert np.array_equal(
        draw_transients(design, accelerator, SPEC, 40)[0].sites,
        draw_transients(design, accelerator, SPEC, 40)[0].sites,
    )


def test_bad_sizes_are_refused():
    with pytest.raises(PlanError, match="fractions from 0 to 1"):
        JobSpec(levels=(20.0,))
    with pytest.raises(FaultError, match="no probability"):
        JobSpec(ber=2)
    with pytest.raises(FaultError, match="at least 2 faults"):
        JobSpec(faults=1)
