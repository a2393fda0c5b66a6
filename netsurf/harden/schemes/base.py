"""What a protection scheme must say about itself.

A scheme guards *code words*: some data bits that are read together, and check bits that are stored beside
them. Data and check bits of a code word are the bits of one ``uint64`` each, so that everything here works on
whole arrays of code words. The scheme says what the check bits hold, and what a reader makes of upsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""Code words: data bit ``p``, or check bit ``k``, is bit ``p`` or ``k`` of a number."""

LARGEST = 64
"""Most data bits of a code word."""

COPY, CHECK = 1, 3
"""First class of check bits: copies of the data are replicas 1 and 2, all other check bits come after."""


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Upsets of code words of one width.

    Parameters
    ----------
    data, check
        Data and check bits that are inverted.
    stored
        Fault-free data.
    cover
        Data positions that exist; the others are no stored bits and read as 0.
    width
        Data positions of each code word.
    """

    data: Words
    check: Words
    stored: Words
    cover: Words
    width: int


Decoded = tuple[Words, NDArray[np.bool_]]
"""Data bits that read inverted, and whether the checker raises its flag."""


@dataclass(frozen=True, slots=True)
class Option:
    """A whole number that a plan may choose for a scheme: default, smallest, largest, and what it is."""

    default: int
    low: int
    high: int
    what: str


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to protect stored bits.

    Parameters
    ----------
    name
        As a plan writes it.
    title
        What it does, in one line.
    unit
        The least that it takes: a single stored ``bit``, or a whole ``element``.
    first_class
        Class of the first check bit (see :mod:`netsurf.fault.space`).
    checks
        ``checks(width)``: check bits of a code word of ``width`` data positions.
    encode
        ``encode(data, width)``: check bits of fault-free data.
    decode
        ``decode(errors)``: what the reader makes of upsets.
    scrubs
        Whether the corrected value is written back, word after word.
    options
        What a plan may set.
    repair
        ``repair(errors)``: data and check bits that are inverted after a code word was corrected and written
        back; None for schemes that do not correct.
    """

    name: str
    title: str
    unit: Literal["bit", "element"]
    first_class: int
    checks: Callable[[int], int]
    encode: Callable[[Words, int], Words]
    decode: Callable[[Errors], Decoded]
    scrubs: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)
    repair: Callable[[Errors], tuple[Words, Words]] | None = None

    def word_bits(self, options: Mapping[str, int]) -> int:
        """Most data bits of a code word of several elements; 0 if every unit is a code word of its own."""
        return options.get("word", 0)


def odd(words: Words) -> NDArray[np.bool_]:
    """Whether an odd number of bits is set.

    >>> odd(np.array([0, 1, 3, 7], dtype=np.uint64)).tolist()
    [False, True, False, True]
    """
    folded = words.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        folded ^= folded >> np.uint64(shift)
    return (folded & np.uint64(1)).astype(bool)


def zeroed(errors: Errors, flagged: NDArray[np.bool_]) -> Words:
    """Inverted bits where a flagged code word reads as zero: the bits that are 1."""
    return np.where(flagged, errors.stored, errors.data)


PERIOD = Option(1024, 1, 1 << 24, "clock cycles from refreshing one word of the store to refreshing the next")
