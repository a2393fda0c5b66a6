"""Tables of the main job: columns and rows, ready for a terminal, Markdown or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """A title, column heads and rows of cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown.

        >>> print(Table("t", ("a", "b"), ((1, None),)).markdown())
        | a | b |
        |---|---|
        | 1 | – |
        """
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        text = ["| " + " | ".join(_cell(c) for c in line) + " |" for line in lines]
        return "\n".join(text).replace("| --- ", "|---").replace("--- |", "---|")


def level_table(document: Mapping[str, Any]) -> Table:
    """Summary by protection level."""
    architectures = list(document["levels"][0]["flip_flops"])
    columns = (
        "protection",
        "stored bits",
        *(f"flip-flops {a}" for a in architectures),
        "area",
        f"accuracy at BER {document['spec']['ber']:g}",
        "masked",
        "benign",
        "sdc",
        "detected",
    )
    return Table(
        "By protection level", columns, tuple(_level_row(x, architectures) for x in document["levels"])
    )


def _level_row(level: Mapping[str, Any], architectures: list[str]) -> tuple[Any, ...]:
    low, high = level["interval"]
    outcomes = level["outcomes"]["single"]
    return (
        f"{100 * level['protection']:g} %",
        level["stored_bits"],
        *(level["flip_flops"][a] for a in architectures),
        level["area"],
        f"{100 * level['accuracy']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]",
        *(outcomes[name] for name in ("masked", "benign", "sdc", "detected")),
    )


def accuracy_table(document: Mapping[str, Any]) -> Table:
    """Fault-free accuracy of every engine."""
    rows = tuple(
        (
            a["engine"],
            a["architecture"] or None,
            f"{a['correct']}/{a['samples']}",
            f"{100 * a['accuracy']:.2f} %",
        )
        for a in document["accuracies"]
    )
    return Table("Fault-free, on the test split", ("engine", "architecture", "correct", "accuracy"), rows)


def agreement_table(document: Mapping[str, Any]) -> Table:
    """What each engine agreed on, and the bound on its rate of disagreement."""
    rows = tuple(
        (e["name"], e["architecture"], e["version"], e["pairs"], e["mismatches"], f"{e['upper_bound']:.1e}")
        for e in document["engines"]
    )
    columns = ("engine", "architecture", "version", "pairs", "mismatches", "disagreement <")
    return Table("Agreement with the reference executor", columns, rows)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
