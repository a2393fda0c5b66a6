"""Rankings: a permutation of all stored bits in the order that the method's definition says."""

import numpy as np
import pytest

from netsurf.errors import UnknownNameError, UsageError
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.rank import METHODS, Evidence, needs, order, rank, scores
from tests.ranking import drawn_evidence

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
    ranking = rank(method, network, 3, drawn_evidence(network))
    assert ranking.dtype == np.int64
    assert sorted(ranking.tolist()) == list(range(network.stored_bits))


@pytest.mark.parametrize("method", METHODS)
def test_pruned_weights_are_ranked_only_when_asked_for(network, method):
    evidence, pruned = drawn_evidence(network), set(range(2 * WIDTH, 3 * WIDTH))
    assert set(rank(method, network, 3, evidence)[-WIDTH:].tolist()) == pruned
    assert not pruned & set(rank(method, network, 3, evidence, weights="exclude").tolist())
    assert len(rank(method, network, 3, evidence, weights="compete")) == network.stored_bits


def test_msb_is_plane_by_plane_and_ties_are_by_number(network):
    ranking = rank("msb", network, seed=0)
    pruned = range(2 * WIDTH, 3 * WIDTH)
    kept = [n for n in range(network.stored_bits) if n not in pruned]
    expected = [n for bit in reversed(range(WIDTH)) for n in kept if n % WIDTH == bit]
    assert ranking.tolist() == expected + list(reversed(pruned))


def test_weight_abs_value_sorts_weights_inside_a_plane(network):
    ranking = rank("weight_abs_value", network, seed=0)
    codes = np.concatenate([p.codes.reshape(-1) for p in network.parameters.values()])
    top_plane = [int(n) // WIDTH for n in ranking[:7]]
    assert np.abs(codes[top_plane]).tolist() == [8, 7, 5, 3, 2, 2, 1]
    assert top_plane[4:6] == [5, 7], "ties are by number"
    assert (ranking[:7] % WIDTH == WIDTH - 1).all()


def test_random_depends_on_the_seed_and_on_nothing_else(network):
    assert rank("random", network, 1).tolist() == rank("random", network, 1).tolist()
    assert rank("random", network, 1).tolist() != rank("random", network, 2).tolist()


def test_alias_and_unknown_method(network):
    assert (rank("bitwise_msb", network, 0) == rank("msb", network, 0)).all()
    with pytest.raises(UnknownNameError, match=r"unknown ranker 'msbb' \(did you mean msb\?\)"):
        rank("msbb", network, 0)


def test_older_names_are_the_same_methods(network):
    evidence = drawn_evidence(network)
    for old, new in {"hirescam_norm": "grad_norm", "hiresdelta": "graddelta", "bitwise_lsb": "lsb"}.items():
        assert (scores(old, network, 0, evidence) == scores(new, network, 0, evidence)).all()


def test_ties_by_number_or_at_random(network):
    flat = np.zeros(network.stored_bits)
    by_number = order(network, flat, weights="compete")
    assert by_number.tolist() == list(range(network.stored_bits))
    at_random = order(network, flat, weights="compete", tie_seed=1)
    assert at_random.tolist() != by_number.tolist()
    assert at_random.tolist() == order(network, flat, weights="compete", tie_seed=1).tolist()


def test_what_a_method_reads_must_be_there(network):
    assert needs(["msb", "qpolargrad"]) == ("gradient", "corrupted_input")
    with pytest.raises(UsageError, match=r"reads gradient, which was not measured.*--method grad"):
        rank("grad", network, 0)
    with pytest.raises(UsageError, match="evidence is of network"):
        rank("grad", network, 0, Evidence("other", {"gradient": np.zeros(8)}))
    with pytest.raises(UsageError, match=r"must have the shape \(8\), not \(9,\)"):
        rank("grad", network, 0, Evidence(network.digest, {"gradient": np.zeros(9)}))
    with pytest.raises(UsageError, match="not finite"):
        rank("grad", network, 0, Evidence(network.digest, {"gradient": np.full(8, np.nan)}))
    with pytest.raises(UnknownNameError, match="unknown evidence 'gradients'"):
        Evidence(network.digest, {"gradients": np.zeros(8)})


def test_options_and_orderings_that_a_method_does_not_have(network):
    evidence = drawn_evidence(network)
    with pytest.raises(UsageError, match="ranker 'grad' has no option 'k'; it takes none"):
        rank("grad", network, 0, evidence, k=3)
    with pytest.raises(UsageError, match="option 'k' is 4; 1 to 3 eigenpairs were measured"):
        rank("hessian", network, 0, evidence, k=4)
    with pytest.raises(UsageError, match="'k' of ranker 'hessian' must be of type int, not '3'"):
        rank("hessian", network, 0, evidence, k="3")
    with pytest.raises(UsageError, match="is 'f1'; choose loss or accuracy"):
        rank("oracle", network, 0, evidence, metric="f1")
    with pytest.raises(UsageError, match="ranker 'msb' has no ordering 'bitplane'; it has free"):
        rank("msb", network, 0, ordering="bitplane")
    with pytest.raises(UnknownNameError, match="unknown ordering 'fre'"):
        order(network, np.zeros(network.stored_bits), "fre")


def test_scores_must_be_finite_and_one_a_bit(network):
    with pytest.raises(UsageError, match="scores must have the shape"):
        order(network, np.zeros(3))
    with pytest.raises(UsageError, match="score of stored bit 1 is nan"):
        order(network, np.where(np.arange(network.stored_bits) == 1, np.nan, 0))
