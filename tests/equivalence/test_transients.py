"""Upsets in the middle of an image: the RTL, and the reference that is told which patches came before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from netsurf.certify.transients import expected_transients
from netsurf.cosim import IcarusEngine, VerilatorEngine
from netsurf.emit import architecture, emit, locate, visits, visits_before
from netsurf.emit.reads import runs_of
from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import UnsupportedLayerError
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import KINDS, Layer, Network, Parameter, TensorSpec, execute, execute_staged
from tests.graphs import graphs
from tests.small_cnn import design, small
from tests.strategies import architectures, fault_lists, random_codes
from tests.strategies import inputs as drawn_inputs

pytestmark = pytest.mark.rtl("verilator", "icarus")

LEVEL = 0.3


def at_every_cycle(sites, accelerator) -> FaultList:
    """Each site upset in each cycle, from before the first read to behind the output."""
    return FaultList.of(
        Fault((int(site),), cycle=cycle) for cycle in range(accelerator.latency + 2) for site in sites
    )


def expected_and_rows(point, accelerator, faults, codes):
    rows = np.arange(len(faults))[:, None] % len(codes)
    return expected_transients(point, accelerator, faults, codes, rows), rows


def disagreements(engine, point, accelerator, faults, codes) -> int:
    expected, rows = expected_and_rows(point, accelerator, faults, codes)
    return compare(engine.name, expected, engine.run(faults, codes, rows)).count


@pytest.mark.parametrize("name", ["serial", "parallel"])
def test_every_word_in_every_cycle(name, tmp_path):
    """A bit of every word and every replica of some, in every cycle, to the bit and to the flag."""
    point = design(LEVEL)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    codes = random_codes(point.network.input.format, (5, 4, 4, 1), np.random.default_rng(2))
    sites = point.space.sites[:: 5 if name == "serial" else 2]
    faults = at_every_cycle(sites, accelerator)
    assert disagreements(VerilatorEngine(accelerator, point), point, accelerator, faults, codes) == 0
    few = FaultList.of(list(faults)[:: len(faults) // 60])
    assert disagreements(IcarusEngine(accelerator, point, jobs=1), point, accelerator, few, codes) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["serial", "parallel"])
@pytest.mark.parametrize("level", [0.0, LEVEL])
def test_every_bit_in_every_cycle(name, level, tmp_path):
    point = design(level)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    codes = random_codes(point.network.input.format, (7, 4, 4, 1), np.random.default_rng(3))
    faults = at_every_cycle(point.space.sites, accelerator)
    assert disagreements(VerilatorEngine(accelerator, point), point, accelerator, faults, codes) == 0


few = settings(  # every example builds a simulator: no shrinking, and the same ones every time
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@given(data=st.data(), network=graphs(steps=5, dilated=True, first="conv"))
@few
def test_drawn_graphs(data, network, tmp_path_factory):
    """Any graph, any reuse factors, faults of several words at one cycle."""
    point = DesignPoint.unprotected(network)
    try:
        accelerator = emit(point, data.draw(architectures(network)), tmp_path_factory.mktemp("drawn") / "d")
    except UnsupportedLayerError:
        reject()
    rng = np.random.default_rng(7)
    faults = FaultList.of(
        Fault(fault.sites, fault.kind, int(rng.integers(accelerator.latency)))
        for _ in range(20)
        for fault in data.draw(fault_lists(point))
    )
    codes = data.draw(drawn_inputs(network))
    assert disagreements(VerilatorEngine(accelerator, point, jobs=1), point, accelerator, faults, codes) == 0


def normalised() -> Network:
    """A dense layer and a normalisation, which reads its words in the cycle in which the output is there."""
    rng, word, sums = np.random.default_rng(4), FixedFormat(5, 2), FixedFormat(16, 8)

    def stored(layer: str, **shapes) -> dict[str, Parameter]:
        return {
            role: Parameter(f"{layer}.{role}", rng.integers(-16, 16, shape), word)
            for role, shape in shapes.items()
        }

    spec = TensorSpec((3,), sums)
    layers = (
        Layer("fc", "dense", ("input",), spec, stored("fc", kernel=(4, 3), bias=(3,)), {"accumulator": sums}),
        Layer("bn", "batchnorm", ("fc",), spec, stored("bn", scale=(3,), bias=(3,))),
    )
    return Network("normalised", TensorSpec((4,), FixedFormat(4, 1, signed=False)), layers)


def test_a_word_that_is_read_with_the_output_flags_a_cycle_late(tmp_path):
    network = normalised()
    point = DesignPoint(network, plan_by_level(network, np.arange(network.stored_bits), 1.0, {}))
    accelerator = emit(point, architecture("parallel", network), tmp_path / "d")
    codes = random_codes(network.input.format, (5, 4), np.random.default_rng(2))
    faults = at_every_cycle(point.space.sites, accelerator)
    expected, _ = expected_and_rows(point, accelerator, faults, codes)
    flagged = {
        point.space.site(f.sites[0]).tensor for f, d in zip(faults, expected.detected, strict=True) if d
    }
    assert flagged == {"fc.kernel", "fc.bias"}
    assert disagreements(VerilatorEngine(accelerator, point), point, accelerator, faults, codes) == 0
    few = FaultList.of(list(faults)[::8])
    assert disagreements(IcarusEngine(accelerator, point, jobs=1), point, accelerator, few, codes) == 0
    later = replace(accelerator, latency=accelerator.latency + 1)
    as_if_in_time = expected_transients(point, later, faults, codes, np.arange(len(faults))[:, None] % 5)
    assert compare("as if in time", expected, as_if_in_time).count


def test_reads_that_are_one_visit_off_are_seen(tmp_path):
    """The negative control: what the site map says of the cycles decides what the reference expects."""
    point = design(0.0)
    accelerator = emit(point, architecture("serial", point.network), tmp_path / "d")
    codes = random_codes(point.network.input.format, (5, 4, 4, 1), np.random.default_rng(2))
    faults = at_every_cycle(point.space.sites[::40], accelerator)
    expected, rows = expected_and_rows(point, accelerator, faults, codes)
    shifted = tuple(
        replace(
            store, reads=tuple((first + len(visits(store)[0]), step, n) for first, step, n in store.reads)
        )
        for store in accelerator.stores
    )
    moved = expected_transients(point, replace(accelerator, stores=shifted), faults, codes, rows)
    assert compare("moved", expected, moved).count
    persistent = FaultList.of([replace(fault, cycle=None) for fault in faults])
    assert compare("persistent", ReferenceEngine(point).run(persistent, codes, rows), expected).count


def test_the_cycles_of_a_convolution(tmp_path):
    """Every row once a patch; patch by patch in order; a depthwise layer behind it reads later."""
    point = design(0.0)
    accelerator = emit(point, architecture("serial", point.network), tmp_path / "d")
    stores = {store.tensor: visits(store) for store in accelerator.stores}
    kernel, bias = stores["conv.kernel"], stores["conv.bias"]
    assert kernel.shape == (16, 4)
    assert 9 < len(bias) <= 16, "the output may be there before the last patch, which nobody needs"
    assert (np.diff(kernel[:-1].reshape(-1)) > 0).all()
    assert (bias[:, 0] > kernel[: len(bias), 0]).all()
    assert stores["deep.kernel"][0, 0] > stores["conv.kernel"][0, 0]
    for store in accelerator.stores:
        assert runs_of(visits(store).reshape(-1)[: sum(n for *_, n in store.reads)].tolist()) == store.reads
    first = locate(accelerator, [0])
    assert visits_before(accelerator, first, int(stores["conv.kernel"][3, 0])) == 3
    assert visits_before(accelerator, first, int(stores["conv.kernel"][3, 0]) + 1) == 4


def test_a_kind_without_visits_is_refused(monkeypatch):
    network = small()
    changes = {"conv": [(3, {"conv.bias": network.parameters["conv.bias"].codes})]}
    codes = np.zeros((1, 4, 4, 1), int)
    np.testing.assert_array_equal(execute_staged(network, codes, changes), execute(network, codes))
    monkeypatch.setitem(KINDS, "conv", replace(KINDS["conv"], staged=None))
    with pytest.raises(UnsupportedLayerError, match=r"no reference for kind 'conv'; .* --transients 0"):
        execute_staged(network, codes, changes)


@pytest.mark.parametrize("forked", [False, True])
def test_a_store_without_a_register_behind_it(forked, tmp_path):
    """A normalisation at the output is read in the cycle of the output; a branch has a FIFO behind it."""
    code = FixedFormat(4, 2)
    image, vector = TensorSpec((3, 2), code), TensorSpec((2,), code)
    rng = np.random.default_rng(1)
    stored = {
        role: Parameter(f"bn.{role}", random_codes(code, (2,), rng), code) for role in ("scale", "bias")
    }
    window = {"strides": (1,), "padding": (0, 0), "size": (3,), "accumulator": code}
    pool = Layer("pool", "max_pool", ("input",), vector, {}, window)
    network = Network(
        "last", image, (pool, Layer("bn", "batchnorm", ("pool",), vector, stored)), "regression"
    )
    if forked:
        network = replace(network, layers=(*network.layers, Layer("sum", "add", ("bn", "pool"), vector)))
    point = DesignPoint.unprotected(network)
    accelerator = emit(point, architecture("serial", network), tmp_path / "d")
    codes = random_codes(code, (4, 3, 2), rng)
    faults = at_every_cycle(point.space.sites, accelerator)
    assert {visits(store)[0, 0] for store in accelerator.stores} == {accelerator.latency - forked}
    assert disagreements(IcarusEngine(accelerator, point, jobs=1), point, accelerator, faults, codes) == 0
