"""Bits of codes, and casts, for every code of every scheme of up to ten bits and for drawn formats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsurf.fixed import (
    FixedFormat,
    assign,
    cast,
    flip_bit,
    flip_delta,
    get_bit,
    parse_format,
    parse_scheme,
    quantize,
    to_real,
    to_signed,
    to_unsigned,
)
from tests.strategies import formats

SCHEMES = [
    f"q<{bits},{integer},{signed}>"
    for bits in range(1, 11)
    for signed in (0, 1)
    for integer in range(bits - signed + 1)
]


def all_codes(target: FixedFormat) -> np.ndarray:
    return np.arange(target.minimum, target.maximum + 1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_flip_is_xor_on_the_pattern_for_every_code(scheme):
    target = parse_scheme(scheme)
    codes = all_codes(target)
    for bit in range(target.width):
        pattern = to_unsigned(codes, target.width) ^ (1 << bit)
        expected = to_signed(pattern, target.width) if target.signed else pattern
        flipped = flip_bit(codes, bit, target)
        assert (flipped == expected).all()
        assert (flipped == codes + flip_delta(codes, bit, target)).all()
        assert (get_bit(flipped, bit) == 1 - get_bit(codes, bit)).all()
        assert (flip_bit(flipped, bit, target) == codes).all()
        assert flipped.min() >= target.minimum
        assert flipped.max() <= target.maximum


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_code_of_every_scheme_makes_the_round_trip(scheme):
    target = parse_scheme(scheme)
    codes = all_codes(target)
    assert (quantize(to_real(codes, target.fraction), target) == codes).all()
    assert (cast(codes, target.fraction, target) == codes).all()
    if target.signed:
        assert (to_signed(to_unsigned(codes, target.width), target.width) == codes).all()


@given(formats(widths=(1, 12)))
def test_names_make_the_round_trip(target):
    assert parse_format(str(target)) == target
    assert parse_format(str(target).replace(",TRN", ",AP_TRN")) == target


@given(formats(widths=(1, 12)), formats(widths=(1, 12)))
def test_casts_stay_in_range_and_are_idempotent(source, target):
    once = cast(all_codes(source), source.fraction, target)
    assert once.min() >= target.minimum
    assert once.max() <= target.maximum
    assert (cast(once, target.fraction, target) == once).all()
    if source != target:
        assert (assign(all_codes(source), source, target) == once).all()


@given(formats(widths=(1, 10)), formats(widths=(1, 10), overflows=("SAT",)))
def test_a_saturating_cast_is_monotone_and_within_one_step(source, target):
    codes = all_codes(source)
    result = cast(codes, source.fraction, target)
    assert (np.diff(result) >= 0).all()
    exact = np.clip(
        to_real(codes, source.fraction),
        to_real(target.minimum, target.fraction),
        to_real(target.maximum, target.fraction),
    )
    assert (np.abs(to_real(result, target.fraction) - exact) < 2.0**-target.fraction).all()


@given(formats(widths=(1, 10)), st.integers(0, 2**32 - 1))
def test_quantize_is_cast_of_a_finer_grid(target, seed):
    """Two ways to the same code: reals on a fine grid, and integers on that grid."""
    fine = np.random.default_rng(seed).integers(-(2**14), 2**14, 200)
    fraction = target.fraction + 3
    assert (quantize(to_real(fine, fraction), target) == cast(fine, fraction, target)).all()
