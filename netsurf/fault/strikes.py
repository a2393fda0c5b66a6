"""Strikes: upsets with a clock cycle, of stored bits, registers and voter inputs alike.

A fault is one or more strikes, each with a cycle of its own: two replicas of a protected bit may be hit in
the same cycle or one after the other. A strike at cycle ``t`` inverts its bit just before the rising edge
that ends cycle ``t`` (docs/architecture.md, "Time"). A stored bit stays inverted, a register until it is
written, a voter input for that cycle alone.

As text a fault is a line of ``SITE@CYCLE``::

    fc1.acc[3].7@12
    fc1.kernel[37].5/0@3 fc1.kernel[37].5/2@9
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault.registers import RegisterSpace
from netsurf.fault.space import FaultSite, FaultSpace

Numbers = NDArray[np.int64]

_STORED = re.compile(r"([A-Za-z_][\w.]*)\[(\d+)\]\.(\d+)(?:/(\d))?")


def window(latency: int) -> int:
    """Cycles that an inference with a strike is watched for: no output, or several, in them is a hang.

    >>> window(10)
    28
    """
    return 2 * latency + 8


@dataclass(frozen=True, slots=True)
class Strike:
    """One inverted bit: a number in the fault space (``stored``) or in the register space, and a cycle."""

    cycle: int
    site: int
    stored: bool = False


@dataclass(frozen=True, eq=False)
class StrikeList:
    """Faults ``0 .. len-1`` as flat arrays: fault ``i`` is ``[offsets[i]:offsets[i+1]]`` of the others.

    Parameters
    ----------
    cycles, sites
        ``int64``, one a strike.
    stored
        ``bool``: whether the site is a stored bit.
    offsets
        ``int64`` of length faults + 1.
    """

    cycles: Numbers
    sites: Numbers
    stored: NDArray[np.bool_]
    offsets: Numbers

    @classmethod
    def of(cls, faults: Iterable[Iterable[Strike]]) -> StrikeList:
        """A list of the given faults.

        >>> StrikeList.of([[Strike(3, 7)], [Strike(1, 7), Strike(2, 9, stored=True)]]).offsets.tolist()
        [0, 1, 3]
        """
        rows = [list(fault) for fault in faults]
        flat = [strike for row in rows for strike in row]
        return cls(
            np.array([s.cycle for s in flat], dtype=np.int64),
            np.array([s.site for s in flat], dtype=np.int64),
            np.array([s.stored for s in flat], dtype=bool),
            np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64),
        )

    @classmethod
    def registers(cls, sites: Numbers, cycles: Numbers) -> StrikeList:
        """One strike a fault, each on a register or voter input."""
        count = len(sites)
        return cls(
            np.asarray(cycles, np.int64),
            np.asarray(sites, np.int64),
            np.zeros(count, bool),
            np.arange(count + 1),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> tuple[Strike, ...]:
        if not 0 <= index < len(self):
            raise FaultError(f"fault {index} does not exist: the list has faults 0..{len(self) - 1}")
        here = slice(self.offsets[index], self.offsets[index + 1])
        columns = (column[here].tolist() for column in (self.cycles, self.sites, self.stored))
        return tuple(Strike(*row) for row in zip(*columns, strict=True))

    def take(self, faults: Numbers) -> StrikeList:
        """Some of the faults, in the given order."""
        return StrikeList.of(self[int(fault)] for fault in faults)


@dataclass(frozen=True, slots=True, eq=False)
class StrikeResult:
    """What the ports of the accelerator showed, one row a fault.

    Parameters
    ----------
    outputs
        ``int64 (faults, outputs)``: codes of the first output; 0 if none came.
    counts
        Outputs within :func:`window`; any other number than one is a hang.
    when
        Cycle of the first output, -1 if none came.
    errors
        ``uint64``: error flags at the end of the window, one bit a flag.
    """

    outputs: Numbers
    counts: Numbers
    when: Numbers
    errors: NDArray[np.uint64]

    def differs(self, other: StrikeResult) -> NDArray[np.bool_]:
        """Which rows differ in anything."""
        same = (self.counts == other.counts) & (self.when == other.when) & (self.errors == other.errors)
        return ~same | (self.outputs != other.outputs).any(axis=-1)


def parse_strikes(text: str, space: FaultSpace, registers: RegisterSpace) -> StrikeList:
    """Faults of a text, one a line; empty lines and ``#`` comments are skipped.

    Raises
    ------
    FaultError
        If a line is malformed or names a bit that the design does not have.
    """
    lines = (line.split("#", 1)[0].split() for line in text.splitlines())
    return StrikeList.of([_strike(word, space, registers) for word in words] for words in lines if words)


def _strike(word: str, space: FaultSpace, registers: RegisterSpace) -> Strike:
    site, _, cycle = word.partition("@")
    if not cycle.isdigit():
        raise FaultError(f"'{word}' has no cycle; write SITE@CYCLE, for example fc1.acc[3].7@12")
    found = _STORED.fullmatch(site)
    if found and found[1] in space.offsets:
        tensor, index, bit, replica = found.groups()
        number = space.number(FaultSite(tensor, int(index), int(bit), int(replica or 0)))
        return Strike(int(cycle), number, stored=True)
    return Strike(int(cycle), registers.parse(site))


def format_strikes(strikes: StrikeList, space: FaultSpace, registers: RegisterSpace) -> str:
    """A list as :func:`parse_strikes` reads it."""
    lines = []
    for fault in range(len(strikes)):
        names = [
            f"{space.site(s.site) if s.stored else registers.site(s.site)}@{s.cycle}" for s in strikes[fault]
        ]
        lines.append(" ".join(names))
    return "\n".join(lines) + "\n"
