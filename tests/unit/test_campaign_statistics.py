"""Intervals: published values, scipy's values, and simulated coverage at nominal 95 %."""

import math

import numpy as np
import pytest
from scipy import stats

from netsurf.campaign.sequences import MINIMUM, asymptotic, empirical_bernstein, sequence
from netsurf.campaign.sizes import quantile, sample_size
from netsurf.campaign.statistics import bootstrap, proportion, rate_text, student
from netsurf.campaign.strata import Stratum, allocate, combine, combine_rates, wilson
from netsurf.errors import UsageError

NOMINAL, REQUIRED = 0.95, 0.93
TRIALS = 1000


def skewed_accuracies(shape, seed):
    """Accuracies of faulty models: bounded, skewed to the left; their mean is 0.75."""
    return np.random.default_rng(seed).beta(12, 4, size=shape)


MEAN = 0.75


def coverage(interval, data, truth):
    """Fraction of the rows of ``data`` whose interval holds the truth."""
    intervals = [interval(row) for row in data]
    return np.mean([i.low <= truth <= i.high for i in intervals])


@pytest.mark.parametrize(
    ("margin", "cutoff", "population", "expected"),
    [
        (0.01, 1.96, math.inf, 9604),
        (0.01, 2.5758, math.inf, 16587),
        (0.01, 2.576, 305_340, 15_735),
        (0.01, 2.5758, 305_340, 15_733),
        (0.05, 1.96, 1000, 278),
        (0.05, 1.96, math.inf, 385),
    ],
)
def test_sample_sizes_of_leveugle(margin, cutoff, population, expected):
    assert sample_size(margin, population=population, cutoff=cutoff) == expected


def test_sample_size_reaches_its_margin_and_no_smaller_one_does():
    size = sample_size(0.02, 0.95, 10_000)
    error = [quantile(0.95) * math.sqrt(0.25 / n * (10_000 - n) / 9_999) for n in (size, size - 1)]
    assert error[0] <= 0.02 < error[1]
    assert sample_size(0.001, 0.99, 50) == 50, "never more than there is"


@pytest.mark.parametrize("margin", [0.0, 1.0, -0.1])
def test_sample_size_refuses_a_margin_outside_0_to_1(margin):
    with pytest.raises(UsageError, match="margin"):
        sample_size(margin)


def test_sample_size_refuses_an_empty_population():
    with pytest.raises(UsageError, match="population is empty"):
        sample_size(0.01, population=0)


def test_proportion_matches_published_and_scipy_values():
    newcombe = proportion(81, 263)  # Newcombe, Statistics in Medicine 17, 1998, table I
    assert (round(newcombe.low, 4), round(newcombe.high, 4)) == (0.2553, 0.3662)
    exact = proportion(81, 263, rule="exact")
    assert (round(exact.low, 4), round(exact.high, 4)) == (0.2527, 0.3676)
    bounds = stats.binomtest(3, 40).proportion_ci(0.9, method="wilson")
    assert wilson(3 / 40, 40, 0.9) == pytest.approx((bounds.low, bounds.high), abs=1e-12)


def test_every_rate_is_printed_with_its_interval():
    assert rate_text(1200, 3000, proportion(1200, 3000)) == "1,200/3,000 [0.3826, 0.4176]"


@pytest.mark.parametrize("rule", ["wilson", "exact"])
def test_proportion_coverage(rule):
    counts = np.random.default_rng(1).binomial(200, 0.1, TRIALS)
    known = {int(k): proportion(int(k), 200, rule=rule) for k in np.unique(counts)}
    assert np.mean([known[k].low <= 0.1 <= known[k].high for k in counts]) >= REQUIRED


def test_student_is_scipys_and_covers():
    data = skewed_accuracies((TRIALS, 12), seed=2)
    low, high = stats.t.interval(0.95, 11, data[0].mean(), stats.sem(data[0]))
    assert (student(data[0]).low, student(data[0]).high) == pytest.approx((low, high))
    assert coverage(student, data, MEAN) >= REQUIRED


def test_bootstrap_covers_where_the_mean_is_skewed():
    data = np.random.default_rng(3).exponential(1.0, (300, 40))
    assert coverage(lambda row: bootstrap(row, seed=5, resamples=500), data, 1.0) >= REQUIRED
    assert bootstrap(data[0], seed=5) == bootstrap(data[0], seed=5)


def test_one_repetition_says_nothing_about_spread():
    assert student([0.5]).margin == math.inf
    assert bootstrap([0.5]).margin == math.inf


