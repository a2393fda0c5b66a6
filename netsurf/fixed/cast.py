"""Casts between formats, with every rounding and overflow mode of ``ap_fixed``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fixed.bits import to_signed, to_unsigned
from netsurf.fixed.format import FixedFormat

Codes = NDArray[np.int64]

# Each rule says when the truncated code must be raised by one, from: the code before
# (its sign), the truncated code, the dropped remainder and half a step.
_ROUND_UP: dict[str, Callable[[Codes, Codes, Codes, int], NDArray[np.bool_]]] = {
    "TRN": lambda code, floor, rest, half: np.zeros(code.shape, dtype=bool),
    "TRN_ZERO": lambda code, floor, rest, half: (code < 0) & (rest != 0),
    "RND": lambda code, floor, rest, half: rest >= half,
    "RND_ZERO": lambda code, floor, rest, half: (rest > half) | ((rest == half) & (code < 0)),
    "RND_INF": lambda code, floor, rest, half: (rest > half) | ((rest == half) & (code >= 0)),
    "RND_MIN_INF": lambda code, floor, rest, half: rest > half,
    "RND_CONV": lambda code, floor, rest, half: (rest > half) | ((rest == half) & (floor & 1 == 1)),
}


def align(codes: ArrayLike, fraction: int, target: FixedFormat) -> Codes:
    """Move codes with ``fraction`` fractional bits to the grid of ``target``, rounding as it says.

    >>> align([5, 6, 7, -6], 2, FixedFormat(8, 8, rounding="RND_CONV")).tolist()
    [1, 2, 2, -2]
    """
    codes = np.asarray(codes, dtype=np.int64)
    shift = fraction - target.fraction
    if shift <= 0:
        return _lift(codes, -shift, target)
    shift = min(shift, 62)
    floor = codes >> shift
    rest = codes - (floor << shift)
    return floor + _ROUND_UP[target.rounding](codes, floor, rest, 1 << (shift - 1))


def _lift(codes: Codes, shift: int, target: FixedFormat) -> Codes:
    """``codes * 2**shift``, kept inside 64 bits where the target saturates or wraps all the same."""
    if target.overflow != "WRAP":
        limit = 1 << max(62 - shift, 0)
        codes = np.clip(codes, -limit, limit)
    return codes << min(shift, 62)


def _wrap(codes: Codes, target: FixedFormat) -> Codes:
    bits = to_unsigned(codes, target.width)
    return to_signed(bits, target.width) if target.signed else bits


_OVERFLOW: dict[str, Callable[[Codes, FixedFormat], Codes]] = {
    "WRAP": _wrap,
    "SAT": lambda codes, target: np.clip(codes, target.minimum, target.maximum),
    "SAT_ZERO": lambda codes, target: np.where((codes < target.minimum) | (codes > target.maximum), 0, codes),
    "SAT_SYM": lambda codes, target: np.clip(codes, _symmetric_minimum(target), target.maximum),
}


def _symmetric_minimum(target: FixedFormat) -> int:
    """``-maximum``, but one signed bit keeps -1, its only code beside 0 (as ``ap_fixed`` has it)."""
    return max(target.minimum, -target.maximum) if target.width > 1 else target.minimum


def cast(codes: ArrayLike, fraction: int, target: FixedFormat) -> Codes:
    """Assign codes that have ``fraction`` fractional bits to ``target``, exactly as ``ap_fixed`` does.

    Rounding comes first, then overflow; the source is Xilinx UG902, "Arbitrary Precision
    Fixed-Point Data Types", and the ``ap_types`` headers that hls4ml carries, against which
    ``tests/equivalence/test_ap_fixed.py`` compares every mode.

    Parameters
    ----------
    codes
        Integers of any shape, at most 62 bits.
    fraction
        Fractional bits of ``codes``.
    target
        Format that is assigned to.

    Returns
    -------
    ``int64`` codes of ``target``, same shape.

    >>> cast([100, -100, 3], 2, FixedFormat(4, 4, overflow="SAT")).tolist()
    [7, -8, 0]
    """
    return _OVERFLOW[target.overflow](align(codes, fraction, target), target)


def assign(codes: ArrayLike, source: FixedFormat, target: FixedFormat) -> Codes:
    """Assign codes of format ``source`` to ``target``: a cast, or a copy of the bits if they are one type.

    They differ for one code: an upset can make the smallest code in a symmetrically saturating
    format, and an assignment of the type to itself does not look at it.

    >>> symmetric = FixedFormat(4, 4, overflow="SAT_SYM")
    >>> assign([-8], symmetric, symmetric).tolist(), cast([-8], 0, symmetric).tolist()
    ([-8], [-7])
    """
    if source == target:
        return np.asarray(codes, dtype=np.int64)
    return cast(codes, source.fraction, target)


def quantize(values: ArrayLike, target: FixedFormat) -> Codes:
    """Real numbers to codes of ``target``: round as it says, then overflow as it says.

    >>> quantize([0.3, -2.0], FixedFormat(6, 1, rounding="RND_CONV", overflow="SAT")).tolist()
    [10, -32]
    """
    guard = 8  # fractional bits kept beyond the target's, and one that stands for all bits below
    scaled = np.asarray(values, dtype=np.float64) * 2.0 ** (target.fraction + guard)
    limit = 2.0**60
    floor = np.floor(np.clip(scaled, -limit, limit))
    sticky = (floor != scaled).astype(np.int64)
    codes = (floor.astype(np.int64) << 1) | sticky
    return cast(codes, target.fraction + guard + 1, target)


def to_real(codes: ArrayLike, fraction: int) -> NDArray[np.float64]:
    """Codes with ``fraction`` fractional bits as real numbers.

    >>> to_real([10, -32], 5).tolist()
    [0.3125, -1.0]
    """
    return np.asarray(codes, dtype=np.float64) * 2.0**-fraction
