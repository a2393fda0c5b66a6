"""Networks of the literature in QKeras: integers equal to QKeras', and one arithmetic in every engine."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.engine import ReferenceEngine, compare
from netsurf.errors import DisagreementError
from netsurf.fault import exact_count
from netsurf.fixed import parse_format
from netsurf.frontend.equality import random_inputs, require_equal
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from tests import zoo

pytestmark = pytest.mark.tf

SMALL = {
    "resnet8": {"shape": (8, 8, 3), "width": 4},
    "mobilenet": {"shape": (12, 12, 3), "alpha": 0.125, "blocks": ((32, 1), (64, 2), (64, 1))},
    "ds_cnn": {"shape": (24, 10, 1), "width": 6, "blocks": 2},
    "squeezenet": {"shape": (13, 13, 3), "fires": ((3, 4), (3, 4), (4, 6)), "stem": 5},
    "resnet18": {"shape": (8, 8, 3), "width": 4},
}


def pair(name, **more):
    """An untrained model, and its network."""
    from netsurf.frontend.convert import convert
    from netsurf.frontend.session import start

    start(1)
    model = zoo.filled(getattr(zoo, name)(**more))
    return model, convert(model, name, parse_format("ufixed<8,0>"))


@pytest.mark.parametrize("name", [name for name in SMALL if name != "resnet18"])
def test_small_ones_are_equal_to_qkeras_and_in_the_fast_injector(name):
    model, network = pair(name, **SMALL[name])
    inputs = random_inputs(network, 16, np.random.default_rng(1))
    assert require_equal(network, model, inputs) == 16
    design = DesignPoint.unprotected(network)
    faults = exact_count(design.space, 20, 2, seed=3)
    expected = ReferenceEngine(design).run(faults, inputs[:4])
    assert (expected.outputs != expected.outputs[0]).any()
    assert compare("fast", expected, FastEngine(design).run(faults, inputs[:4])).count == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_small_ones_are_equal_in_hls4mls_c_simulation(name, tmp_path, quick_csim):
    design = DesignPoint.unprotected(pair(name, **SMALL[name])[1])
    faults = exact_count(design.space, 20, 2, seed=3)
    inputs = random_inputs(design.network, 4, np.random.default_rng(1))
    expected = ReferenceEngine(design).run(faults, inputs)
    assert compare("csim", expected, CSimEngine(design, tmp_path).run(faults, inputs)).count == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_full_sizes_are_equal_to_qkeras(name):
    model, network = pair(name)
    inputs = random_inputs(network, 4, np.random.default_rng(1))
    assert require_equal(network, model, inputs) == 4


@pytest.mark.parametrize("layer", ["deep1", "point1"])
def test_a_normalisation_that_is_not_folded_is_noticed(layer):
    model, network = pair("mobilenet", **SMALL["mobilenet"])
    inputs = random_inputs(network, 16, np.random.default_rng(1))
    moved = model.get_layer(layer).batchnorm
    moved.moving_mean.assign(moved.moving_mean + 0.25)
    with pytest.raises(DisagreementError):
        require_equal(network, model, inputs)
