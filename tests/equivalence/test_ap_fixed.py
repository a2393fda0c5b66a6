"""netsurf.fixed against the ``ap_fixed`` headers themselves: equal integers, every mode, random formats."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from netsurf.fixed import FixedFormat, cast, quantize
from tests.ap_fixed_library import ApFixed, Assignment, draw_assignment, draw_codes, draw_doubles
from tests.strategies import OVERFLOWS, ROUNDINGS

MODES = list(itertools.product(ROUNDINGS, OVERFLOWS))
VALUES = 1_000_000
"""Values compared for each of the 28 modes."""

CORNERS = [
    Assignment(FixedFormat(13, 11), FixedFormat(1, 0, True, "RND", "SAT_SYM")),
    Assignment(FixedFormat(4, 4), FixedFormat(4, 4, True, "TRN", "SAT_SYM")),
    Assignment(FixedFormat(6, 6), FixedFormat(4, 4, False, "TRN", "SAT_SYM")),
    Assignment(FixedFormat(6, 6), FixedFormat(4, 4, False, "TRN", "WRAP")),
    Assignment(FixedFormat(3, -9), FixedFormat(4, 4, True, "RND_INF", "SAT")),
    Assignment(FixedFormat(3, 20), FixedFormat(9, 3, True, "RND", "SAT_ZERO")),
]
"""Single bits, symmetric ends, negative to unsigned, points far outside the word."""


def draw(pairs: int, seed: int) -> list[Assignment]:
    rng = np.random.default_rng(seed)
    return [draw_assignment(rng, *mode) for mode in MODES for _ in range(pairs)]


def differing(library: ApFixed, number: int, assignment: Assignment, codes: np.ndarray) -> int:
    """How many of the codes ``cast`` and ap_fixed treat differently."""
    ours = cast(codes, assignment.source.fraction, assignment.target)
    return int((ours != library.assign(number, codes)).sum())


@pytest.mark.parametrize("pairs", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_cast_equals_ap_fixed_in_every_mode(tmp_path, pairs):
    assignments = draw(pairs, seed=pairs)
    library = ApFixed(assignments, tmp_path)
    rng = np.random.default_rng(0)
    count = -(-VALUES // pairs)
    for number, assignment in enumerate(assignments):
        codes = draw_codes(rng, assignment, count)
        assert differing(library, number, assignment, codes) == 0, assignment


def test_corners_exhaustively_and_wrong_modes_are_caught(tmp_path):
    library = ApFixed(CORNERS, tmp_path, doubles=len(CORNERS))
    for number, assignment in enumerate(CORNERS):
        codes = np.arange(assignment.source.minimum, assignment.source.maximum + 1)
        assert differing(library, number, assignment, codes) == 0, assignment
        values = codes * 2.0**-assignment.source.fraction
        assert (quantize(values, assignment.target) == library.from_double(number, values)).all(), assignment
    codes = np.arange(-32, 32)
    for number, field, wrong in [(2, "overflow", "WRAP"), (3, "overflow", "SAT")]:
        changed = Assignment(CORNERS[number].source, replace(CORNERS[number].target, **{field: wrong}))
        assert differing(library, number, changed, codes) > 0, "a wrong overflow mode must be seen"


@pytest.mark.parametrize("right", ROUNDINGS)
def test_no_two_rounding_modes_are_taken_for_each_other(right):
    """Negative control for the comparison: its codes tell each rounding mode from all others."""
    rng = np.random.default_rng(1)
    target = FixedFormat(6, 6, True, right, "SAT")
    codes = draw_codes(rng, Assignment(FixedFormat(8, 6), target), 1000)
    for wrong in set(ROUNDINGS) - {right}:
        assert (cast(codes, 2, target) != cast(codes, 2, replace(target, rounding=wrong))).any(), wrong


def test_quantize_equals_assignment_of_doubles(tmp_path):
    assignments = draw(1, seed=7)
    library = ApFixed(assignments, tmp_path, doubles=len(assignments))
    rng = np.random.default_rng(2)
    for number, assignment in enumerate(assignments):
        values = draw_doubles(rng, assignment.target, 20_000)
        assert (quantize(values, assignment.target) == library.from_double(number, values)).all(), assignment
