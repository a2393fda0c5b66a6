"""What the injector refuses, in one sentence each; and what its results say of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.errors import DataError, NetworkError, UnknownNameError
from netsurf.fault import FaultSpace
from netsurf.fixed import FixedFormat
from netsurf.inject import exhaustive, profile, witness
from netsurf.ir import Network, TensorSpec
from tests.strategies import dense


@pytest.fixture
def network() -> Network:
    """Five inputs, three classes."""
    spec, weight, wide = TensorSpec((5,), FixedFormat(4, 4, False)), FixedFormat(4, 4), FixedFormat(16, 16)
    layer = dense("fc", "input", spec, 3, weight, weight, wide, wide, np.random.default_rng(0))
    return Network("small", spec, (layer,))


X = np.random.default_rng(1).integers(16, size=(9, 5))
Y = np.arange(9) % 3


def test_labels_must_fit(network):
    with pytest.raises(DataError, match="labels must be 9 integers, one a sample"):
        exhaustive(network, X, Y[:8])
    with pytest.raises(DataError, match="labels must be 9 integers"):
        exhaustive(network, X, Y.astype(float))
    with pytest.raises(DataError, match=r"labels 0\.\.3 do not fit 3 outputs"):
        exhaustive(network, X, np.arange(9) % 4)


def test_inputs_must_fit(network):
    with pytest.raises(DataError, match="no inputs; give at least one sample"):
        exhaustive(network, X[:0], Y[:0])
    with pytest.raises(NetworkError, match="do not fit"):
        exhaustive(network, X + 9, Y)
    assert (witness(network, X[:0]) == -1).all()


def test_a_forced_rung_must_exist(network):
    with pytest.raises(UnknownNameError, match=r"unknown rung 'intervall' \(did you mean interval"):
        exhaustive(network, X, Y, force={"fc.kernel": "intervall"})
    with pytest.raises(UnknownNameError, match=r"unknown tensor 'fc\.kernl'"):
        exhaustive(network, X, Y, force={"fc.kernl": "delta"})


def test_the_result_names_its_worst_bit_and_its_rungs(network):
    result = exhaustive(network, X, Y)
    assert result.faults == network.stored_bits == len(result.correct)
    assert result.correct[result.worst] == result.correct.min()
    space = FaultSpace(network, np.empty(0, np.int64))
    assert space.number(result.worst_site) == result.worst
    assert result.rungs == {"fc.kernel": "interval", "fc.bias": "interval"}
    assert result.accuracy.tolist() == (result.correct / 9).tolist()
    assert result.loss is None
    assert result.golden_loss is None


def test_a_profile_holds_every_task_against_a_limit_of_this_machine(network):
    measured = profile(network, X, Y, jobs=1)
    limits = {limit.name for limit in measured.limits}
    assert "matrix" in limits
    assert {entry.limit for entry in measured.reached} <= limits | {None}
    assert {entry.task.split(".")[0] for entry in measured.reached} >= {"fc"}
    assert all(entry.seconds > 0 and entry.work > 0 for entry in measured.reached)
