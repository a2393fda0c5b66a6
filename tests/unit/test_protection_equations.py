"""The equations of docs/protection.md: each equals the sum over every pattern of upsets of a code word."""

import itertools
from math import comb

import numpy as np
import pytest

from netsurf.harden import SCHEMES
from netsurf.harden.schemes import secded
from netsurf.harden.schemes.base import Errors


def by_enumeration(scheme, width, stored, p):
    """Probability that data reads wrong without a flag, and with one."""
    entry = SCHEMES[scheme]
    size = width + entry.checks(width)
    patterns = np.arange(1 << size, dtype=np.uint64)
    full = np.uint64((1 << width) - 1)
    errors = Errors(
        patterns & full,
        patterns >> np.uint64(width),
        np.full(len(patterns), stored, dtype=np.uint64),
        np.full(len(patterns), full),
        width,
    )
    wrong, flagged = entry.decode(errors)
    upsets = np.array([int(pattern).bit_count() for pattern in patterns])
    chance = p**upsets * (1.0 - p) ** (size - upsets)
    return chance[(wrong != 0) & ~flagged].sum(), chance[(wrong != 0) & flagged].sum(), chance[flagged].sum()


@pytest.mark.parametrize("p", [1e-3, 0.01, 0.2])
def test_tmr(p):
    silent, loud, flagged = by_enumeration("tmr", 1, 1, p)
    assert silent + loud == pytest.approx(3 * p**2 - 2 * p**3)
    assert silent == pytest.approx(p**3)
    assert flagged == pytest.approx(1 - p**3 - (1 - p) ** 3)


@pytest.mark.parametrize(("p", "width"), list(itertools.product([1e-3, 0.01, 0.2], [1, 3, 6])))
def test_dmr(p, width):
    silent, loud, flagged = by_enumeration("dmr", width, (1 << width) - 1, p)
    equal = ((1 - p) ** 2 + p**2) ** width
    assert silent == pytest.approx(equal - (1 - p) ** (2 * width))
    assert flagged == loud == pytest.approx(1 - equal)


@pytest.mark.parametrize(("p", "width"), list(itertools.product([1e-3, 0.01, 0.2], [1, 3, 6])))
def test_parity(p, width):
    silent, loud, flagged = by_enumeration("parity", width, (1 << width) - 1, p)
    even = (1 + (1 - 2 * p) ** (width + 1)) / 2
    assert silent == pytest.approx(even - (1 - p) ** (width + 1))
    assert flagged == loud == pytest.approx(1 - even)


@pytest.mark.parametrize("width", [4, 6, 8, 11])
def test_secded(width):
    p, checks = 1e-4, secded.checks(width)
    silent, loud, _ = by_enumeration("secded", width, 0, p)
    pairs = comb(width + checks, 2) - comb(checks, 2)
    assert silent + loud == pytest.approx(pairs * p**2, rel=30 * width * p)
    assert silent < 10 * comb(width + checks, 4) * p**4
