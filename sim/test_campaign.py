"""Fault-campaign regression: each benchmark's fixed fault list, in every engine, against golden counts."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.certify.regression import FAULTS, Regression, fixed_design, fixed_samples, summarise
from netsurf.certify.sizes import WHOLE, is_streamed, job_spec
from netsurf.certify.tools import toolbox
from netsurf.engine import ReferenceEngine, compare
from netsurf.fault import read_fault_list
from netsurf.frontend import golden, spec
from netsurf.ir import load

ICARUS_FAULTS, ICARUS_SAMPLES = 3, 2

VARIANT = "mnist_fnn_q621_p0250"
"""Variants differ in formats and masks alone: this one, which differs in both, stands for them in RTL."""

ALWAYS = {
    "autompg",
    "dummy",
    "fashion_mnist_fnn",
    "mnist_fnn",
    "mnist_fnn_lite",
    "mnist_hls4ml",
    "smartpixel_small",
}
"""One benchmark of every form, which runs by default; the others are slow: `pytest sim -m slow`."""

NAMES = [*spec.names(variants=False), VARIANT]
CASES = [n if n in ALWAYS | {VARIANT} else pytest.param(n, marks=pytest.mark.slow) for n in NAMES]

LONG = {
    "cifar10_resnet18",
    "keyword_spotting",
    "tinyml_cifar10_resnetv1",
    "tinyml_human_activity_recognition",
    "tinyml_person_detection",
}
"""Benchmarks that take the reference executor alone longest."""

OTHERS = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in LONG))
    for name in sorted(set(spec.names()) - ALWAYS - {VARIANT})
]


def regression_of(name):
    """Specification, test inputs and regression of one benchmark."""
    bench = spec.load(name)
    network = load(bench.folder)
    inputs, _ = spec.testdata(bench)
    faults = read_fault_list(bench.folder / FAULTS, network)
    return bench, inputs, Regression(fixed_design(network), faults, fixed_samples(faults, len(inputs)))


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return regression_of(request.param)


@pytest.fixture(scope="module")
def expected(case):
    """What the reference executor makes of the regression."""
    _, inputs, regression = case
    return ReferenceEngine(regression.design).run(regression.faults, inputs, regression.samples)


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    return toolbox(tmp_path_factory.mktemp("designs"), jobs=1)


def test_reference_equals_golden(case, expected):
    bench, inputs, regression = case
    assert summarise(regression, expected, inputs, bench.output_tolerance) == golden.read(bench)["outcomes"]


@pytest.mark.parametrize("name", OTHERS)
def test_reference_equals_golden_of_other_variants(name):
    bench, inputs, regression = regression_of(name)
    found = ReferenceEngine(regression.design).run(regression.faults, inputs, regression.samples)
    assert summarise(regression, found, inputs, bench.output_tolerance) == golden.read(bench)["outcomes"]


def test_a_shifted_bit_is_noticed(case):
    """The negative control of this file: the same list one bit further on gives other outputs."""
    _, inputs, regression = case
    singles = regression.faults.slice(0, 24)
    moved = (singles.sites + 1) % regression.design.network.stored_bits
    shifted = type(singles)(moved, singles.offsets, singles.kinds, singles.cycles)
    engine = ReferenceEngine(regression.design)
    rows = regression.samples[:24]
    assert compare("shifted", engine.run(singles, inputs, rows), engine.run(shifted, inputs, rows)).count


@pytest.mark.parametrize("name", ["fast", "csim"])
def test_software_engine(case, expected, tools, name):
    _, inputs, regression = case
    engine = getattr(tools, name)(regression.design)
    got = engine.run(regression.faults, inputs, regression.samples)
    assert compare(name, expected, got).count == 0


def emitted(case, tools, number):
    """Design point, and one of the two accelerators in which the main job certifies the network."""
    design = case[2].design
    if design.network.stored_bits > WHOLE:
        pytest.skip(f"simulated layer by layer: netsurf cosim {design.network.name}")
    return design, tools.emit(design, job_spec(design.network).architectures[number])


@pytest.mark.rtl
@pytest.mark.parametrize("number", [0, 1], ids=["time-shared", "parallel"])
def test_verilator(case, expected, tools, number):
    _, inputs, regression = case
    design, accelerator = emitted(case, tools, number)
    got = tools.verilator(design, accelerator).run(regression.faults, inputs, regression.samples)
    assert compare("rtl-verilator", expected, got).count == 0


@pytest.mark.rtl("icarus")
@pytest.mark.parametrize("number", [0, 1], ids=["time-shared", "parallel"])
def test_icarus(case, expected, tools, number):
    _, inputs, regression = case
    design, accelerator = emitted(case, tools, number)
    many, each = (1, 1) if is_streamed(design.network) else (ICARUS_FAULTS, ICARUS_SAMPLES)
    faults, rows = regression.faults.slice(0, many), regression.samples[:many, :each]
    got = tools.icarus(design, accelerator).run(faults, inputs, rows)
    assert np.array_equal(got.outputs, expected.outputs[:many, :each])
    assert np.array_equal(got.detected, expected.detected[:many, :each])
