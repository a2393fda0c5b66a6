"""Where the stored bits are in a netlist: the flip-flop of every site, found in the Verilog that Yosys wrote.

A bank stays a module of its own through synthesis, and the wires of its words keep their names, ``mem_q[w]``.
A stored bit is the one bit of a clocked register that drives its bit of such a wire, directly or by a
continuous assignment. Nothing is taken for granted: a stored bit without a flip-flop, and two that share one,
are a :class:`~netsurf.errors.SiteMapError` that lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netsurf.emit import Accelerator, locate
from netsurf.errors import SiteMapError
from netsurf.harden import DesignPoint

Bit = tuple[str, int]
"""A bit of a wire or register: name and index."""

LISTED = 8
"""Lost flip-flops that a message names."""

_NAME = r"(\\\S+ |[A-Za-z_]\w*)"
_RANGE = r"(?:\s*\[(\d+)(?::(\d+))?\])?"
_REF = re.compile(_NAME + _RANGE)
_DECLARED = re.compile(rf"^  (?:output )?(reg|wire)(?: \[(\d+):(\d+)\])? {_NAME}\s*;")
_CLOCKED = re.compile(rf"^\s+(?:.*\) |else )?({_NAME}{_RANGE}) <= ")
_ASSIGN = re.compile(r"^  assign (.*) = (.*);$")
_MODULE = re.compile(rf"^module {_NAME}\s*\(")
_INSTANCE = re.compile(rf"^  {_NAME}\s* {_NAME}\s*\($")
_CONSTANT = re.compile(r"(\d+)'[bhd]([0-9a-fA-FxXzZ]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """A bank of the site map in the netlist.

    Parameters
    ----------
    instance, module
        Instance in the top module, and its module.
    bits
        ``(word, bit)`` of each stored bit to the register bit that holds it.
    """

    instance: str
    module: str
    bits: Mapping[tuple[int, int], Bit]


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A netlist in Verilog: module name to lines, in order, and the text before the first module."""

    modules: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> Text:
        """Cut a file of Yosys into modules."""
        modules: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in path.read_text().splitlines():
            start = _MODULE.match(line)
            if start:
                lines = modules[_plain(start[1])] = []
            lines.append(line)
        return cls(modules)

    def instances(self, module: str) -> dict[str, str]:
        """Instance name to module name, in a module."""
        found = (_INSTANCE.match(line) for line in self.modules.get(module, ()))
        return {_plain(m[2]): _plain(m[1]) for m in found if m}


def find(text: Text, accelerator: Accelerator, design: DesignPoint) -> dict[tuple[int, int], Bank]:
    """The banks of every store, by (store, bank): exactly the stored bits of the design point, each once.

    Raises
    ------
    SiteMapError
        Naming the stored bits that have no flip-flop of their own in the netlist.
    """
    instances = text.instances(accelerator.top)
    sites = design.space.sites
    where = locate(accelerator, sites)
    banks: dict[tuple[int, int], Bank] = {}
    lost: list[int] = []
    taken: set[tuple[str, Bit]] = set()
    for number, store in enumerate(accelerator.stores):
        for index, (path, _) in store.memories.items():
            here = np.flatnonzero((where.store == number) & (where.replica == index))
            wanted = list(zip(where.word[here].tolist(), where.bit[here].tolist(), strict=True))
            bank = _bank(text, instances, path, accelerator.top)
            banks[number, index] = bank
            for k, place in enumerate(wanted):
                # A module of its own is instantiated once a bank; what stands in the top module is shared.
                key = (
                    bank.instance if bank.module != accelerator.top else "",
                    bank.bits.get(place, ("", -1)),
                )
                if place not in bank.bits or key in taken:
                    lost.append(int(sites[here[k]]))
                taken.add(key)
    if lost:
        raise SiteMapError(lost_sites(design, lost, accelerator))
    return banks


def lost_sites(design: DesignPoint, lost: list[int], accelerator: Accelerator) -> str:
    """The message about stored bits that synthesis did not keep."""
    named = ", ".join(str(design.space.site(number)) for number in lost[:LISTED])
    more = f" and {len(lost) - LISTED} more" if len(lost) > LISTED else ""
    return (
        f"{accelerator.top}: {len(lost)} of {len(design.space.sites)} stored bits have no flip-flop "
        f"of their own in the netlist: {named}{more}; synthesis merged or removed them; "
        "keep_hierarchy must stay on the banks"
    )


