"""Cross-layer mode: a layer in RTL and the rest in software agree with the network, and defects are seen."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.certify import JobSpec, Subject, Toolbox, certificate_document, cross_layer
from netsurf.certify.cross_layer import certify_layers
from netsurf.certify.tools import emit_once
from netsurf.cosim import IcarusEngine, VerilatorEngine, build_verilator
from netsurf.engine import ReferenceEngine
from netsurf.fault import FaultList
from netsurf.inject import FastEngine
from netsurf.ir import execute
from netsurf.rank import rank
from tests.rtl_designs import mutant
from tests.small_cnn import small
from tests.strategies import random_codes

pytestmark = pytest.mark.rtl("verilator", "icarus")

SPEC = JobSpec(
    levels=(0.4,),
    architectures=("serial",),
    ber=0.05,
    faults=6,
    samples=5,
    transients=20,
    icarus={"serial": (1, 2)},
    csim=(3, 2),
)


class Software(ReferenceEngine):
    """Stands for hls4ml, which takes long to compile; test_csim.py compares the real one."""

    name = "csim"


def tools(folder, plant=lambda accelerator: accelerator, icarus=IcarusEngine) -> Toolbox:
    """The real RTL engines, of designs that ``plant`` may change."""

    def verilator(design, accelerator):
        build_verilator(accelerator)
        return VerilatorEngine(accelerator, design, jobs=1)

    return Toolbox(
        emit=lambda design, name: plant(emit_once(design, name, folder / design.network.name)),
        csim=Software,
        fast=lambda design: FastEngine(design, jobs=1),
        verilator=verilator,
        icarus=lambda design, accelerator: icarus(accelerator, design, jobs=1),
    )


def run(folder, layers, **more):
    network = small()
    inputs = random_codes(network.input.format, (30, *network.input.shape), np.random.default_rng(3))
    subject = Subject(network, inputs, execute(network, inputs).argmax(axis=1))
    ranking, made = rank("msb", network, 0), tools(folder, **more)
    *_, last = certify_layers(subject, ranking, SPEC, layers, made, lambda layer, level: made, jobs=1)
    return last


FUSED = {"deep": ["most"], "fc": []}
BITS = {"deep": range(42, 72), "fc": range(72, 99)}


@pytest.mark.parametrize("layers", [("deep",), pytest.param(("deep", "fc"), marks=pytest.mark.slow)], ids=len)
def test_layers_in_rtl_agree_with_the_network(layers, tmp_path):
    result, count = run(tmp_path, layers), len(layers)
    assert all(t.agreement.count == 0 for t in result.tallies), result.tallies
    assert result.agreement.pairs == count * 2 * 6 * 5
    assert all(a.correct == a.samples == 30 for a in result.accuracies)
    document = certificate_document(result, "small", "synthetic", {})
    assert document["mode"] == "cross-layer"
    found = {x["layer"]: (x["with"], x["stored_bits"]) for x in document["layers"]}
    assert found == {name: (FUSED[name], len(BITS[name])) for name in layers}
    pairs = {"rtl-verilator": 2 * 6 * 5, "rtl-icarus": 2 * 1 * 2}
    assert all(x["boundary_pairs"] == pairs and not x["boundary_mismatches"] for x in document["layers"])
    csim = next(e for e in document["engines"] if e["name"] == "csim")
    assert csim["pairs"] == count * 2 * 3 * 2, "a corner is counted as a corner"
    numbers = set((result.levels[0].blocks[0].faults.sites % small().stored_bits).tolist())
    assert numbers <= {bit for name in layers for bit in BITS[name]}, "faults are numbered as in the network"


def test_a_defect_in_the_verilog_of_a_cut_is_seen(tmp_path):
    def smallest(accelerator):
        return mutant(accelerator, "rtl/ns_pool.v", "$signed(b) > $signed(a)", "$signed(b) < $signed(a)")

    found = {t.engine: t.agreement.count for t in run(tmp_path, ("deep",), plant=smallest).tallies}
    assert found["rtl-verilator boundary"] > 0
    assert found["rtl-icarus boundary"] > 0
    assert found["fast"] == found["csim"] == 0


def test_a_wrong_number_of_a_bit_is_seen(tmp_path, monkeypatch):
    right = cross_layer.faults_to_cut

    def shifted(faults, cut):
        mapped = right(faults, cut)
        size = cut.network.stored_bits
        sites = mapped.sites // size * size + (mapped.sites % size + 1) % size
        return FaultList(np.where(mapped.sites < size, sites, mapped.sites), *rest(mapped))

    def rest(faults):
        return faults.offsets, faults.kinds, faults.cycles

    monkeypatch.setattr(cross_layer, "faults_to_cut", shifted)
    tallies = run(tmp_path, ("deep",), icarus=VerilatorEngine).tallies
    assert sum(t.agreement.count for t in tallies if t.engine == "rtl-verilator boundary") > 0
