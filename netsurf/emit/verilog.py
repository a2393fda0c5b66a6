"""Verilog text: widths, literals, instances. Everything that is printed is Verilog-2005."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import FixedFormat


def index_width(count: int) -> int:
    """Bits of a number below ``count``, at least one.

    >>> [index_width(n) for n in (1, 2, 10, 784)]
    [1, 1, 4, 10]
    """
    return max(1, (count - 1).bit_length())


def vector(width: int) -> str:
    """A range: ``[7:0]``."""
    return f"[{width - 1}:0]"


def wire(width: int, name: str) -> str:
    """Declaration of a wire; a single bit has no range.

    >>> wire(8, "x"), wire(1, "y")
    ('wire [7:0] x;', 'wire y;')
    """
    return f"wire {vector(width)} {name};" if width > 1 else f"wire {name};"


def quoted(text: str) -> str:
    """A string literal."""
    return f'"{text}"'


def format_parameters(prefix: str, target: FixedFormat, modes: bool = False) -> dict[str, str]:
    """Parameters ``<prefix>_W``, ``_F``, ``_SIGNED`` of a number; with ``modes``, how it is assigned to.

    >>> format_parameters("X", FixedFormat(8, 0, signed=False))
    {'X_W': '8', 'X_F': '8', 'X_SIGNED': '0'}
    """
    number = {
        f"{prefix}_W": str(target.width),
        f"{prefix}_F": str(target.fraction),
        f"{prefix}_SIGNED": str(int(target.signed)),
    }
    if modes:
        number[f"{prefix}_ROUNDING"] = quoted(target.rounding)
        number[f"{prefix}_OVERFLOW"] = quoted(target.overflow)
    return number


def instance(module: str, name: str, parameters: Mapping[str, str], ports: Mapping[str, str]) -> list[str]:
    """Lines of an instantiation with named parameters and ports, aligned."""
    head = (
        [f"  {module} #(", *_connections(parameters), f"  ) {name} ("]
        if parameters
        else [f"  {module} {name} ("]
    )
    return [*head, *_connections(ports), "  );"]


def _connections(pairs: Mapping[str, str]) -> list[str]:
    width = max(map(len, pairs))
    lines = [f"      .{key:<{width}}({value})" for key, value in pairs.items()]
    return [line + "," for line in lines[:-1]] + lines[-1:]


def short(target: FixedFormat) -> str:
    """A format as comments show it: without the modes that are the default.

    >>> short(FixedFormat(6, 1)), short(FixedFormat(6, 3, False, "RND_CONV", "SAT"))
    ('fixed<6,1>', 'ufixed<6,3,RND_CONV,SAT>')
    """
    return str(target).replace(",0>", ">").replace(",TRN,WRAP>", ">")


def banner(name: str, text: str) -> str:
    """The comment that opens a layer, filled up with dashes to 96 columns.

    >>> banner("fc1", "dense, 16 to 4")[:28]
    '  // fc1: dense, 16 to 4 ---'
    """
    return f"  // {name}: {text} ".ljust(96, "-")


def mask_literal(mask: NDArray[np.bool_], indent: str = "    ") -> list[str]:
    """A concatenation that holds ``mask`` ``(words, width)``, last word first, equal neighbours as one line.

    >>> mask_literal(np.array([[1, 0], [1, 0], [0, 0]], dtype=bool), "")
    ["2'h0,", "{2{2'h1}}"]
    """
    width = mask.shape[1]
    words = (f"{width}'h{_hexadecimal(word)}" for word in mask[::-1])
    lines = [_repeated(len(list(run)), word) for word, run in groupby(words)]
    return [f"{indent}{line}," for line in lines[:-1]] + [f"{indent}{lines[-1]}"]


def _hexadecimal(bits: NDArray[np.bool_]) -> str:
    return np.packbits(bits, bitorder="little")[::-1].tobytes().hex().lstrip("0") or "0"


def _repeated(count: int, word: str) -> str:
    return word if count == 1 else f"{{{count}{{{word}}}}}"


def join(lines: Iterable[str]) -> str:
    """Lines to a file's text."""
    return "\n".join(lines) + "\n"
