"""What holds for every ordering of every score array of every network."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netsurf.rank import order
from netsurf.rank.bits import deltas, from_planes, positions, pruned, steps, to_planes
from tests.ranking import mixed_network, sites
from tests.strategies import networks

ORDERINGS = st.sampled_from(["free", "bitplane"])
SEEDS = st.integers(0, 2**32 - 1)


def scores_of(network, seed):
    """Scores with many ties, some negative."""
    return np.random.default_rng(seed).integers(-3, 9, network.stored_bits).astype(float)


@given(networks(), SEEDS, ORDERINGS, st.integers(0, 2), st.one_of(st.none(), SEEDS))
def test_an_ordering_is_a_permutation(network, seed, ordering, power, tie_seed):
    found = order(network, scores_of(network, seed), ordering, power=power, tie_seed=tie_seed)
    assert sorted(found.tolist()) == list(range(network.stored_bits))


@given(networks(), SEEDS)
def test_free_scores_never_rise_and_ties_are_by_number(network, seed):
    values = scores_of(network, seed)
    found = order(network, values)
    assert (np.diff(values[found]) <= 0).all()
    equal = np.diff(values[found]) == 0
    assert (np.diff(found)[equal] > 0).all()


@given(networks(), SEEDS)
def test_planes_descend_and_scores_decide_within_one(network, seed):
    values = scores_of(network, seed)
    found = order(network, values, "bitplane")
    plane = positions(network)[found]
    assert (np.diff(plane) <= 0).all()
    within = np.diff(plane) == 0
    assert (np.diff(values[found])[within] <= 0).all()


@given(networks(), SEEDS, ORDERINGS)
def test_only_the_order_of_the_scores_counts(network, seed, ordering):
    values = scores_of(network, seed)
    assert (order(network, values, ordering) == order(network, np.exp(values), ordering)).all()
    assert (order(network, values, ordering) == order(network, 7 * values - 3, ordering)).all()


@given(networks(), SEEDS, ORDERINGS, SEEDS)
def test_ties_at_random_keep_the_scores(network, seed, ordering, tie_seed):
    values = scores_of(network, seed)
    one, two = order(network, values, ordering), order(network, values, ordering, tie_seed=tie_seed)
    assert (values[one] == values[two]).all()
    assert (positions(network)[one] == positions(network)[two]).all() or ordering == "free"


@given(SEEDS, SEEDS, ORDERINGS)
def test_pruned_bits_follow_all_others_in_the_same_order(network_seed, seed, ordering):
    network = mixed_network(network_seed)
    values = scores_of(network, seed)
    last, out = (order(network, values, ordering, weights=w) for w in ("last", "exclude"))
    compete = order(network, values, ordering, weights="compete")
    gone = pruned(network)
    assert (last[: len(out)] == out).all()
    assert gone[last[len(out) :]].all()
    assert not gone[out].any()
    assert compete[~gone[compete]].tolist() == out.tolist()


@given(SEEDS)
def test_bits_as_flat_arrays_are_the_sites(seed):
    network = mixed_network(seed)
    every = sites(network)
    assert positions(network).tolist() == [s.bit for s in every]
    assert deltas(network).tolist() == [s.delta for s in every]
    assert steps(network).tolist() == [abs(s.delta) for s in every]
    assert pruned(network).tolist() == [s.pruned for s in every]


@given(networks(), SEEDS)
def test_planes_there_and_back(network, seed):
    values = np.random.default_rng(seed).normal(size=network.stored_bits)
    assert (from_planes(network, to_planes(network, values)) == values).all()
