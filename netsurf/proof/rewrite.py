r"""The same netlist with its stored bits in one register a word, for a simulator that upsets them.

Each clocked register that holds stored bits becomes a wire that shows bits of the registers ``word_0``,
``word_1``, ... of its bank; what was assigned to it at a clock edge is assigned to those. Nothing else of
the netlist is touched but the names of banks and their modules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from netsurf.emit import Accelerator
from netsurf.errors import SiteMapError
from netsurf.proof.flipflops import _CLOCKED, _DECLARED, Bank, Bit, Text, _plain, _widths, bits

_LONG = 10_000
"""Characters of a line that is broken; only a concatenation is that long."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A netlist to simulate.

    Parameters
    ----------
    verilog
        Its text.
    modules
        Modules that hold ``word_*`` registers.
    instances
        Path of each bank, by (store, bank).
    """

    verilog: str
    modules: tuple[str, ...]
    instances: dict[tuple[int, int], str]


def rewrite(text: Text, banks: Mapping[tuple[int, int], Bank], accelerator: Accelerator) -> Simulated:
    """Give every stored bit the address ``bank.word_<word>[<bit>]``."""
    first = {bank.module: (place, bank) for place, bank in reversed(banks.items())}
    names = {module: f"netlist_bank_{number}" for number, module in enumerate(first)}
    places = {bank.instance: f"bank_{store}_{index}" for (store, index), bank in banks.items()}
    out = []
    for module, lines in text.modules.items():
        if module in first:
            (store, index), bank = first[module]
            width = accelerator.stores[store].memories[index][1]
            lines = _words(lines, bank, accelerator.stores[store].words, width)
            lines[0] = re.sub(r"^module .*?\s*\(", f"module {names[module]} (", lines[0], count=1)
        elif module == accelerator.top:
            lines = [_renamed(line, names, places) for line in lines]
        out += lines
    paths = {place: f"{accelerator.top}.{places[bank.instance]}" for place, bank in banks.items()}
    return Simulated("\n".join(map(_broken, out)) + "\n", tuple(names.values()), paths)


def _broken(line: str) -> str:
    """A long line in pieces: Verilator takes no more than 40,000 tokens a line."""
    return line if len(line) < _LONG else line.replace(", ", ",\n")


def _renamed(line: str, modules: Mapping[str, str], places: Mapping[str, str]) -> str:
    m = re.match(r"^  (\\\S+|\w+)\s+(\\\S+|\w+)\s*\($", line)
    if m and _plain(m[2]) in places:
        return f"  {modules[_plain(m[1])]} {places[_plain(m[2])]} ("
    return line


def _words(lines: list[str], bank: Bank, words: int, width: int) -> list[str]:
    """A bank's module with its stored bits in word registers."""
    at: dict[Bit, tuple[int, int]] = {register: place for place, register in bank.bits.items()}
    registers = {name for name, _ in at}
    widths = dict(_widths(lines))
    out = []
    for line in lines:
        declared, clocked = _DECLARED.match(line), _CLOCKED.match(line)
        if declared and _plain(declared[4]) in registers:
            name = _plain(declared[4])
            out.append(line.replace("reg", "wire", 1))
            out.append(
                f"  assign \\{name} = {_joined([at.get((name, i)) for i in range(widths[name])], name)};"
            )
        elif clocked and _plain(clocked[2]) in registers:
            target = _joined([at.get(bit) for bit in bits(clocked[1], widths)], clocked[1])
            out.append(line.replace(f"{clocked[1]} <= ", f"{target} <= ", 1))
        else:
            out.append(line)
    end = next(i for i, line in enumerate(out) if line.startswith(("  output", "  input")))
    return [*out[:end], *(f"  reg [{width - 1}:0] word_{word};" for word in range(words)), *out[end:]]


def _joined(places: list[tuple[int, int] | None], name: str) -> str:
    if None in places:
        raise SiteMapError(
            f"register {name} of a bank holds more than stored bits; this netlist cannot be upset"
        )
    return "{" + ", ".join(f"word_{p[0]}[{p[1]}]" for p in reversed(places) if p) + "}"