def _bank(text: Text, instances: Mapping[str, str], path: str, top: str) -> Bank:
    _, rest = path.split(".", 1)
    instance, memory = rest.rsplit(".", 1)
    if instance not in instances:  # flattened into the top module, where replicas may have become one
        return Bank(instance, top, _stored_bits(text.modules.get(top, []), rest))
    module = instances[instance]
    return Bank(instance, module, _stored_bits(text.modules.get(module, []), memory))


def _stored_bits(lines: list[str], memory: str) -> dict[tuple[int, int], Bit]:
    """``(word, bit)`` to the clocked register bit behind it; register bits behind two are left out."""
    widths = dict(_widths(lines))
    clocked = _clocked(lines, widths)
    aliases = _aliases(lines, widths, memory)
    found: dict[tuple[int, int], Bit] = {}
    for name, width in widths.items():
        word = re.fullmatch(rf"{re.escape(memory)}\[(\d+)\]", name)
        for bit in range(width if word else 0):
            behind = aliases.get((name, bit), (name, bit))
            if clocked.get(behind) == 1:
                found[int(word[1]), bit] = behind  # type: ignore[index]
    users = {}
    for place, behind in found.items():
        users.setdefault(behind, []).append(place)
    return {places[0]: behind for behind, places in users.items() if len(places) == 1}


def _widths(lines: list[str]) -> Iterator[tuple[str, int]]:
    for line in lines:
        m = _DECLARED.match(line)
        if m:
            yield _plain(m[4]), int(m[2] or 0) + 1


def _clocked(lines: list[str], widths: Mapping[str, int]) -> dict[Bit, int]:
    """Bits that are assigned at a clock edge, and by how many always blocks."""
    counts: dict[Bit, int] = {}
    block: set[Bit] = set()
    for line in [*lines, "  always"]:
        if line.startswith("  always"):
            for bit in block:
                counts[bit] = counts.get(bit, 0) + 1
            block = set()
            continue
        m = _CLOCKED.match(line)
        if m:
            block.update(bits(m[1], widths))
    return counts


def _aliases(lines: list[str], widths: Mapping[str, int], memory: str) -> dict[Bit, Bit]:
    """Bits of the memory's words that a continuous assignment of wires drives."""
    found: dict[Bit, Bit] = {}
    for line in lines:
        m = _ASSIGN.match(line) if f"{memory}[" in line else None
        if not m or re.search(r"[(&|^~?+*]", m[2]):
            continue
        left, right = list(bits(m[1], widths)), list(bits(m[2], widths))
        if len(left) == len(right):
            found.update({a: b for a, b in zip(left, right, strict=True) if b[0]})
    return found


def bits(expression: str, widths: Mapping[str, int]) -> Iterator[Bit]:
    r"""Bits of a name, a part of it, a constant or a concatenation, least significant first.

    >>> list(bits(r"{ a[2:1], 2'h0, \m[1] [0] }", {"a": 4, "m[1]": 2}))
    [('m[1]', 0), ('', 0), ('', 0), ('a', 1), ('a', 2)]
    """
    for part in reversed(_parts(expression.strip())):
        constant = _CONSTANT.fullmatch(part)
        if constant:
            yield from [("", 0)] * int(constant[1])
            continue
        m = _REF.fullmatch(part) or _REF.fullmatch(part + " ")
        if m is None:
            raise SiteMapError(f"cannot read {part!r} in the netlist; synthesise again")
        name = _plain(m[1])
        high = int(m[2]) if m[2] else widths.get(name, 1) - 1
        low = int(m[3] or m[2]) if m[2] else 0
        yield from ((name, bit) for bit in range(low, high + 1))


def _parts(expression: str) -> list[str]:
    if not expression.startswith("{"):
        return [expression]
    return [part.strip() for part in expression[1:-1].split(",")]


def _plain(name: str) -> str:
    """A name without the backslash and blank that escape it."""
    return name.strip().removeprefix("\\")
