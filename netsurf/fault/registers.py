"""RegisterSpace: every flip-flop of an accelerator outside its weight store, and every voter input, by name.

Stored bits have numbers of their own (:mod:`netsurf.fault.space`), the same in every design point. Registers
belong to one emitted accelerator: its micro-architecture decides which there are. They are numbered in the
order in which ``design.json`` lists them, register after register, element after element, bit 0 first.

A person writes ``fc1.acc[3].7@12``: bit 7 of element 3 of the accumulators of ``fc1``, inverted just before
the rising edge that ends clock cycle 12. A register of one element is written without an index
(``fc1.row.2@5``), one of a single bit without a bit (``fc1.done@5``), a replica with its number
(``fc1.acc[3].7/1@12``). A voter input is inverted for that one cycle; a flip-flop until it is written again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import FaultError, UnknownNameError

RegisterKind = Literal["accumulator", "pipeline", "activation", "control", "flag", "voter_input"]
"""Partial sums; the beat and the words in front of them; vectors between layers; counters, valid and state
bits; sticky error flags; what a voter reads."""

KINDS: tuple[RegisterKind, ...] = get_args(RegisterKind)

VOTER_INPUT = "voter_input"

_SITE = re.compile(r"([A-Za-z_][\w.]*?)(?:\[(\d+)\])?(?:\.(\d+))?(?:/(\d))?")


@dataclass(frozen=True, slots=True)
class Register:
    """Flip-flops, or voter inputs, of one name.

    Parameters
    ----------
    name
        Layer and role (``fc1.acc``), or tensor and role (``fc1.kernel.error``).
    kind
        One of :data:`KINDS`.
    elements, width
        Element ``e`` is bits ``[e*width +: width]``.
    path
        Hierarchical path of the variable, top module included; where it holds ``{}``, each element is a
        variable of its own and its number goes there.
    replica
        Which copy of a triplicated datapath.
    """

    name: str
    kind: RegisterKind
    elements: int
    width: int
    path: str
    replica: int = 0

    @property
    def bits(self) -> int:
        """Number of sites."""
        return self.elements * self.width

    @property
    def label(self) -> str:
        """The name, with the replica if it is not the first."""
        return f"{self.name}/{self.replica}" if self.replica else self.name

    def variable(self, element: int, bit: int) -> tuple[str, int]:
        """Path of the variable that holds a bit, and the bit's place in it.

        >>> Register("fc1.acc", "accumulator", 4, 8, "top.gen[{}].acc_q").variable(2, 5)
        ('top.gen[2].acc_q', 5)
        >>> Register("fc1.x", "pipeline", 2, 8, "top.x_q").variable(1, 5)
        ('top.x_q', 13)
        """
        if "{}" in self.path:
            return self.path.format(element), bit
        return self.path, element * self.width + bit


@dataclass(frozen=True, slots=True)
class RegisterSite:
    """One bit of a register.

    >>> str(RegisterSite(Register("fc1.acc", "accumulator", 4, 8, "top.acc_q", 1), 3, 7))
    'fc1.acc[3].7/1'
    >>> str(RegisterSite(Register("fc1.done", "control", 1, 1, "top.done_q"), 0, 0))
    'fc1.done'
    """

    register: Register
    element: int
    bit: int

    def __str__(self) -> str:
        register = self.register
        index = f"[{self.element}]" if register.elements > 1 else ""
        bit = f".{self.bit}" if register.width > 1 else ""
        return f"{register.name}{index}{bit}" + (f"/{register.replica}" if register.replica else "")


@dataclass(frozen=True)
class RegisterSpace:
    """The registers of an accelerator, numbered ``0 .. size-1`` bit by bit.

    >>> space = RegisterSpace((Register("a.acc", "accumulator", 2, 8, "t.acc_q"),
    ...                        Register("a.done", "control", 1, 1, "t.done_q")))
    >>> space.size, str(space.site(13)), space.parse("a.done")
    (17, 'a.acc[1].5', 16)
    """

    registers: tuple[Register, ...]

    @property
    def size(self) -> int:
        """Number of sites, voter inputs included."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def flip_flops(self) -> int:
        """Sites that are flip-flops: all but voter inputs."""
        return sum(r.bits for r in self.registers if r.kind != VOTER_INPUT)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([r.bits for r in self.registers], dtype=np.int64)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {register.label: number for number, register in enumerate(self.registers)}

    def locate(self, sites: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Index of the register, element and bit of each site.

        Raises
        ------
        FaultError
            If a number is no site of this accelerator.
        """
        sites = np.asarray(sites, dtype=np.int64).reshape(-1)
        bad = sites[(sites < 0) | (sites >= self.size)]
        if len(bad):
            raise FaultError(
                f"register site {bad[0]} does not exist: this accelerator has 0..{self.size - 1}"
            )
        register = np.searchsorted(self._ends, sites, side="right")
        bits = np.array([r.bits for r in self.registers], dtype=np.int64)
        widths = np.array([r.width for r in self.registers], dtype=np.int64)
        element, bit = np.divmod(sites - self._ends[register] + bits[register], widths[register])
        return register, element, bit

    def site(self, number: int) -> RegisterSite:
        """The site with a number."""
        register, element, bit = (int(column[0]) for column in self.locate([number]))
        return RegisterSite(self.registers[register], element, bit)

    def number(self, name: str, element: int = 0, bit: int = 0, replica: int = 0) -> int:
        """Number of a bit of the register ``name``.

        Raises
        ------
        UnknownNameError
            If there is no such register.
        FaultError
            If it has no such element or bit.
        """
        label = f"{name}/{replica}" if replica else name
        if label not in self._numbers:
            raise UnknownNameError("register", label, self._numbers)
        index = self._numbers[label]
        register = self.registers[index]
        if not (0 <= element < register.elements and 0 <= bit < register.width):
            raise FaultError(
                f"{name}[{element}].{bit}: {name} has elements 0..{register.elements - 1} "
                f"of bits 0..{register.width - 1}"
            )
        return int(self._ends[index]) - register.bits + element * register.width + bit

    def parse(self, text: str) -> int:
        """Number of a site as a person writes it (``fc1.acc[3].7``)."""
        found = _SITE.fullmatch(text)
        if found is None:
            raise FaultError(f"'{text}' is no register bit; write for example fc1.acc[3].7")
        name, element, bit, replica = found.groups()
        return self.number(name, int(element or 0), int(bit or 0), int(replica or 0))

    def of_kind(self, *kinds: str) -> NDArray[np.int64]:
        """Numbers of all sites of the given kinds, ascending."""
        starts = self._ends - np.array([r.bits for r in self.registers], dtype=np.int64)
        ranges = [
            np.arange(start, end)
            for register, start, end in zip(self.registers, starts, self._ends, strict=True)
            if register.kind in kinds
        ]
        return np.concatenate([np.empty(0, np.int64), *ranges])

    def kinds(self, sites: ArrayLike) -> list[RegisterKind]:
        """Kind of each site."""
        return [self.registers[index].kind for index in self.locate(sites)[0].tolist()]


def layout(registers: Sequence[Register]) -> dict[str, int]:
    """Number of sites of each kind that occurs, in the order of :data:`KINDS`."""
    counts = {kind: sum(r.bits for r in registers if r.kind == kind) for kind in KINDS}
    return {kind: count for kind, count in counts.items() if count}
