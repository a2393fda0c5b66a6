"""Liberty: the areas of standard cells, their pins, and which of them are flip-flops.

Only what area needs is read. Yosys reads the same file for mapping; what it finds and what is found here are
compared in the tests.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netsurf.errors import DataError, MissingToolError
from netsurf.files import write_atomic
from netsurf.paths import cache
from netsurf.toolchain import apt_line

PACKED = "sg13g2_stdcell_typ_1p20V_25C.lib"
PACKED_SHA256 = "6f50333c719d8f324c9f8a18197e034ae531de3655002eb9d10c04f281ee0660"
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")

_NAME = re.compile(r'\s*\(\s*"?([^")\s]+)"?\s*\)\s*\{')
_AREA = re.compile(r"\barea\s*:\s*\"?([0-9.eE+-]+)")
_BRACE = re.compile(r"[{}]")
_OUTPUT = re.compile(r"direction\s*:\s*\"?(?:output|inout)")


@dataclass(frozen=True, slots=True)
class Liberty:
    """A standard-cell library.

    Attributes
    ----------
    path, name, sha256
        The file, the name that the library gives itself, and the digest of the file.
    area
        Cell to area, in the library's unit (um^2 in every library that we know).
    outputs
        Cell to its output pins.
    flip_flops
        Cells with an ``ff`` group.
    """

    path: Path
    name: str
    sha256: str
    area: Mapping[str, float]
    outputs: Mapping[str, frozenset[str]]
    flip_flops: frozenset[str]


def packed() -> Path:
    """The SG13G2 library that comes with NetSurf, unpacked into the cache; see ``libraries/README.md``."""
    target = cache() / "liberty" / PACKED
    if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != PACKED_SHA256:
        source = Path(__file__).parent / "libraries" / f"{PACKED}.gz"
        data = gzip.decompress(source.read_bytes())
        if hashlib.sha256(data).hexdigest() != PACKED_SHA256:
            raise DataError(f"{source} is damaged: its SHA-256 is not {PACKED_SHA256}; reinstall NetSurf")
        write_atomic(target, data)
    return target


def osu018() -> Path:
    """The OSU 180 nm library of Debian's ``qflow-tech-osu018``.

    Raises
    ------
    MissingToolError
        If it is not installed.
    """
    if not OSU018.is_file():
        raise MissingToolError(str(OSU018), apt_line("qflow-tech-osu018"))
    return OSU018


def read_liberty(path: Path) -> Liberty:
    """Read a library.

    Raises
    ------
    DataError
        If there is no such file, its braces do not match, it has no cell with an area, or no flip-flop.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no Liberty file ({error}); name one with --liberty FILE") from error
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    head = re.search(r"\blibrary" + _NAME.pattern, text)
    if head is None:
        raise _unreadable(path, "it has no library (...) { group")
    body = _body(text, head.end() - 1, path)
    area, outputs, flops = {}, {}, set()
    for name, cell in _groups(body, "cell", path):
        found = _AREA.search(cell)
        if found is None:
            raise _unreadable(path, f"cell {name} has no area")
        area[name] = float(found[1])
        outputs[name] = frozenset(pin for pin, says in _groups(cell, "pin", path) if _OUTPUT.search(says))
        if re.search(r"\bff\s*\(", cell):
            flops.add(name)
    if not area or not flops:
        raise _unreadable(path, "it has no cell" if not area else "none of its cells is a flip-flop")
    return Liberty(path, head[1], hashlib.sha256(data).hexdigest(), area, outputs, frozenset(flops))


def _groups(text: str, kind: str, path: Path) -> list[tuple[str, str]]:
    """Name and content of every ``kind (name) { ... }``."""
    return [
        (match[1], _body(text, match.end() - 1, path))
        for match in re.finditer(rf"\b{kind}{_NAME.pattern}", text)
    ]


def _body(text: str, start: int, path: Path) -> str:
    """What stands between the brace at ``start`` and the one that closes it."""
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[start + 1 : brace.start()]
    line = text.count("\n", 0, start) + 1
    raise _unreadable(path, f"the brace of line {line} is never closed")


def _unreadable(path: Path, why: str) -> DataError:
    return DataError(f"{path} does not parse as Liberty: {why}; name another with --liberty FILE")
