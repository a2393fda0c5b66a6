"""Reading binary AIGER (Biere, Heljanko, Wieringa, "AIGER 1.9 and beyond", 2011) and Yosys' map of names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netsurf.errors import DataError

Bit = tuple[str, int]
"""A bit of a wire: name and index."""


@dataclass(frozen=True, slots=True, eq=False)
class Aiger:
    """An and-inverter graph with flip-flops; literal ``2*n + 1`` is the inverse of node ``n``.

    Nodes are numbered inputs first, then flip-flops, then ANDs; an AND's operands come before it.

    Parameters
    ----------
    inputs, latches
        How many there are.
    next
        Literal of each flip-flop's next value.
    ands
        Pairs of operand literals.
    input_names, latch_names
        Names of each input and flip-flop, every alias that Yosys knows.
    outputs
        Literal of every named output.
    """

    inputs: int
    latches: int
    next: list[int]
    ands: list[tuple[int, int]]
    input_names: list[list[Bit]]
    latch_names: list[list[Bit]]
    outputs: dict[Bit, int]

    @property
    def first_and(self) -> int:
        """Node of the first AND."""
        return 1 + self.inputs + self.latches


def read_aiger(path: Path, names: Path) -> Aiger:
    """Read a netlist that Yosys wrote.

    Raises
    ------
    DataError
        If the file is no binary AIGER, or ends early.
    """
    content = path.read_bytes()
    head, _, rest = content.partition(b"\n")
    fields = head.split()
    if fields[:1] != [b"aig"] or len(fields) < 6:
        raise DataError(f"{path} is no binary AIGER file; synthesise again")
    _, inputs, latches, outputs, ands = map(int, fields[1:6])
    *lines, rest = rest.split(b"\n", latches + outputs + sum(map(int, fields[6:])))
    following = [int(line.split()[0]) for line in lines[:latches]]
    values = [int(line) for line in lines[latches : latches + outputs]]
    pairs = _pairs(rest, ands, 1 + inputs + latches, path)
    input_names, latch_names, output_names = _names(names, inputs, latches)
    named = {bit: values[n] for bit, n in output_names.items()}
    return Aiger(inputs, latches, following, pairs, input_names, latch_names, named)


def _pairs(content: bytes, count: int, first: int, path: Path) -> list[tuple[int, int]]:
    pairs, position = [], 0
    try:
        for node in range(first, first + count):
            operands = []
            literal = 2 * node
            for _ in range(2):
                shift = delta = 0
                while content[position] & 0x80:
                    delta |= (content[position] & 0x7F) << shift
                    shift += 7
                    position += 1
                delta |= content[position] << shift
                position += 1
                literal -= delta
                operands.append(literal)
            pairs.append((operands[0], operands[1]))
    except IndexError as error:
        raise DataError(f"{path} ends early; synthesise again") from error
    return pairs


def _names(path: Path, inputs: int, latches: int) -> tuple[list[list[Bit]], list[list[Bit]], dict[Bit, int]]:
    input_names: list[list[Bit]] = [[] for _ in range(inputs)]
    latch_names: list[list[Bit]] = [[] for _ in range(latches)]
    outputs: dict[Bit, int] = {}
    for line in path.read_text().splitlines():
        kind, number, index, name = line.split(maxsplit=3)
        if kind == "input":
            input_names[int(number)].append((name, int(index)))
        elif kind == "latch":
            latch_names[int(number)].append((name, int(index)))
        elif kind == "output":
            outputs[name, int(index)] = int(number)
    return input_names, latch_names, outputs
