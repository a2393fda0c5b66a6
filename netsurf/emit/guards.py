"""Schemes of a store: masks and sizes of its cells, where its check bits are, and what they hold.

The check bank of a store has a word for each of its words. If any element has a parity bit, the first bits
are one for each element; behind them each row of code words has room for all of its code words' check bits,
in order. Rooms that no code word fills do not exist in hardware.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import Store, StoreGuard, StoreScheme
from netsurf.harden import Assignment, DesignPoint
from netsurf.harden.assign import numbers, ranges
from netsurf.harden.guard import CodeWords, Shape, code_words, elements_together
from netsurf.harden.schemes.base import COPY

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]

VOTED = ("tmr", "tmr_scrub")


@dataclass(frozen=True, slots=True, eq=False)
class Protection:
    """How the bits of one tensor are protected.

    Parameters
    ----------
    width
        Bits of an element.
    elements, row
        Elements of the tensor, and of its last axis.
    schemes
        Assignments with bits that count from the tensor's first one.
    """

    width: int
    elements: int
    row: int
    schemes: tuple[Assignment, ...]

    def mask(self, *names: str) -> Mask:
        """``(elements, width)``: bits under one of the schemes."""
        mask = np.zeros(self.elements * self.width, dtype=bool)
        for assignment in self.schemes:
            if assignment.scheme in names:
                mask[assignment.bits] = True
        return mask.reshape(-1, self.width)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but ``tmr``."""
        return all(assignment.scheme == "tmr" for assignment in self.schemes)


def protections(design: DesignPoint) -> Mapping[str, Protection]:
    """Tensor to its protection."""
    found = {}
    for name, offset in design.space.offsets.items():
        parameter = design.network.parameters[name]
        here = []
        for assignment in design.plan.assignments:
            local = assignment.bits - offset
            local = local[(local >= 0) & (local < parameter.stored_bits)]
            if len(local):
                here.append(Assignment(assignment.scheme, local, assignment.options))
        size, row = parameter.codes.size, parameter.codes.shape[-1]
        found[name] = Protection(parameter.format.width, size, row, tuple(here))
    return found


@dataclass(frozen=True, slots=True)
class Codes:
    """Sizes of the code words of a store; all 0 if it has none.

    Parameters
    ----------
    data, checks
        Data and check bits of a full code word.
    words
        Code words of a row, the shorter one at its end included.
    scrubs
        Whether they are written back.
    """

    data: int = 0
    checks: int = 0
    words: int = 0
    scrubs: bool = False


def codes_of(schemes: Sequence[Assignment], width: int, row: int) -> Codes:
    """The code words of a store whose schemes these are."""
    for assignment in schemes:
        if "word" in assignment.options:
            together = elements_together(assignment, width, row)
            checks = assignment.entry.checks(together * width)
            return Codes(together * width, checks, -(-row // together), assignment.entry.scrubs)
    return Codes()


def check_width(protection: Protection, per_word: int) -> int:
    """Bits of a word of the check bank, rooms that stay empty included; 0 if there is no check bit."""
    codes = codes_of(protection.schemes, protection.width, protection.row)
    parity = per_word if protection.mask("parity").any() else 0
    return parity + per_word // protection.row * codes.words * codes.checks


def extra_bits(protection: Protection) -> int:
    """Copies and check bits that are stored, replicas of triplicated bits not included."""
    shape = Shape("", 0, protection.width, protection.elements, protection.row)
    held = np.zeros(protection.elements * protection.width, dtype=np.int64)
    groups = [
        group
        for assignment in protection.schemes
        if assignment.entry.unit == "element"
        for group in code_words(assignment, shape, held)
    ]
    return sum(len(group) * group.checks for group in groups)


def describe(protection: Protection) -> tuple[StoreScheme, ...]:
    """The schemes of a store as ``design.json`` holds them."""
    return tuple(StoreScheme(a.scheme, dict(a.options), ranges(a.bits)) for a in protection.schemes)


def assignments(guard: StoreGuard) -> tuple[Assignment, ...]:
    """The inverse of :func:`describe`."""
    return tuple(Assignment(s.scheme, numbers(s.ranges), s.options) for s in guard.schemes)


def bank_mask(store: Store, bank: int) -> Mask:
    """Which bits of bank B (1) or C (2) of a guarded store exist: ``(words, word_width)``."""
    mask = np.zeros(store.bits, dtype=bool)
    for assignment in assignments(store.guard) if store.guard else ():
        if assignment.scheme in VOTED or (bank == COPY and assignment.scheme == "dmr"):
            mask[assignment.bits] = True
    return mask.reshape(store.words, store.word_width)


@dataclass(frozen=True, slots=True, eq=False)
class CheckBits:
    """Check bits of a store: arrays of one length.

    Parameters
    ----------
    sites
        Numbers, if the tensor's first bit were ``first`` of ``stored_bits``.
    word, bit
        Place in the check bank.
    values
        What they hold.
    """

    sites: Index
    word: Index
    bit: Index
    values: Index


def check_bits(store: Store, first: int, stored_bits: int, held: Index | None = None) -> CheckBits:
    """The check bits of a store.

    Parameters
    ----------
    first, stored_bits
        Number of the tensor's first bit, and ``S``.
    held
        Value of each stored bit of the tensor, for ``values``; zeros if left out.
    """
    values = np.zeros(store.bits, dtype=np.int64) if held is None else held
    nothing = (np.empty(0, np.int64),) * 4
    parts = nothing, *_check_parts(store, first, stored_bits, values)
    return CheckBits(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _check_parts(
    store: Store, first: int, stored_bits: int, held: Index
) -> Iterator[tuple[Index, Index, Index, Index]]:
    guard = store.guard
    if guard is None:
        return
    schemes = assignments(guard)
    codes = codes_of(schemes, store.element_width, guard.row_elements)
    behind = store.elements_per_word if any(a.scheme == "parity" for a in schemes) else 0
    for assignment in schemes:
        if assignment.entry.unit != "element" or assignment.entry.first_class == COPY:
            continue
        moved = Assignment(assignment.scheme, assignment.bits + first, assignment.options)
        elements = store.words * store.elements_per_word
        shape = Shape(store.tensor, first, store.element_width, elements, guard.row_elements)
        for group in code_words(moved, shape, held):
            word, place = _places(store, group, first, codes, behind)
            bit = place[:, None] + np.arange(group.checks)
            yield (
                group.check_sites(stored_bits).reshape(-1),
                np.repeat(word, group.checks),
                bit.reshape(-1),
                group.check_values.reshape(-1),
            )


def _places(store: Store, group: CodeWords, first: int, codes: Codes, behind: int) -> tuple[Index, Index]:
    """Word of each code word, and place of its first check bit there."""
    element = (group.bits[group.start[:-1]] - first) // store.element_width
    word, column = np.divmod(element, store.elements_per_word)
    if "word" not in group.scheme.options:
        return word, column
    assert store.guard is not None
    row, column = np.divmod(column, store.guard.row_elements)
    together = codes.data // store.element_width
    return word, behind + (row * codes.words + column // together) * codes.checks
