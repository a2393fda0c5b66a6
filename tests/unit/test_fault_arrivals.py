"""Sparse Bernoulli draws: the right law, nested in the rate, and independent of how far was drawn."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from netsurf.errors import FaultError
from netsurf.fault import arrivals as module
from netsurf.fault.arrivals import arrivals, dose
from netsurf.fault.sample import generator

SIZE = 4000


def draws(ber, upto, faults=300, seed=1):
    return [arrivals(SIZE, upto, generator(seed, i)).upset(ber) for i in range(faults)]


@pytest.mark.parametrize("ber", [1e-3, 0.05, 0.5, 0.9])
def test_counts_are_binomial(ber):
    counts = np.array([len(d) for d in draws(ber, ber)])
    law = stats.binom(SIZE, ber)
    assert stats.chi2(300).cdf(((counts - law.mean()) ** 2).sum() / law.var()) == pytest.approx(
        0.5, abs=0.499
    )
    assert abs(counts.mean() - law.mean()) < 4 * law.std() / np.sqrt(300)


def test_every_bit_is_hit_equally_often_and_bits_are_independent():
    hits = np.zeros((300, SIZE), bool)
    for row, drawn in zip(hits, draws(0.3, 0.3), strict=True):
        row[drawn] = True
    assert stats.chisquare(hits.sum(axis=0)).pvalue > 1e-3
    pairs = (hits[:, :-1] & hits[:, 1:]).mean()
    assert pairs == pytest.approx(0.09, abs=4 * np.sqrt(0.09 * 0.91 / hits.size))


def test_lower_rates_are_subsets_and_do_not_depend_on_the_limit():
    rates = [0.0, 1e-3, 0.01, 0.1, 0.4, 1.0]
    whole = arrivals(SIZE, 0.5, generator(3, 9))
    nested = [set(whole.upset(ber).tolist()) for ber in rates]
    assert all(a <= b for a, b in pairwise(nested))
    assert not nested[0]
    assert len(nested[-1]) == SIZE
    alone = [set(arrivals(SIZE, ber, generator(3, 9)).upset(ber).tolist()) for ber in rates]
    assert alone == nested


def test_sparse_and_dense_bookkeeping_agree(monkeypatch):
    expected = [d.tolist() for d in draws(0.1, 0.1, faults=5)]
    for ratio in (1, 10**9):
        monkeypatch.setattr(module, "DENSE", ratio)
        assert [d.tolist() for d in draws(0.1, 0.1, faults=5)] == expected


def test_rates_outside_what_was_drawn_are_refused():
    with pytest.raises(FaultError, match="no probability"):
        dose(1.5)
    with pytest.raises(FaultError, match="drawn to dose"):
        arrivals(SIZE, 0.01, generator(1, 1)).upset(0.5)
