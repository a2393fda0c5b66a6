"""``secded``: a Hamming code and a parity bit; one upset is corrected, two are detected.

R. W. Hamming, "Error Detecting and Error Correcting Codes", Bell System Technical Journal 29(2), 1950. Data
bit ``j`` has the ``j``-th position that is no power of two (3, 5, 6, 7, 9, ...), check bit ``i`` position
``2**i``; the last check bit makes the parity of the whole code word even. The syndrome is the sum modulo 2
of the positions that are upset.

Whatever is not corrected is read as it is stored: two wrong bits hurt less than a whole word of zeros.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from netsurf.harden.schemes.base import CHECK, LARGEST, Decoded, Errors, Option, Scheme, Words, odd


def syndrome_bits(width: int) -> int:
    """Hamming check bits: the least ``r`` with ``2**r >= width + r + 1``.

    >>> [syndrome_bits(n) for n in (1, 4, 6, 11, 26, 57, 64)]
    [2, 3, 4, 4, 5, 6, 7]
    """
    return next(r for r in range(2, 8) if 1 << r >= width + r + 1)


def checks(width: int) -> int:
    """Check bits of ``width`` data bits: the syndrome's and the parity.

    >>> checks(64), checks(6)
    (8, 5)
    """
    return syndrome_bits(width) + 1


@cache
def positions(width: int) -> tuple[int, ...]:
    """Position of each data bit in the Hamming code.

    >>> positions(5)
    (3, 5, 6, 7, 9)
    """
    return tuple(p for p in range(3, 2 * LARGEST) if p & (p - 1))[:width]


@cache
def rows(width: int) -> tuple[int, ...]:
    """Data bits that each check bit sums, as masks.

    >>> [f"{row:04b}" for row in rows(4)]
    ['1011', '1101', '1110']
    """
    return tuple(
        sum(1 << j for j, p in enumerate(positions(width)) if p >> i & 1) for i in range(syndrome_bits(width))
    )


@cache
def _flips(width: int) -> Words:
    """Data bit that each syndrome accuses, as a mask; 0 where it accuses none."""
    table = np.zeros(1 << syndrome_bits(width), dtype=np.uint64)
    table[list(positions(width))] = np.uint64(1) << np.arange(width, dtype=np.uint64)
    return table


def _sums(data: Words, width: int) -> NDArray[np.int64]:
    total = np.zeros(len(data), dtype=np.int64)
    for i, row in enumerate(rows(width)):
        total |= odd(data & np.uint64(row)).astype(np.int64) << i
    return total


def encode(data: Words, width: int) -> Words:
    """Check bits: Hamming's, then the parity of data and Hamming bits."""
    hamming = _sums(data, width).astype(np.uint64)
    parity = (odd(data) ^ odd(hamming)).astype(np.uint64)
    return hamming | parity << np.uint64(syndrome_bits(width))


def _syndrome(errors: Errors) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Syndrome of each code word, and whether its parity is odd."""
    mask = np.uint64((1 << syndrome_bits(errors.width)) - 1)
    hamming = (errors.check & mask).astype(np.int64)
    return _sums(errors.data, errors.width) ^ hamming, odd(errors.data) ^ odd(errors.check)


def decode(errors: Errors) -> Decoded:
    """Correct one upset, detect two; more than two may be taken for one."""
    syndrome, single = _syndrome(errors)
    corrected = np.where(single, _flips(errors.width)[syndrome], np.uint64(0)) & errors.cover
    return errors.data ^ corrected, single | (syndrome != 0)


def repair(errors: Errors) -> tuple[Words, Words]:
    """Data and check bits with the accused one inverted, wherever the parity says that it is one."""
    syndrome, single = _syndrome(errors)
    is_check = (syndrome & (syndrome - 1)) == 0
    place = np.where(syndrome == 0, 1 << syndrome_bits(errors.width), syndrome)  # 0 accuses the parity bit
    check = np.where(single & is_check, place, 0).astype(np.uint64)
    return decode(errors)[0], errors.check ^ check


WORD = Option(LARGEST, 1, LARGEST, "data bits of a code word, at most; one element at least")

SCHEME = Scheme(
    name="secded",
    title="Hamming code and parity over neighbouring elements; corrects one upset, detects two",
    unit="element",
    first_class=CHECK,
    checks=checks,
    encode=encode,
    decode=decode,
    options={"word": WORD},
    repair=repair,
)
