"""Statistics and distances of distributions: scipy's values, plain loops, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from netsurf.errors import UsageError
from netsurf.rank.distribution import divergence, jensen_shannon, lorenz, shares, signature, wasserstein

numbers = st.floats(-1000, 1000, allow_subnormal=False).map(lambda x: round(x, 6))
samples = arrays(np.float64, st.integers(1, 60), elements=numbers)
DRAWS = {
    "normal": np.random.default_rng(1).normal(2, 3, 500),
    "heavy": np.random.default_rng(2).standard_t(3, 501),
    "sparse": np.random.default_rng(3).exponential(1, 400) * (np.random.default_rng(4).random(400) < 0.3),
    "few": np.random.default_rng(5).integers(-2, 3, 300).astype(float),
    "one": np.array([4.0]),
}


def plain_gini(x):
    """Mean difference of all pairs over twice the mean."""
    sizes = np.abs(x)
    if not sizes.sum():
        return 0.0
    return np.abs(sizes[:, None] - sizes[None, :]).mean() / (2 * sizes.mean())


def plain_lorenz(x, part):
    """Share of the smallest ``part`` of the elements, the last one counted in part."""
    sizes = sorted(abs(value) for value in x)
    whole = int(part * len(sizes) + 1e-9)
    rest = part * len(sizes) - whole
    held = sum(sizes[:whole]) + (rest * sizes[whole] if whole < len(sizes) else 0.0)
    return held / sum(sizes)


@pytest.mark.parametrize("name", DRAWS)
def test_statistics_are_scipys(name):
    x = DRAWS[name]
    found = signature(x)
    assert (found.count, found.minimum, found.maximum) == (len(x), x.min(), x.max())
    assert found.mean == pytest.approx(stats.tmean(x))
    assert found.variance == pytest.approx(np.var(x))
    assert found.l1 == pytest.approx(np.linalg.norm(x, 1))
    assert found.l2 == pytest.approx(np.linalg.norm(x, 2))
    assert found.entropy == pytest.approx(stats.entropy(np.abs(x), base=2), abs=1e-12)
    assert found.gini == pytest.approx(plain_gini(x), abs=1e-12)
    if name == "one":
        assert found.skew is None
        assert found.kurtosis is None
    else:
        assert found.skew == pytest.approx(stats.skew(x))
        assert found.kurtosis == pytest.approx(stats.kurtosis(x))


@pytest.mark.parametrize("name", DRAWS)
def test_the_lorenz_curve_is_a_running_sum(name):
    found = lorenz(DRAWS[name], points=21)
    expected = [plain_lorenz(DRAWS[name], part) for part in np.linspace(0, 1, 21)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_known_values():
    assert signature([0.0, 0.0, 0.0, 1.0]).gini == 0.75
    assert signature([0.0, 0.0, 0.0, 1.0]).entropy == 0
    assert signature([2.0] * 8).entropy == 3
    assert signature([2.0, -2.0]).gini == 0
    assert signature([0.0, 0.0]).entropy == 1
    assert lorenz([0.0, 0.0], 3).tolist() == [0, 0.5, 1]
    assert signature(np.random.default_rng(0).exponential(1, 200_000)).gini == pytest.approx(0.5, abs=0.005)


@given(samples)
def test_every_statistic_is_within_its_bounds(x):
    found = signature(x)
    assert 0 <= found.gini < 1
    assert -1e-9 <= found.entropy <= np.log2(len(x)) + 1e-9
    assert found.variance >= 0
    assert found.minimum <= found.mean + 1e-9
    assert found.mean <= found.maximum + 1e-9
    assert found.l2 <= found.l1 * (1 + 1e-12) <= found.l2 * np.sqrt(len(x)) * (1 + 1e-9)
    curve = lorenz(x, 11)
    assert curve[0] == 0
    assert curve[-1] == 1
    assert (np.diff(curve) >= -1e-12).all()
    assert (np.diff(curve, 2) >= -1e-9).all()
    assert shares(x).sum() == pytest.approx(1)


@given(samples, st.randoms(use_true_random=False), st.floats(0.01, 100))
def test_order_and_scale_do_not_count_where_they_should_not(x, random, scale):
    shuffled = x.copy()
    random.shuffle(shuffled)
    same, scaled = signature(shuffled), signature(x * scale)
    found = signature(x)
    assert same.gini == pytest.approx(found.gini, abs=1e-9)
    assert divergence(x, shuffled).wasserstein == 0
    assert scaled.gini == pytest.approx(found.gini, abs=1e-9)
    assert scaled.entropy == pytest.approx(found.entropy, abs=1e-6)
    assert scaled.l1 == pytest.approx(scale * found.l1)
    assert divergence(x, x * scale).shape == pytest.approx(0, abs=1e-9)


@given(samples, samples)
def test_wasserstein_is_scipys(a, b):
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-9)


@given(samples, samples)
def test_divergences_are_symmetric_and_zero_only_between_equals(a, b):
    there, back = divergence(a, b), divergence(b, a)
    assert there == back
    assert 0 <= there.jensen_shannon <= 1
    assert there.wasserstein >= 0
    same = divergence(a, a)
    assert (same.jensen_shannon, same.wasserstein, same.shape) == (0, 0, 0)
    if stats.wasserstein_distance(a, b) > 1e-9:
        assert there.wasserstein > 0


@given(samples, samples, samples)
def test_wasserstein_obeys_the_triangle(a, b, c):
    assert wasserstein(a, c) <= wasserstein(a, b) + wasserstein(b, c) + 1e-9


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=50), st.lists(st.integers(0, 9), min_size=1, max_size=50)
)
def test_jensen_shannon_of_few_values_with_many_bins_is_scipys(a, b):
    """With 1,000 bins each of ten values has its own, so the divergence is that of the two histograms."""
    p, q = (np.bincount(x, minlength=10) / len(x) for x in (a, b))
    found = jensen_shannon(a, b, bins=1000)
    assert found == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)


def test_jensen_shannon_of_two_normals_is_the_integral():
    x = np.linspace(-10, 12, 20001)
    p, q = stats.norm(0, 1).pdf(x), stats.norm(2, 1).pdf(x)
    exact = jensenshannon(p, q, base=2) ** 2
    rng = np.random.default_rng(6)
    found = jensen_shannon(rng.normal(0, 1, 100_000), rng.normal(2, 1, 100_000))
    assert found == pytest.approx(exact, abs=0.005)


@given(samples, samples)
def test_jensen_shannon_needs_no_unit(a, b):
    assert jensen_shannon(np.arctan(a), np.arctan(b)) == pytest.approx(jensen_shannon(a, b), abs=1e-9)


def test_a_changed_value_changes_signature_and_divergence():
    """The negative control: the statistics are of these values and of no others."""
    x = DRAWS["normal"]
    moved = x.copy()
    moved[7] += 5.0
    assert signature(moved) != signature(x)
    assert not np.array_equal(lorenz(moved), lorenz(x))
    assert divergence(x, moved).wasserstein == pytest.approx(5.0 / len(x))


@pytest.mark.parametrize("values", [[], [np.nan], [1.0, np.inf]])
def test_no_values_or_no_numbers_are_refused(values):
    with pytest.raises(UsageError, match="a distribution needs"):
        signature(values)
    with pytest.raises(UsageError, match="a distribution needs"):
        divergence([1.0], values)
