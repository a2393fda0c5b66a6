"""The stored bits of a code, in two's complement. Bit 0 is the least significant."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fixed.format import FixedFormat

Codes = NDArray[np.int64]


def to_unsigned(codes: ArrayLike, width: int) -> Codes:
    """Low ``width`` bits of each code, as a non-negative integer.

    >>> to_unsigned([-1, 5], 6).tolist()
    [63, 5]
    """
    return np.asarray(codes, dtype=np.int64) & ((1 << width) - 1)


def to_signed(bits: ArrayLike, width: int) -> Codes:
    """``width``-bit patterns read as two's complement.

    >>> to_signed([63, 5], 6).tolist()
    [-1, 5]
    """
    sign = 1 << (width - 1)
    return (np.asarray(bits, dtype=np.int64) ^ sign) - sign


def get_bit(codes: ArrayLike, bit: ArrayLike) -> Codes:
    """Bit ``bit`` of each code: 0 or 1.

    >>> get_bit([-32, 31], 5).tolist()
    [1, 0]
    """
    return (np.asarray(codes, dtype=np.int64) >> np.asarray(bit, dtype=np.int64)) & 1


def flip_delta(codes: ArrayLike, bit: ArrayLike, target: FixedFormat) -> Codes:
    """Change of the code when its stored bit ``bit`` is upset.

    ``+2**bit`` where the bit is 0 and ``-2**bit`` where it is 1, with the opposite sign for the
    sign bit. Deltas of several bits of one word add exactly.

    >>> flip_delta([0, 1, 0, -32], [0, 0, 5, 5], FixedFormat(6, 1)).tolist()
    [1, -1, -32, 32]
    """
    bit = np.asarray(bit, dtype=np.int64)
    step = np.left_shift(np.int64(1), bit)
    weight = np.where(target.signed & (bit == target.width - 1), -step, step)
    return weight * (1 - 2 * get_bit(codes, bit))


def flip_bit(codes: ArrayLike, bit: ArrayLike, target: FixedFormat) -> Codes:
    """Codes after an upset of their stored bit ``bit``.

    >>> flip_bit([0, 31], 5, FixedFormat(6, 1)).tolist()
    [-32, -1]
    """
    return np.asarray(codes, dtype=np.int64) + flip_delta(codes, bit, target)
