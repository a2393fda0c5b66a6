"""Guard: the code words of a design point, where their check bits are, and what upsets make of them.

Only schemes of whole elements are here (``dmr``, ``parity``, ``secded``); replicas of single bits are voted
in :mod:`netsurf.harden.resolve`. Everything is an array over code words or over stored bits, so that a list
of thousands of faults costs a few NumPy calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.harden.assign import Assignment
from netsurf.harden.schemes.base import Errors, Scheme, Words
from netsurf.ir import Network, Parameter

Sites = NDArray[np.int64]
ONE = np.uint64(1)


@dataclass(frozen=True, eq=False)
class CodeWords:
    """Code words of one scheme in one tensor, of one width.

    A code word is some neighbouring *positions* of a memory word (a row of the last axis: all outputs of one
    input), cut at multiples of ``width`` from the start of the row; a plan may leave elements out, whose
    positions then read as 0 in the code.

    Parameters
    ----------
    scheme
        Entry of the table.
    tensor
        Name of the stored tensor.
    width
        Data positions of a code word.
    bits
        Numbers of the data bits, code word after code word, ascending.
    start
        Place in ``bits`` of the first bit of each code word, and the end: ``(words + 1,)``.
    position
        Data position of each of ``bits``.
    held
        Fault-free value, 0 or 1, of each of ``bits``.
    """

    scheme: Scheme
    tensor: str
    width: int
    bits: Sites
    start: Sites
    position: Sites
    held: Sites

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def checks(self) -> int:
        """Check bits of a code word."""
        return self.scheme.checks(self.width)

    @cached_property
    def owner(self) -> Sites:
        """Code word of each of ``bits``."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    @cached_property
    def stored(self) -> Words:
        """Fault-free data of each code word."""
        return self._gather(self.held)

    @cached_property
    def cover(self) -> Words:
        """Data positions of each code word that hold a bit."""
        return self._gather(np.ones(len(self.bits), dtype=np.uint64))

    def _gather(self, values: NDArray) -> Words:
        placed = values.astype(np.uint64) << self.position.astype(np.uint64)
        return np.bitwise_or.reduceat(placed, self.start[:-1]) if len(self) else placed

    def check_sites(self, stored_bits: int) -> Sites:
        """Site numbers of the check bits: ``(words, checks)`` (:mod:`netsurf.fault.space`)."""
        turn, place = np.divmod(np.arange(self.checks)[None, :], np.diff(self.start)[:, None])
        return (self.scheme.first_class + turn) * stored_bits + self.bits[self.start[:-1, None] + place]

    @cached_property
    def check_values(self) -> NDArray[np.int64]:
        """What the check bits hold without a fault: ``(words, checks)`` of 0 and 1."""
        held = self.scheme.encode(self.stored, self.width)
        return (held[:, None] >> np.arange(self.checks, dtype=np.uint64) & ONE).astype(np.int64)

    def decode(self, words: Sites, data: Words, check: Words) -> tuple[Words, NDArray[np.bool_]]:
        """What the reader makes of upsets ``data`` and ``check`` of some of the code words."""
        return self.scheme.decode(self.errors(words, data, check))

    def errors(self, words: Sites, data: Words, check: Words) -> Errors:
        """Upsets of some of the code words, as schemes take them."""
        return Errors(data, check, self.stored[words], self.cover[words], self.width)


@dataclass(frozen=True, slots=True)
class Shape:
    """A stored tensor as code words see it: first bit, bits of an element, elements, elements of a row."""

    tensor: str
    offset: int
    width: int
    elements: int
    row: int

    @classmethod
    def of(cls, parameter: Parameter, offset: int) -> Shape:
        """Of a tensor of a network; a row is its last axis."""
        return cls(
            parameter.name, offset, parameter.format.width, parameter.codes.size, parameter.codes.shape[-1]
        )


