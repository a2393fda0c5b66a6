"""Rank correlations equal scipy's and a count of pairs; overlaps equal sets; intervals cover."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from netsurf.errors import UnknownNameError, UsageError
from netsurf.rank.compare import compare, correlation_table, discordant, kendall, places, spearman

permutations = st.integers(2, 40).flatmap(lambda n: st.permutations(range(n)))


@given(permutations)
def test_discordant_pairs_are_those_counted_out(permutation):
    expected = [0] * len(permutation)
    for one, two in combinations(permutation, 2):
        expected[one] += one > two
        expected[two] += one > two
    assert discordant(np.array(permutation)).tolist() == expected


@given(permutations)
def test_correlations_equal_scipys(permutation):
    order = list(range(len(permutation)))
    assert spearman(order, permutation).value == pytest.approx(stats.spearmanr(order, permutation).statistic)
    assert kendall(order, permutation).value == pytest.approx(stats.kendalltau(order, permutation).statistic)


def test_correlations_take_any_numbers_that_differ():
    left, right = np.random.default_rng(0).normal(size=(2, 500))
    assert spearman(left, right).value == pytest.approx(stats.spearmanr(left, right).statistic)
    assert kendall(left, right).value == pytest.approx(stats.kendalltau(left, right).statistic)
    shifted = (left * 1e6).astype(np.int64) - 10**9
    assert kendall(shifted, right).value == pytest.approx(stats.kendalltau(shifted, right).statistic)


@pytest.mark.parametrize(("estimate", "truth"), [(spearman, "spearman"), (kendall, "kendall")])
def test_intervals_cover_the_correlation_of_the_population(estimate, truth):
    rho = 0.5  # of a bivariate normal, whose rank correlations are known
    expected = {"spearman": 6 / np.pi * np.arcsin(rho / 2), "kendall": 2 / np.pi * np.arcsin(rho)}[truth]
    rng, hits, runs = np.random.default_rng(1), 0, 400
    for _ in range(runs):
        left, noise = rng.normal(size=(2, 120))
        found = estimate(left, rho * left + np.sqrt(1 - rho**2) * noise)
        hits += found.low <= expected <= found.high
    assert 0.91 * runs <= hits <= 0.99 * runs


def rankings(seed=0, size=200):
    rng = np.random.default_rng(seed)
    bits = np.arange(10, 10 + size)
    noisy = bits[np.argsort(np.arange(size) + rng.normal(0, 40, size))]
    return {"a": bits, "b": noisy, "c": rng.permutation(bits)}


def test_overlap_and_correlations_of_the_common_top_equal_sets_and_scipy():
    drawn = rankings()
    for row in compare(drawn, "a", levels=[0.05, 0.25, 1.0]):
        top, base = drawn[row.method][: row.bits].tolist(), drawn["a"][: row.bits].tolist()
        both = [bit for bit in base if bit in top]
        assert row.jaccard.value == pytest.approx(len(both) / len(set(top) | set(base)))
        assert row.dice.value == pytest.approx(len(both) / row.bits)
        if len(both) < 2:
            assert row.spearman is None
            assert row.kendall is None
            continue
        where = [top.index(bit) for bit in both]
        assert row.spearman.value == pytest.approx(stats.spearmanr(range(len(both)), where).statistic)
        assert row.kendall.value == pytest.approx(stats.kendalltau(range(len(both)), where).statistic)


def test_of_very_many_bits_a_sample_is_correlated(monkeypatch):
    many = rankings(size=4000)
    whole = {row.method: row for row in compare(many, "a", levels=(1.0,))}
    monkeypatch.setattr("netsurf.rank.compare.MOST", 1000)
    for row in compare(many, "a", levels=(1.0,)):
        expected = whole[row.method]
        assert row.jaccard == expected.jaccard
        assert row.spearman.low <= expected.spearman.value <= row.spearman.high
        assert row.kendall.low <= expected.kendall.value <= row.kendall.high
        same = row.method == "a"
        assert (row.kendall.value == expected.kendall.value) == same
        assert (row.kendall.high - row.kendall.low > expected.kendall.high - expected.kendall.low) != same


def test_equal_rankings_agree_fully_and_permuted_ones_do_not():
    drawn = rankings()
    for row in compare({"a": drawn["a"], "same": drawn["a"].copy()}, "a"):
        assert (row.jaccard.value, row.dice.value, row.spearman.value, row.kendall.value) == (1, 1, 1, 1)
    swapped = drawn["a"].copy()
    swapped[[3, 150]] = swapped[[150, 3]]
    rows = compare({"a": drawn["a"], "swapped": swapped}, "a", levels=[0.1, 1.0])[2:]
    assert rows[0].jaccard.value < 1
    assert rows[1].kendall.value < 1


def test_bootstrap_intervals_cover_the_overlap_of_the_population():
    rng, hits, runs = np.random.default_rng(3), 0, 300
    both, one, neither = 0.2, 0.2, 0.6  # chance that a bit is in both tops, in one, in none
    for _ in range(runs):
        kind = rng.multinomial(400, [both, one / 2, one / 2, neither])
        only = (kind[1] + kind[2]) // 2
        bits = kind[0] + only
        a = np.concatenate([np.arange(bits), np.arange(bits, 400)])
        inside = np.concatenate([np.arange(kind[0]), np.arange(bits, bits + only)])
        b = np.concatenate([inside, np.setdiff1d(np.arange(400), inside)])
        row = compare({"a": a, "b": b}, "a", levels=[bits / 400], resamples=200)[1]
        hits += row.jaccard.low <= both / (both + one) <= row.jaccard.high
    assert hits >= 0.9 * runs


def test_every_pair_of_rankings():
    table = correlation_table(rankings())
    assert set(table) == {("b", "a"), ("c", "a"), ("c", "b")}
    assert table["b", "a"][0].value > 0.5 > table["c", "a"][0].value


def test_rankings_that_cannot_be_compared():
    with pytest.raises(UnknownNameError, match="unknown baseline ranking 'd'"):
        compare(rankings(), "d")
    with pytest.raises(UsageError, match=r"level 1.5 is outside"):
        compare(rankings(), "a", levels=[1.5])
    with pytest.raises(UsageError, match="ranking 'b' is of 2 other bits"):
        places({"a": [1, 2, 3], "b": [1, 2]})
    with pytest.raises(UsageError, match="ranking 'b' names a bit twice"):
        places({"b": [1, 1]})
