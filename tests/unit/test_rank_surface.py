"""Areas and volumes: exactly 1 for a constant surface of 1, equal to trapezoids otherwise."""

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from netsurf.errors import UsageError
from netsurf.rank.surface import auc, interval, regret, vus

ascending = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=8, unique=True).map(sorted)


@given(ascending, ascending)
def test_a_constant_surface_of_one_has_exactly_one(levels, bers):
    assert vus(levels, bers, np.ones((len(levels), len(bers)))) == 1.0


@given(ascending.filter(lambda x: len(x) > 1 and min(np.diff(x)) > 1e-6), st.integers(0, 99))
def test_area_is_the_trapezoid_rule_over_the_range(points, seed):
    values = np.random.default_rng(seed).random(len(points))
    expected = scipy.integrate.trapezoid(values, points) / (points[-1] - points[0])
    assert auc(points, values) == pytest.approx(expected)


def test_volume_is_the_area_of_areas_in_either_order():
    levels, bers = [0.01, 0.05, 0.1, 0.4], [0.001, 0.01, 0.15]
    surface = np.random.default_rng(0).random((4, 3))
    one = vus(levels, bers, surface)
    assert one == pytest.approx(auc(bers, auc(levels, surface, axis=0)))
    assert one != pytest.approx(vus(levels, bers, surface[::-1]))


def test_interval_resamples_whole_trials():
    rng, hits, runs = np.random.default_rng(0), 0, 200
    for number in range(runs):
        common = rng.normal(0.7, 0.1, (30, 1, 1))  # what a trial's faults do in every cell
        trials = common + rng.normal(0, 0.01, (30, 2, 3))
        found = interval(trials, lambda s: vus([0, 1], [0, 1, 2], s), resamples=200, seed=number)
        hits += found.low <= 0.7 <= found.high
    assert hits >= 0.89 * runs


def test_regret_pairs_trials_on_the_same_faults():
    luck = np.random.default_rng(1).random(50)
    found = regret(luck, luck - 0.02)
    assert found.low == pytest.approx(0.02) == pytest.approx(found.high)


def test_what_is_no_curve_is_refused():
    with pytest.raises(UsageError, match="must ascend"):
        auc([0, 0], [1, 1])
    with pytest.raises(UsageError, match="2 values for 3 points"):
        auc([0, 1, 2], [1, 1])
    with pytest.raises(UsageError, match="two trials"):
        interval([[1.0]], lambda s: s[..., 0])
    with pytest.raises(UsageError, match="same trials"):
        regret([1, 2], [1, 2, 3])