def stopped(rule, row, margin):
    """Bounds of a rule at the first repetition at which it is tight enough."""
    low, high = rule(row)
    tight = np.flatnonzero((high - low) / 2 <= margin)
    stop = tight[0] if len(tight) else len(row) - 1
    return low[stop], high[stop]


def stopped_coverage(rule, data, margin):
    bounds = [stopped(rule, row, margin) for row in data]
    return np.mean([low <= MEAN <= high for low, high in bounds])


def test_asymptotic_sequence_covers_under_early_stopping():
    assert stopped_coverage(asymptotic, skewed_accuracies((TRIALS, 800), 4), 0.03) >= REQUIRED


def test_empirical_bernstein_sequence_covers_under_early_stopping():
    assert stopped_coverage(empirical_bernstein, skewed_accuracies((300, 1500), 5), 0.03) >= REQUIRED


def test_asymptotic_sequence_covers_at_every_look_together():
    rows = skewed_accuracies((TRIALS, 600), 6)
    whole = [(low <= MEAN).all() and (high >= MEAN).all() for low, high in map(asymptotic, rows)]
    assert np.mean(whole) >= REQUIRED


def peeked_z(row):
    """What must not be used: a 95 % z interval that is looked at after every repetition."""
    t = np.arange(1, len(row) + 1)
    mean = np.cumsum(row) / t
    spread = np.sqrt(np.maximum(np.cumsum(row**2) / t - mean**2, 0) * t / np.maximum(t - 1, 1))
    half = np.where(t < 5, np.inf, 1.96 * spread / np.sqrt(t))
    return mean - half, mean + half


def test_negative_control_a_peeked_z_interval_fails_the_same_test():
    assert stopped_coverage(peeked_z, skewed_accuracies((2 * TRIALS, 400), 4), 0.03) < REQUIRED


def test_asymptotic_sequence_says_nothing_before_the_minimum():
    low, high = asymptotic(np.full(MINIMUM, 0.5))
    assert np.isinf(high[: MINIMUM - 1]).all()
    assert high[-1] == low[-1] == 0.5


def test_sequence_is_the_last_look_of_its_rule():
    data = skewed_accuracies(150, 7)
    low, high = empirical_bernstein(data)
    strict = sequence(data, strict=True)
    assert (strict.low, strict.high, strict.rule) == (low[-1], high[-1], "empirical-bernstein-cs")
    assert sequence(data).margin < strict.margin


def test_strict_rule_refuses_values_outside_0_to_1():
    with pytest.raises(UsageError, match=r"\[0, 1\]"):
        sequence([0.5, 2.3], strict=True)


def test_allocation_is_proportional_and_complete():
    counts = allocate([50_000] * 6 + [640] * 6 + [0], 1000)
    assert counts.sum() == 1000
    assert counts[-1] == 0
    assert set(counts[:6]) <= {163, 164, 165}
    assert (allocate([3, 5], 100) == [3, 5]).all()
    assert allocate([9, 9, 9], 1).tolist() == [1, 1, 1], "at least one from every stratum"


def test_stratified_estimate_matches_cochrans_formula():
    strata = [Stratum(100, 10, 12.0, 20.0), Stratum(300, 20, 5.0, 5.0)]
    mean = 0.25 * 1.2 + 0.75 * 0.25
    variances = [(20 - 14.4) / 9 / 10 * 0.9, (5 - 1.25) / 19 / 20 * (1 - 20 / 300)]
    error = math.sqrt(0.25**2 * variances[0] + 0.75**2 * variances[1])
    got = combine(strata)
    assert (got.estimate, got.high - got.estimate) == pytest.approx((mean, quantile(0.95) * error))


def test_stratified_rates_cover():
    rng = np.random.default_rng(8)
    populations = np.array([50_000] * 6 + [640] * 6)
    critical = np.round(populations * np.array([0.3, 0.1, 0.02, 0.001, 0, 0, 0.5, 0.2, 0.1, 0.05, 0.01, 0]))
    truth = critical.sum() / populations.sum()
    counts = allocate(populations, 600)
    hits = rng.hypergeometric(
        critical.astype(int), (populations - critical).astype(int), counts, (TRIALS, 12)
    )
    intervals = [combine_rates(populations, counts, row) for row in hits]
    assert np.mean([i.low <= truth <= i.high for i in intervals]) >= REQUIRED


def test_a_sample_without_hits_still_has_an_upper_bound_and_a_census_none():
    assert 0 < combine_rates([1000, 1000], [50, 50], [0, 0]).high < 0.05
    census = combine_rates([10, 20], [10, 20], [1, 2])
    assert (census.low, census.high, census.rule) == (0.1, 0.1, "census")
    with pytest.raises(UsageError, match="every stratum"):
        combine_rates([10, 20], [10, 0], [1, 0])
