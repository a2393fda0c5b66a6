"""LSTM and GRU in Verilog: what the reference executor computes, in the time of the model."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netsurf import toolchain
from netsurf.certify.transients import expected_transients
from netsurf.cosim import IcarusEngine, VerilatorEngine
from netsurf.emit import architecture, emit
from netsurf.emit.timing import IDLE, SAMPLES
from netsurf.emit.top import build
from netsurf.engine import ReferenceEngine, all_samples, compare
from netsurf.fault import Fault, FaultList, exhaustive
from netsurf.fault.lists import KINDS
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Layer, Network, Parameter, TensorSpec, execute
from netsurf.ir.kinds.activation import SPANS, table_codes
from netsurf.ir.kinds.recurrent import GATES
from tests import rtl_bench
from tests.equivalence.test_emit_tools import flip_flops
from tests.recurrent import networks
from tests.strategies import architectures, dense, inputs, random_codes

pytestmark = pytest.mark.rtl("icarus")

few = settings(
    max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@given(data=st.data(), network=networks(), stall=st.booleans())
@few
def test_layers_equal_the_reference(data, network, stall, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = data.draw(inputs(network))
    seen = rtl_bench.run(accelerator, network, codes, stall=stall)
    np.testing.assert_array_equal(seen.outputs, execute(network, codes).reshape(len(codes), -1))


@given(data=st.data(), network=networks())
@few
def test_latency_and_interval_are_those_of_the_model(data, network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(DesignPoint.unprotected(network), data.draw(architectures(network)), folder)
    codes = np.repeat(data.draw(inputs(network, max_samples=1)), SAMPLES, axis=0)
    seen = rtl_bench.run(accelerator, network, codes)
    assert seen.answered[0] - seen.accepted[0] == accelerator.latency
    assert np.diff(seen.answered)[-1] == accelerator.interval


def design(kind: str, level: float = 0.4, sequence: bool = False) -> DesignPoint:
    """Three steps of two features, three units and a dense layer; a random part of the bits protected."""
    rng, weight, state = (
        np.random.default_rng(1),
        FixedFormat(5, 1),
        FixedFormat(9, 3, True, "RND_CONV", "SAT"),
    )
    shapes = {"kernel": (2, 3 * GATES[kind]), "bias": (3 * GATES[kind],), "recurrent": (3, 3 * GATES[kind])}
    shapes |= {"recurrent_bias": shapes["bias"]} if kind == "gru" else {}
    stored = {
        role: Parameter(f"cell.{role}", random_codes(weight, shape, rng), weight)
        for role, shape in shapes.items()
    }
    form = FixedFormat(18, 8)
    attributes = {"accumulator": FixedFormat(18, 6), "table_format": form}
    for which, function in (("gate", "sigmoid"), ("cell", "tanh")):
        attributes |= {f"{which}_table": table_codes(function, 256, form), f"{which}_span": SPANS[function]}
    source, spec = TensorSpec((3, 2), FixedFormat(6, 2)), TensorSpec((3, 3) if sequence else (3,), state)
    layers = [Layer("cell", kind, ("input",), spec, stored, attributes)]
    if sequence:
        layers.append(Layer("flat", "flatten", ("cell",), TensorSpec((9,), state)))
    read, wide = layers[-1].output, FixedFormat(18, 8)
    layers.append(dense("fc", layers[-1].name, read, 2, weight, weight, wide, wide, rng))
    network = Network("recurrent", source, tuple(layers))
    return DesignPoint(network, plan_by_level(network, rng.permutation(network.stored_bits), level, {}))


CASES = [("lstm", "serial", True), ("lstm", "parallel", False), ("gru", "serial", False)]
cases = pytest.mark.parametrize(("kind", "name", "sequence"), CASES)


@cases
@pytest.mark.rtl("verilator", "icarus", "pyosys")
def test_faults_of_every_kind_in_every_tool(kind, name, sequence, tmp_path):
    """Every stored bit, replicas included, and upsets in the middle of a sample; the linter; flip-flops."""
    point = design(kind, sequence=sequence)
    accelerator = emit(point, architecture(name, point.network), tmp_path / "d")
    codes = random_codes(point.network.input.format, (2, 3, 2), np.random.default_rng(2))
    verilator, faults = VerilatorEngine(accelerator, point, jobs=1), exhaustive(point.space)
    expected = ReferenceEngine(point).run(faults, codes)
    got = verilator.run(faults, codes)
    assert compare("rtl-verilator", expected, got).count == 0
    assert (got.outputs != execute(point.network, codes)).any(), "upsets show"
    assert _transients_differ(point, accelerator, verilator, codes)
    few = FaultList.single(point.space.sites[::40])
    icarus = IcarusEngine(accelerator, point, jobs=1).run(few, codes)
    assert compare("rtl-icarus", ReferenceEngine(point).run(few, codes), icarus).count == 0
    assert flip_flops(accelerator) == accelerator.flip_flops
    files = [str(path) for path in (accelerator.folder / "sites.vlt", *accelerator.paths)]
    options = ("--lint-only", "-Wall", "--top-module", accelerator.top)
    said = toolchain.verilator().run(*options, *files, cwd=tmp_path, log=tmp_path / "lint.log")
    assert "Warning" not in said


def _transients_differ(point, accelerator, engine, codes) -> bool:
    """Upsets in the middle of a sample are as the reference says, and not all as early ones."""
    rng = np.random.default_rng(3)
    sites = [rng.choice(point.space.sites, 4, replace=False) for _ in range(accelerator.latency + 2)]
    faults = FaultList.of(Fault(tuple(sorted(some.tolist())), KINDS[0], t) for t, some in enumerate(sites))
    expected = expected_transients(point, accelerator, faults, codes, all_samples(faults, codes, None))
    assert compare("rtl-verilator", expected, engine.run(faults, codes)).count == 0
    early = FaultList.of(Fault(tuple(sorted(some.tolist()))) for some in sites)
    return compare("early", expected, ReferenceEngine(point).run(early, codes)).count > 0


MUTANTS = {
    "state_kept": (
        "ns_recurrent.v",
        "wire [LANES*H_W-1:0] old = first ?",
        "wire [LANES*H_W-1:0] old = 1'b0 ?",
    ),
    "second_state_kept": ("ns_lstm.v", "s_old = first_i ?", "s_old = 1'b0 ?"),
    "gates_swapped": ("ns_lstm.v", ".data_o({o, f, i})", ".data_o({o, i, f})"),
    "step_too_early": ("ns_recurrent.v", "shut_q || (x_fire_i && x_last_i)", "shut_q && x_last_i"),
    "sum_of_one": ("ns_lstm.v", "+ {b_i[n*A_W+A_W-1], b_i[n*A_W+:A_W]}", ""),
}


@pytest.mark.parametrize("mutant", [None, *MUTANTS])
def test_a_small_defect_of_a_cell_is_seen(mutant, tmp_path):
    """The negative controls of this file."""
    network = design("lstm", 0.0).network
    accelerator = emit(DesignPoint.unprotected(network), architecture("serial", network), tmp_path / "d")
    codes = random_codes(network.input.format, (4, 3, 2), np.random.default_rng(5))
    assert rtl_bench.is_right(accelerator, network, codes, MUTANTS.get(mutant)) == (mutant is None)


def test_updates_that_take_long_are_no_hang():
    """More units than the cycles after which a design without a beat counts as hung."""
    rng, weight, wide = np.random.default_rng(1), FixedFormat(3, 1), FixedFormat(14, 8)
    units, form = IDLE + 4, FixedFormat(18, 8)
    shapes = {"kernel": (1, 4 * units), "bias": (4 * units,), "recurrent": (units, 4 * units)}
    stored = {r: Parameter(f"cell.{r}", random_codes(weight, s, rng), weight) for r, s in shapes.items()}
    tables = {"gate_table": table_codes("sigmoid", 16, form), "gate_span": 16}
    tables |= {"cell_table": table_codes("tanh", 16, form), "cell_span": 8, "table_format": form}
    spec = TensorSpec((units,), FixedFormat(6, 2))
    layer = Layer("cell", "lstm", ("input",), spec, stored, {"accumulator": wide, **tables})
    network = Network("long", TensorSpec((2, 1), FixedFormat(4, 2)), (layer,))
    top = build(DesignPoint.unprotected(network), architecture("serial", network))
    assert top.latency == 2 * (2 * units + 3)
