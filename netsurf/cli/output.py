"""What commands print: tables and sentences for a person, or one JSON document for a program."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from netsurf.cli.progress import Progress, reporter


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words go.

    With ``--json`` only `document` writes to stdout; without it everything but `document` does.
    Notes and progress go to stderr, and ``--quiet`` silences them.
    """

    as_json: bool = False
    quiet: bool = False

    def document(self, value: Any) -> None:
        """Print ``value`` as one JSON document, if ``--json`` was asked for."""
        if self.as_json:
            print(json.dumps(value, indent=2, default=_plain))

    def say(self, text: str = "") -> None:
        """Print a line of the result for a person."""
        if not self.as_json:
            print(text)

    def note(self, text: str) -> None:
        """Print a remark that is not part of the result (where a file went, what comes next)."""
        if not self.quiet and not self.as_json:
            print(text, file=sys.stderr)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
        """Print a table; numbers are set flush right, and floats as they come in ``f'{x:.6g}'``."""
        if not self.as_json:
            print(table(columns, rows, title))

    def progress(self, label: str) -> contextlib.AbstractContextManager[Progress]:
        """Yield a callback ``progress(done, total, note='')`` that shows rate and time left."""
        return reporter(label, silent=self.quiet or self.as_json)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> str:
    """A plain-text table, as wide as its cells.

    >>> print(table(["tensor", "bits"], [["fc1/kernel", 301056], ["fc1/bias", 384]], "mnist"))
    mnist
    tensor         bits
    ----------  -------
    fc1/kernel  301,056
    fc1/bias        384
    """
    values = [list(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in values]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [bool(values) and all(_is_number(row[i]) for row in values) for i in range(len(columns))]

    def line(row: Sequence[str]) -> str:
        laid = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return "  ".join(laid).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([*([title] if title else []), line(columns), rule, *map(line, cells)])


def _is_number(value: Any) -> bool:
    return value is None or (hasattr(value, "__round__") and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "__index__"):
        return f"{int(value):,}"
    return f"{float(value):.6g}" if _is_number(value) else str(value)


def _plain(value: Any) -> Any:
    """What JSON does not know: paths, dataclasses, sets, NumPy numbers and arrays."""
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")
