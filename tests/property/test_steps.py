"""Steps: what is proved about a chain of casts, against every sum of a range."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netsurf.inject.portable import cast_one
from netsurf.inject.portable_chain import step_row
from netsurf.inject.steps import Step, apply, encode, image, thresholds
from tests.strategies import formats

RANGE = st.tuples(st.integers(-300, 300), st.integers(0, 400)).map(lambda pair: (pair[0], sum(pair)))


@st.composite
def chains(draw):
    """One to three steps, each from the grid that the one before leaves."""
    steps, fraction = [], draw(st.integers(-2, 6))
    for _ in range(draw(st.integers(1, 3))):
        steps.append(Step(fraction, draw(formats((1, 10))), draw(st.booleans())))
        fraction = steps[-1].target.fraction
    return tuple(steps)


@settings(deadline=None)
@given(chains(), RANGE)
def test_the_image_holds_every_value(steps, edges):
    proved, values = image(steps, *edges), apply(steps, np.arange(edges[0], edges[1] + 1))
    assert proved.low <= values.min() <= values.max() <= proved.high
    if not proved.broken:
        assert (np.diff(values) >= 0).all()
        assert (values[0], values[-1]) == (proved.low, proved.high)
    if not proved.lossy:
        assert (np.diff(values) > 0).all()


@settings(deadline=None, max_examples=300)
@given(chains(), RANGE)
def test_a_chain_is_called_broken_only_where_a_step_can_overflow(steps, edges):
    """A refusal names a format that wraps or saturates to zero."""
    broken = image(steps, *edges).broken
    assert not broken or any(
        str(s.target) in broken and s.target.overflow in ("WRAP", "SAT_ZERO") for s in steps
    )


@settings(deadline=None)
@given(chains(), RANGE)
def test_thresholds_are_the_first_sums_of_their_values(steps, edges):
    if image(steps, *edges).broken:
        return
    sums = np.arange(edges[0], edges[1] + 1)
    values = apply(steps, sums)
    wanted = np.arange(values.min() - 2, values.max() + 3)
    expected = [edges[0] + int((values < value).sum()) for value in wanted]
    assert thresholds(steps, *edges, wanted).tolist() == expected


@settings(deadline=None)
@given(chains(), RANGE)
def test_compiled_steps_are_the_casts(steps, edges):
    sums = np.arange(edges[0], edges[1] + 1)
    row, encoded = sums.copy(), encode(steps)
    for step in encoded:
        step_row(row, len(row), step)
    expected = apply(steps, sums)
    assert row.tolist() == expected.tolist()
    assert [cast_one(code, encoded) for code in sums] == expected.tolist()


def test_a_wrong_rounding_is_seen():
    """Negative control: another rule than the one encoded gives another row."""
    steps = (Step(2, parse("RND_CONV")),)
    encoded = encode(steps)
    encoded[0, 2] = 0
    row = np.arange(-20, 20)
    step_row(row, len(row), encoded[0])
    assert row.tolist() != apply(steps, np.arange(-20, 20)).tolist()


def parse(rounding: str):
    """An 8-bit integer format with a rounding rule."""
    from netsurf.fixed import FixedFormat

    return FixedFormat(8, 8, rounding=rounding)
