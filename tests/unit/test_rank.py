"""Rankings: a permutation of all stored bits in the order that the method's definition says."""

import numpy as np
import pytest

from netsurf.errors import UnknownNameError
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.rank import METHODS, rank

WIDTH = 4
FORMAT = FixedFormat(WIDTH, 1)
ACCUMULATOR = FixedFormat(16, 8)


@pytest.fixture
def network():
    kernel = Parameter(
        "fc.kernel",
        np.array([[3, -8], [0, 7], [-1, 2]]),
        FORMAT,
        np.array([[False, False], [True, False], [False, False]]),
    )
    bias = Parameter("fc.bias", np.array([5, -2]), FORMAT)
    layer = Layer(
        "fc",
        "dense",
        ("input",),
        TensorSpec((2,), ACCUMULATOR),
        {"kernel": kernel, "bias": bias},
        {"accumulator": ACCUMULATOR},
    )
    return Network("tiny", TensorSpec((3,), FixedFormat(4, 4)), (layer,))


@pytest.mark.parametrize("method", METHODS)
def test_every_bit_is_ranked_once(network, method):
    order = rank(method, network, seed=3)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(network.stored_bits))


def test_msb_is_plane_by_plane_and_ties_are_by_number(network):
    order = rank("msb", network, seed=0)
    pruned = range(2 * WIDTH, 3 * WIDTH)
    kept = [n for n in range(network.stored_bits) if n not in pruned]
    expected = [n for bit in reversed(range(WIDTH)) for n in kept if n % WIDTH == bit]
    assert order.tolist() == expected + list(reversed(pruned))


def test_weight_abs_value_sorts_weights_inside_a_plane(network):
    order = rank("weight_abs_value", network, seed=0)
    codes = np.concatenate([p.codes.reshape(-1) for p in network.parameters.values()])
    top_plane = [int(n) // WIDTH for n in order[:7]]
    assert np.abs(codes[top_plane]).tolist() == [8, 7, 5, 3, 2, 2, 1]
    assert top_plane[4:6] == [5, 7], "ties are by number"
    assert (order[:7] % WIDTH == WIDTH - 1).all()


def test_random_depends_on_the_seed_and_on_nothing_else(network):
    assert rank("random", network, 1).tolist() == rank("random", network, 1).tolist()
    assert rank("random", network, 1).tolist() != rank("random", network, 2).tolist()


def test_alias_and_unknown_method(network):
    assert (rank("bitwise_msb", network, 0) == rank("msb", network, 0)).all()
    with pytest.raises(UnknownNameError, match=r"unknown ranker 'msbb' \(did you mean msb\?\)"):
        rank("msbb", network, 0)
