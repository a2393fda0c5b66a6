"""Whole-model kernels against the reference engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine
from netsurf.errors import FaultError
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine, Models
from netsurf.inject.native import FLAGS, instruction_sets
from netsurf.ir import Layer, Network, TensorSpec
from tests.strategies import dense, design_points, fault_lists, formats, inputs

SETTINGS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def cases(draw):
    """A design point, faults (some of very many sites) and inputs."""
    design = draw(design_points())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sites = design.space.sites
    heavy = [Fault(tuple(sites[rng.random(len(sites)) < rate].tolist())) for rate in (0.02, 0.2, 0.7)]
    faults = FaultList.of([*draw(fault_lists(design)), *heavy, Fault(())])
    return design, faults, draw(inputs(design.network, max_samples=6)), draw(st.booleans())


def collect(models: Models, faults: FaultList) -> tuple:
    """The result, and the outputs that every fault was said to have."""
    outputs = np.empty((len(faults), *models.golden.outputs.shape), np.int64)

    def each(fault: int, values: np.ndarray) -> None:
        outputs[fault] = values

    return models.run(faults, each), outputs


@st.composite
def chains(draw):
    """As ``cases``, of networks that whole-model kernels serve: sums exact whatever the weights become."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signed = draw(st.booleans())
    spec = TensorSpec((draw(st.integers(1, 36)),), draw(formats((1, 8), signed)))
    first, source, layers = spec, "input", []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        kernel, bias = draw(formats((1, 8))), draw(formats((1, 8)))
        width = spec.format.width + kernel.width + 9 + draw(st.sampled_from([0, 0, 20]))
        fraction = spec.format.fraction + kernel.fraction + draw(st.integers(0, 2))
        wrap = draw(st.integers(0, 6))  # bits that the accumulator lacks
        accumulator = FixedFormat(width - wrap, width - wrap - fraction)
        outputs = draw(st.integers(1, 36))
        layers.append(
            dense(f"fc{number}", source, spec, outputs, kernel, bias, accumulator, accumulator, rng)
        )
        spec = TensorSpec((outputs,), draw(formats((1, 8), signed)))
        kind = draw(st.sampled_from(["relu", "linear"]))
        layers.append(Layer(f"act{number}", kind, (f"fc{number}",), spec))
        source = f"act{number}"
    network = Network("chain", first, tuple(layers), draw(st.sampled_from(["classification", "regression"])))
    design = draw(design_points(st.just(network)))
    sites = design.space.sites
    faults = FaultList.of(
        Fault(tuple(sites[rng.random(len(sites)) < rate].tolist()), kind)
        for rate in (0.0, 0.001, 0.05, 0.6)
        for kind in ("flip", "stuck1")
    )
    return design, faults, draw(inputs(network, max_samples=7)), draw(st.booleans())


def check(case, **options) -> str:
    """Compare a run with the reference; says which path ran."""
    design, faults, x, ideal = case
    models = Models(design, x, jobs=1, ideal=ideal, **options)
    result, outputs = collect(models, faults)
    engine = FastEngine(design, ideal=True) if ideal else ReferenceEngine(design)
    expected = engine.run(faults, x)
    assert (outputs == expected.outputs).all(), result.path
    assert (result.detected == expected.detected[:, 0]).all()
    golden = models.golden.outputs
    if design.network.task == "classification":
        sdc = (expected.outputs.argmax(-1) != golden.argmax(-1)).sum(1)
    else:
        sdc = (expected.outputs != golden).any(-1).sum(1)
    assert result.sdc.tolist() == sdc.tolist()
    return result.path


@SETTINGS
@given(cases())
def test_any_network_equals_reference(case):
    check(case)


@settings(SETTINGS, max_examples=80)
@given(chains())
def test_portable_chain_equals_reference(case):
    assert check(case, kernel="portable").startswith("portable")


@pytest.mark.parametrize("instructions", FLAGS)
def test_native_chain_equals_reference(instructions):
    if instructions not in instruction_sets():
        pytest.skip(f"this processor has no {instructions}")
    paths = set()

    @settings(SETTINGS, max_examples=80)
    @given(chains())
    def compare(case):
        paths.add(check(case, kernel="native", instructions=instructions).split(" (")[0])

    compare()
    assert "native" in paths


def test_drawn_networks_take_several_paths():
    """The tests above reach whole-model kernels and the layer-by-layer path."""
    paths = set()

    @settings(SETTINGS, max_examples=60)
    @given(st.one_of(cases(), chains()))
    def gather(case):
        paths.add(Models(case[0], case[2]).path.split()[0])

    gather()
    assert {"layers", "native"} <= paths


@settings(SETTINGS, max_examples=10)
@given(design_points())
def test_a_site_outside_the_design_is_refused(design):
    x = np.zeros((1, *design.network.input.shape), np.int64)
    faults = FaultList.single(np.array([3 * design.network.stored_bits]))
    with pytest.raises(FaultError, match="does not exist"):
        Models(DesignPoint.unprotected(design.network), x).run(faults)


def test_a_data_set_in_parts_gives_the_same_numbers(monkeypatch):
    """Where layers run one by one, no golden run is larger than what it may be, and nothing else changes."""
    from netsurf.fault import FaultList
    from netsurf.inject import golden, many
    from tests.small_cnn import small

    network = small()
    rng = np.random.default_rng(5)
    inputs = rng.integers(0, 4, (23, *network.input.shape))
    labels = rng.integers(0, network.output.size, 23)
    faults = FaultList.single(rng.choice(network.stored_bits, 9, replace=False))
    sizes, outputs = [], {}

    def run(key):
        found = {}
        models = many.Models(DesignPoint.unprotected(network), inputs, labels, jobs=1, kernel="portable")
        result = models.run(faults, lambda fault, codes: found.__setitem__(fault, codes.copy()))
        outputs[key] = np.stack([found[fault] for fault in range(len(faults))])
        return result

    whole, plain = run("whole"), golden.Golden.of
    for module in (golden, many):
        monkeypatch.setattr(module, "MEMORY", 5 * golden.footprint(network))
    monkeypatch.setattr(golden.Golden, "of", lambda net, x: sizes.append(len(x)) or plain(net, x))
    parts = run("parts")
    assert whole.path == parts.path
    assert parts.path.startswith("layers")
    assert set(sizes) == {5, 3}
    np.testing.assert_array_equal(outputs["parts"], outputs["whole"])
    for name in ("correct", "sdc", "detected"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert whole.sdc.any()
    assert (parts.golden_correct, parts.samples) == (whole.golden_correct, 23)