def code_words(assignment: Assignment, shape: Shape, held: NDArray[np.int64]) -> Iterator[CodeWords]:
    """The code words of an assignment in one tensor, widest first.

    Parameters
    ----------
    held
        Fault-free value of each stored bit of the tensor.
    """
    scheme, width = assignment.entry, shape.width
    local = assignment.bits - shape.offset
    local = local[(local >= 0) & (local < shape.elements * width)]
    if not len(local):
        return
    together = elements_together(assignment, width, shape.row)
    row, column = np.divmod(local // width, shape.row)
    chunk = column // together
    number = row * -(-shape.row // together) + chunk
    widths = np.minimum(together, shape.row - chunk * together) * width
    position = column % together * width + local % width
    for wide in np.unique(widths)[::-1]:
        here = widths == wide
        _, start = np.unique(number[here], return_index=True)
        bits = local[here]
        yield CodeWords(
            scheme,
            shape.tensor,
            int(wide),
            bits + shape.offset,
            np.append(start, len(bits)),
            position[here],
            held[bits],
        )


def elements_together(assignment: Assignment, width: int, row: int) -> int:
    """Elements of a code word, but for a shorter one at the end of a row."""
    return min(row, max(1, assignment.entry.word_bits(assignment.options) // width))


@dataclass(frozen=True, eq=False)
class Guard:
    """All code words of a design point.

    Parameters
    ----------
    stored_bits
        ``S``.
    groups
        Code words by scheme, tensor and width.
    """

    stored_bits: int
    groups: tuple[CodeWords, ...]

    @classmethod
    def of(cls, network: Network, assignments: tuple[Assignment, ...]) -> Guard:
        """The code words that a plan's assignments make of a network."""
        wanted = [a for a in assignments if a.entry.unit == "element"]
        if not wanted:
            return cls(network.stored_bits, ())
        offset = 0
        groups: list[CodeWords] = []
        for parameter in network.parameters.values():
            for assignment in wanted:
                groups += code_words(assignment, Shape.of(parameter, offset), bit_values(parameter))
            offset += parameter.stored_bits
        return cls(network.stored_bits, tuple(groups))

    def __bool__(self) -> bool:
        return bool(self.groups)

    @cached_property
    def sites(self) -> Sites:
        """Numbers of all check bits and copies, ascending."""
        parts = [group.check_sites(self.stored_bits).reshape(-1) for group in self.groups]
        return np.sort(np.concatenate([np.empty(0, np.int64), *parts]))

    @cached_property
    def is_guarded(self) -> NDArray[np.bool_]:
        """``(S,)`` mask of the data bits of code words."""
        mask = np.zeros(self.stored_bits, dtype=bool)
        for group in self.groups:
            mask[group.bits] = True
        return mask

    @cached_property
    def _tables(self) -> _Tables:
        return _Tables.of(self)

    def holds(self, sites: Sites) -> NDArray[np.bool_]:
        """Whether each site belongs to a code word; all of them are sites of the design point."""
        return self.is_guarded[sites % self.stored_bits]

    def values(self, sites: Sites) -> NDArray[np.int64]:
        """Fault-free value of check bits and copies, by number."""
        found = np.zeros(len(sites), dtype=np.int64)
        word, _, check = self._tables.symbols(sites)
        for group, here, local in self._tables.by_group(word):
            found[here] = group.check_values[local, check[here]]
        return found

    def decode(self, owner: Sites, sites: Sites) -> tuple[Sites, Sites, Sites]:
        """What checkers make of upsets.

        Parameters
        ----------
        owner, sites
            Fault and number of each inverted stored bit, each pair once; all belong to code words.

        Returns
        -------
        Owner and number of each data bit that reads inverted, in no order; owners that a checker flags.
        """
        none = np.empty(0, np.int64)
        flagged, found = [none], [(none, none)]
        for group, owners, words, data, check in self._errors(owner, sites):
            wrong, seen = group.decode(words, data, check)
            flagged.append(owners[seen])
            found.append(_spread(group, owners, words, wrong))
        owner, bits = (np.concatenate(column) for column in zip(*found, strict=True))
        return owner, bits, np.concatenate(flagged)

    def repair(self, sites: Sites) -> Sites:
        """Stored bits that are inverted after corrected code words are written back over upsets.

        Code words of schemes that do not correct stay as they are.
        """
        parts = [np.empty(0, np.int64)]
        for group, owners, words, data, check in self._errors(np.zeros(len(sites), np.int64), sites):
            if group.scheme.repair is not None:
                data, check = group.scheme.repair(group.errors(words, data, check))
            parts.append(_spread(group, owners, words, data)[1])
            held = (check[:, None] >> np.arange(group.checks, dtype=np.uint64) & ONE).astype(bool)
            parts.append(group.check_sites(self.stored_bits)[words][held])
        return np.sort(np.concatenate(parts))

    def _errors(self, owner: Sites, sites: Sites) -> Iterator[tuple[CodeWords, Sites, Sites, Words, Words]]:
        """Upsets by group: owner and number in the group of each code word, its data and its check bits."""
        tables = self._tables
        word, position, check = tables.symbols(sites)
        keys, inverse = np.unique(owner * tables.words + word, return_inverse=True)
        data, checks = np.zeros(len(keys), np.uint64), np.zeros(len(keys), np.uint64)
        is_data = check < 0
        np.bitwise_or.at(data, inverse[is_data], ONE << position[is_data].astype(np.uint64))
        np.bitwise_or.at(checks, inverse[~is_data], ONE << check[~is_data].astype(np.uint64))
        owners, words = np.divmod(keys, max(tables.words, 1))
        for group, here, local in tables.by_group(words):
            yield group, owners[here], local, data[here], checks[here]


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """Where each stored bit is in the code words, which are numbered through all groups.

    Parameters
    ----------
    guard
        Whose code words they are.
    firsts
        Number of the first code word of each group, and of all.
    word, position, rank
        ``(S,)``: code word of a stored bit, its data position there, and how many data bits come before it.
    size, first_class
        Data bits, and class of the first check bit, of each code word.
    """

    guard: Guard
    firsts: Sites
    word: Sites
    position: Sites
    rank: Sites
    size: Sites
    first_class: Sites

    @classmethod
    def of(cls, guard: Guard) -> _Tables:
        """Number the code words of a guard."""
        none = np.empty(0, np.int64)
        firsts = np.cumsum([0, *(len(group) for group in guard.groups)])
        word, position, rank = (np.zeros(guard.stored_bits, dtype=np.int64) for _ in range(3))
        for first, group in zip(firsts, guard.groups, strict=False):
            word[group.bits] = first + group.owner
            position[group.bits] = group.position
            rank[group.bits] = np.arange(len(group.bits)) - group.start[group.owner]
        size = np.concatenate([none, *(np.diff(group.start) for group in guard.groups)])
        classes = [np.full(len(group), group.scheme.first_class) for group in guard.groups]
        return cls(guard, firsts, word, position, rank, size, np.concatenate([none, *classes]))

    @property
    def words(self) -> int:
        """Code words of all groups."""
        return int(self.firsts[-1])

    def symbols(self, sites: Sites) -> tuple[Sites, Sites, Sites]:
        """Code word, data position, and check bit (-1 for a data bit) of each site of code words."""
        kind, bit = np.divmod(sites, self.guard.stored_bits)
        word = self.word[bit]
        check = (kind - self.first_class[word]) * self.size[word] + self.rank[bit]
        return word, self.position[bit], np.where(kind == 0, -1, check)

    def by_group(self, words: Sites) -> Iterator[tuple[CodeWords, NDArray[np.bool_], Sites]]:
        """Each group that some of ``words`` belong to, which ones, and their numbers in the group."""
        for number, group in enumerate(self.guard.groups):
            here = (words >= self.firsts[number]) & (words < self.firsts[number + 1])
            if here.any():
                yield group, here, words[here] - self.firsts[number]


def _spread(group: CodeWords, owners: Sites, words: Sites, wrong: Words) -> tuple[Sites, Sites]:
    """Owner and number of each bit that is set in ``wrong``, one code word an entry."""
    changed = wrong != 0
    owners, words, wrong = owners[changed], words[changed], wrong[changed]
    counts = np.diff(group.start)[words]
    entry = np.repeat(np.arange(len(words)), counts)
    place = (
        np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + group.start[words][entry]
    )
    is_set = (wrong[entry] >> group.position[place].astype(np.uint64) & ONE).astype(bool)
    return owners[entry][is_set], group.bits[place[is_set]]


def bit_values(parameter: Parameter) -> NDArray[np.int64]:
    """Fault-free value, 0 or 1, of each stored bit of a tensor."""
    return (parameter.codes.reshape(-1, 1) >> np.arange(parameter.format.width) & 1).reshape(-1)
