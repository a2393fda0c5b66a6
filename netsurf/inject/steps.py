"""Steps: what happens to a sum between the accumulator and the tensor that the next layer reads.

A dense layer's sum is assigned to the accumulator's format, then to the layer's output format, then
perhaps rectified and assigned again by an activation. Each assignment is one :class:`Step`; the whole
chain is a function ``v = phi(s)`` of one integer. Where ``phi`` is monotone, an interval of ``v`` is an
interval of ``s``, and where it is exact it keeps the order of logits: the two facts that the upper rungs
of the ladder need. :func:`image` proves both, or says which step breaks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fixed import FixedFormat, Overflow, Rounding, cast
from netsurf.fixed.cast import align

Codes = NDArray[np.int64]

COLUMNS = ("rectify", "shift", "rounding", "overflow", "minimum", "maximum", "width", "signed")
"""Meaning of the columns of an encoded step, the form that compiled kernels read."""


@dataclass(frozen=True, slots=True)
class Step:
    """One assignment: negative codes to zero if ``rectify``, then a cast into ``target``.

    Parameters
    ----------
    fraction
        Fractional bits of the codes that come in.
    target
        Format assigned to.
    rectify
        Whether ``max(code, 0)`` comes first (``nnet::relu``).
    """

    fraction: int
    target: FixedFormat
    rectify: bool = False

    @property
    def shift(self) -> int:
        """Fractional bits that are dropped; negative if some are appended."""
        return self.fraction - self.target.fraction

    @property
    def minimum(self) -> int:
        """Smallest code that the overflow rule lets through; ``SAT_SYM`` of several bits has one fewer."""
        if self.target.overflow == "SAT_SYM" and self.target.width > 1:
            return max(self.target.minimum, -self.target.maximum)
        return self.target.minimum


@dataclass(frozen=True, slots=True)
class Image:
    """What a chain of steps does to the sums ``low .. high``.

    Parameters
    ----------
    low, high
        Range of the codes that come out.
    broken
        Why the chain is not monotone there, or an empty string.
    lossy
        Why the chain is not strictly increasing there, or an empty string.
    """

    low: int
    high: int
    broken: str = ""
    lossy: str = ""


def apply(steps: Iterable[Step], codes: ArrayLike) -> Codes:
    """Codes after every step.

    >>> apply([Step(2, FixedFormat(4, 4, overflow="SAT"), rectify=True)], [-9, 9, 99]).tolist()
    [0, 2, 7]
    """
    codes = np.asarray(codes, dtype=np.int64)
    for step in steps:
        codes = cast(np.maximum(codes, 0) if step.rectify else codes, step.fraction, step.target)
    return codes


def image(steps: Iterable[Step], low: int, high: int) -> Image:
    """Range, monotony and strictness of the steps on the sums ``low .. high``.

    All seven rounding rules are monotone. Of the overflow rules, ``SAT`` and ``SAT_SYM`` are monotone;
    ``WRAP`` and ``SAT_ZERO`` only where nothing overflows.

    >>> image([Step(0, FixedFormat(4, 4))], -8, 7)
    Image(low=-8, high=7, broken='', lossy='')
    >>> image([Step(0, FixedFormat(4, 4))], -8, 8).broken
    'fixed<4,4,TRN,WRAP,0> overflows on -8..8'
    """
    broken = lossy = ""
    for step in steps:
        if step.rectify:
            lossy = lossy or ("rectifies" if low < 0 else "")
            low, high = max(low, 0), max(high, 0)
        low, high = _aligned(step, low), _aligned(step, high)
        if step.shift > 0:
            lossy = lossy or f"{step.target} drops {step.shift} fractional bits"
        if step.minimum <= low and high <= step.target.maximum:
            continue
        reason = f"{step.target} overflows on {low}..{high}"
        lossy = lossy or reason
        if step.target.overflow in ("WRAP", "SAT_ZERO"):
            broken = broken or reason
            low, high = step.target.minimum, step.target.maximum
        else:
            low, high = (min(max(code, step.minimum), step.target.maximum) for code in (low, high))
    return Image(low, high, broken, lossy)


def _aligned(step: Step, code: int) -> int:
    """A code on the grid of the step's target, however many bits that takes."""
    return code << -step.shift if step.shift <= 0 else int(align(code, step.fraction, step.target))


def thresholds(steps: Sequence[Step], low: int, high: int, values: ArrayLike) -> Codes:
    """Smallest sum in ``low .. high`` whose image is at least each value, or ``high + 1`` if none is.

    Correct for monotone steps only (:func:`image`); found by bisection, unless the steps only shift.

    >>> thresholds([Step(2, FixedFormat(4, 4, overflow="SAT"), rectify=True)], -99, 99, [0, 1, 7, 8]).tolist()
    [-99, 4, 28, 100]
    """
    values = np.asarray(values, dtype=np.int64)
    if not image(steps, low, high).lossy:
        shift = -sum(step.shift for step in steps)
        return np.clip(-(-values >> shift), low, high + 1)
    below, at = np.full(values.shape, low - 1), np.full(values.shape, high + 1)
    while (at - below > 1).any():
        middle = (below + at) >> 1
        reached = (apply(steps, np.clip(middle, low, high)) >= values) & (middle >= low)
        at, below = np.where(reached, middle, at), np.where(reached, below, middle)
    return at


def encode(steps: Sequence[Step]) -> Codes:
    """Steps as ``int64 (steps, 8)``, columns as in :data:`COLUMNS`, for compiled kernels."""
    rows = [
        (
            step.rectify,
            max(min(step.shift, 62), -62),
            get_args(Rounding).index(step.target.rounding),
            get_args(Overflow).index(step.target.overflow),
            step.minimum,
            step.target.maximum,
            step.target.width,
            step.target.signed,
        )
        for step in steps
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(COLUMNS))
