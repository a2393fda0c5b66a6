"""The score of every stored bit equals its formula, worked out site by site in plain Python."""

from functools import cache

import numpy as np
import pytest

from netsurf.rank import METHODS, order, rank, scores
from tests.ranking import DETERMINISTIC, brute_order, brute_scores, drawn_evidence, mixed_network, sites

NETWORK = mixed_network()
EVIDENCE = drawn_evidence(NETWORK)


@cache
def expected_scores(method):
    return brute_scores(method, NETWORK, EVIDENCE)


def require_equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", DETERMINISTIC)
def test_every_score_equals_its_formula(method):
    found = scores(method, NETWORK, 0, EVIDENCE)
    assert found.dtype == np.float64
    require_equal(found, expected_scores(method))


@pytest.mark.parametrize("method", DETERMINISTIC)
def test_swapping_any_two_scores_is_noticed(method):
    """The negative control: a permuted score array, which the first NetSurf had, does not pass."""
    expected = expected_scores(method)
    pairs = np.random.default_rng(1).integers(0, len(expected), (200, 2))
    pairs = pairs[expected[pairs[:, 0]] != expected[pairs[:, 1]]][:20]
    assert len(pairs) == 20
    for left, right in pairs:
        swapped = scores(method, NETWORK, 0, EVIDENCE).copy()
        swapped[[left, right]] = swapped[[right, left]]
        with pytest.raises(AssertionError):
            require_equal(swapped, expected)


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_not_all_equal(method):
    assert len(np.unique(scores(method, NETWORK, 0, EVIDENCE))) > 1


@pytest.mark.parametrize(
    ("method", "ordering"), [(name, o) for name in DETERMINISTIC for o in METHODS[name].orderings]
)
@pytest.mark.parametrize("weights", ["last", "compete", "exclude"])
def test_every_ranking_equals_a_plain_sort(method, ordering, weights):
    found = rank(method, NETWORK, 0, EVIDENCE, ordering=ordering, weights=weights)
    values = expected_scores(method)
    expected = brute_order(NETWORK, values, METHODS[method].power, ordering, weights == "compete")
    if weights == "exclude":
        expected = expected[: len(found)]
        assert len(found) == NETWORK.stored_bits - 5 * NETWORK.parameters["fc1.kernel"].pruned.sum()
    assert order(NETWORK, values, ordering, power=METHODS[method].power, weights=weights).tolist() == expected
    assert _same_up_to_rounding(found, expected, values * _steps(ordering, METHODS[method].power))


def _steps(ordering, power):
    size = [2.0 ** (s.bit - s.format.fraction) for s in sites(NETWORK)]
    return np.array(size) ** power if ordering == "free" else 1.0


def _same_up_to_rounding(found, expected, values):
    """Equal, but for neighbours whose scores differ in the last digits only."""
    return np.allclose(values[found], values[np.array(expected)], rtol=1e-12, atol=1e-15)
