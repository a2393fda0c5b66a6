"""Matrix products of the reference executor: exact, by floats where that is proved and by integers beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from netsurf.ir.kinds import sums


def by_hand(x, kernel) -> list[list[int]]:
    """The product in Python's integers, which have no end."""
    return [
        [sum(int(a) * int(w) for a, w in zip(row, column, strict=True)) for column in kernel.T] for row in x
    ]


@given(data=st.data(), bits=st.sampled_from([2, 8, 10, 12, 13, 20, 26, 28, 29]))
def test_products_of_any_size_are_exact(data, bits):
    """Around 2**24 and 2**53, where one floating-point type after the other ends."""
    rows, terms, columns = (data.draw(st.integers(0, most)) for most in (3, 5, 3))
    codes = st.integers(-(1 << bits), 1 << bits)
    x = data.draw(arrays.arrays(np.int64, (rows, terms), elements=codes))
    kernel = data.draw(arrays.arrays(np.int64, (terms, columns), elements=codes))
    found = sums.product(x, kernel)
    assert found.dtype == np.int64
    assert found.shape == (rows, columns)
    assert found.tolist() == by_hand(x, kernel)


@pytest.mark.parametrize("bits", [24, 53])
def test_the_first_number_that_floats_do_not_hold(bits):
    x, kernel = np.array([[1, 1]]), np.array([[1 << bits], [1]])
    assert sums.product(x, kernel).tolist() == [[(1 << bits) + 1]]


@pytest.mark.parametrize(("bits", "limits"), [(24, (1 << 25, 1 << 53)), (53, (1 << 24, 1 << 54))])
def test_a_bound_twice_as_large_is_noticed(bits, limits, monkeypatch):
    wrong = tuple((real, limit) for (real, _), limit in zip(sums.FLOATS, limits, strict=True))
    monkeypatch.setattr(sums, "FLOATS", wrong)
    assert sums.product(np.array([[1, 1]]), np.array([[1 << bits], [1]])).tolist() == [[1 << bits]]
