"""LSTM and GRU: equal integers in every engine on drawn layers, and what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.engine import ReferenceEngine, compare
from netsurf.harden import DesignPoint
from netsurf.hls import csim
from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from tests.equivalence.test_graphs import DRAWN
from tests.recurrent import networks
from tests.strategies import fault_lists, inputs


def assert_equal(engine, examples: int, **drawn) -> Counter:
    """Compare an engine with the reference on drawn layers; returns what they were."""
    covered: Counter = Counter()

    @settings(DRAWN, max_examples=examples)
    @given(st.data())
    def check(data):
        design = DesignPoint.unprotected(data.draw(networks(**drawn)))
        faults = data.draw(fault_lists(design, max_faults=12))
        x = data.draw(inputs(design.network, max_samples=12))
        expected = ReferenceEngine(design).run(faults, x)
        agreement = compare("other", expected, engine(design).run(faults, x))
        assert agreement.count == 0, agreement.mismatches[0]
        layer = design.network.layers[0]
        covered[layer.kind] += 1
        covered["wrap"] += layer.attributes["accumulator"].overflow == "WRAP"
        covered["moves"] += bool(np.ptp(expected.outputs, axis=1).any())

    check()
    return covered


def test_fast_injector_agrees_on_drawn_layers():
    covered = assert_equal(FastEngine, 120)
    assert min(covered["lstm"], covered["gru"], covered["wrap"]) >= 20
    assert covered["moves"] >= 40


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(csim, "FLAGS", tuple("-O0" if flag == "-O3" else flag for flag in csim.FLAGS))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_csim_agrees_on_drawn_layers(kind, quick, tmp_path):
    covered = assert_equal(lambda design: CSimEngine(design, tmp_path), 2, kinds=(kind,))
    assert covered[kind] == 2
    assert covered["moves"] >= 1


@pytest.mark.slow
def test_csim_agrees_on_many_drawn_layers(quick, tmp_path):
    covered = assert_equal(lambda design: CSimEngine(design, tmp_path), 60)
    assert covered["moves"] >= 20
