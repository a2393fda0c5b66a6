"""Drawn graphs in every engine: the sample of ``make graphs``, and the defects that it finds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netsurf.hls import headers
from netsurf.inject.kinds import KINDS, FastKind
from tests import rtl_bench
from tests.graphs_page import DOCS, page
from tests.many_graphs import run_chunk, shrink, summary, wrong

pytestmark = pytest.mark.rtl("verilator", "icarus")

MAX_POOL = KINDS["max_pool"]

FEW = 6
"""Graphs among which a planted defect must show."""


def disagreeing(chunk) -> list[int]:
    """Seeds of graphs on which an engine is wrong."""
    return [row["seed"] for row in chunk["rows"] if wrong(row["engines"])]


def test_a_sample_agrees_in_every_engine():
    chunk = run_chunk(0, 8)
    assert disagreeing(chunk) == []
    for name, said in summary([chunk])["engines"].items():
        assert said["graphs"] + sum(said["refused"].values()) == 8, name
        assert said["graphs"] >= 7, said["refused"]


def test_more_graphs_agree_where_nothing_is_compiled():
    chunk = run_chunk(100, 25, ("fast", "rtl-icarus"))
    assert disagreeing(chunk) == []
    said = summary([chunk])
    assert said["different_networks"] == said["engines"]["rtl-icarus"]["graphs"] == 25
    assert said["graphs_with"]["residual (two different tensors merged)"] >= 4


def bias_forgotten(accelerator) -> None:
    """Plant sums that start at zero, where a design has sums."""
    if (accelerator.folder / "rtl" / "ns_mac.v").is_file():
        old = "first_i ? bias_i[j*ACC_W+:ACC_W] : acc_q"
        rtl_bench.plant(accelerator, "ns_mac.v", old, "first_i ? {ACC_W{1'b0}} : acc_q")


def smallest(layer, inputs, specs, parameters):
    """A pooling that takes the smallest code, where nothing is padded."""
    return -MAX_POOL.forward(layer, [-x.astype(np.int64) for x in inputs], specs, parameters)


def test_a_defect_in_verilog_is_found():
    assert disagreeing(run_chunk(200, FEW, ("rtl-icarus",))) == []
    assert disagreeing(run_chunk(200, FEW, ("rtl-icarus",), bias_forgotten))


def test_a_defect_in_the_fast_injector_is_found_and_made_smaller(monkeypatch):
    assert disagreeing(run_chunk(200, FEW, ("fast",))) == []
    monkeypatch.setitem(KINDS, "max_pool", FastKind("max_pool", smallest))
    seed = disagreeing(run_chunk(200, FEW, ("fast",)))[0]
    with pytest.raises(AssertionError, match="'max_pool'"):
        shrink(seed, ("fast",))


def test_a_defect_in_the_cpp_is_found(monkeypatch, tmp_path):
    """A dense layer that forgets its bias, in a build folder of its own."""
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    forgotten = ("(typename CONFIG_T::accum_t)biases[iacc]", "0")
    monkeypatch.setitem(headers._REPAIRS, "nnet_dense_latency.h", forgotten)
    assert disagreeing(run_chunk(0, 3, ("csim",)))


def test_the_page_says_what_was_counted():
    document = json.loads((DOCS / "results" / "graphs.json").read_text())
    text = (DOCS / "graphs.md").read_text()
    assert page(text, document) == text, "type: python tests/graphs_page.py"
    assert all(said["mismatches"] == 0 for said in document["engines"].values())
    document["engines"]["fast"]["mismatches"] = 1
    assert page(text, document) != text
