"""LSTM and GRU: equal integers in every engine on drawn layers, and what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from tests.drawn import assert_equal, unprotected
from tests.recurrent import networks


def features(design, expected):
    """The kind of the layer, whether its sums wrap, and whether the inputs matter."""
    layer = design.network.layers[0]
    yield layer.kind
    if layer.attributes["accumulator"].overflow == "WRAP":
        yield "wrap"
    if np.ptp(expected.outputs, axis=1).any():
        yield "moves"


def equal(engine, examples: int, start: int = 1, **drawn):
    return assert_equal(engine, examples, unprotected(networks(**drawn)), features, start=start)


def test_fast_injector_agrees_on_drawn_layers():
    covered = equal(FastEngine, 120)
    assert min(covered["lstm"], covered["gru"], covered["wrap"]) >= 20
    assert covered["moves"] >= 40


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_csim_agrees_on_drawn_layers(kind, quick_csim, tmp_path):
    """What is drawn depends on the modules that are loaded: two at a time until inputs mattered."""
    covered = Counter()
    for start in range(1, 9):
        covered += equal(lambda design: CSimEngine(design, tmp_path), 2, start, kinds=(kind,))
        if covered["moves"]:
            break
    assert covered[kind] >= 2
    assert covered["moves"] >= 1


@pytest.mark.slow
def test_csim_agrees_on_many_drawn_layers(quick_csim, tmp_path):
    covered = equal(lambda design: CSimEngine(design, tmp_path), 60)
    assert covered["moves"] >= 20
