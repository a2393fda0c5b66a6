"""Many generated C++ programs as one translation unit.

A compiler spends most of a small generated program on headers that every such program includes. In one
unit they are read once: each program gets a namespace of its own, and behind it the macros that its
headers defined (their include guards above all) are forgotten, so that the next program starts afresh.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
_DEFINE = re.compile(r"^\s*#\s*define\s+(\w+)", re.M)


def shared_includes(programs: Sequence[Sequence[Path]]) -> list[str]:
    """Lines that include what the programs include and no program owns, each once, in order.

    Parameters
    ----------
    programs
        Files of each program, in the order in which they are first included.
    """
    lines: dict[str, None] = {}
    for files in programs:
        owned = {path.name for path in files}
        for path in files:
            for bracket, name in _INCLUDE.findall(path.read_text()):
                if bracket == "<" or Path(name).name not in owned:
                    lines[_line(bracket, name, path.parent)] = None
    return list(lines)


def _line(bracket: str, name: str, folder: Path) -> str:
    """An include as it must be written elsewhere: what lies beside the file that names it, by its path."""
    if bracket == "<":
        return f"#include <{name}>"
    return f'#include "{folder / name if (folder / name).is_file() else name}"'


def in_namespace(name: str, lines: Sequence[str], files: Sequence[Path]) -> str:
    """A program in a namespace: ``lines`` include it, ``files`` are all that it owns.

    >>> print(in_namespace("p3", ['#include "3/main.cpp"'], []), end="")
    namespace p3 {
    #include "3/main.cpp"
    }
    """
    macros = {macro for path in files for macro in _DEFINE.findall(path.read_text())}
    body = [f"namespace {name} {{", *lines, "}", *(f"#undef {macro}" for macro in sorted(macros))]
    return "\n".join(body) + "\n"
