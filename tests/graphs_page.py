"""Writes the counts of ``docs/results/graphs.json`` into ``docs/graphs.md``: python tests/graphs_page.py."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
NAMES = {
    "fast": "fast injector",
    "csim": "C simulation (hls4ml's C++)",
    "rtl-verilator": "Verilator",
    "rtl-icarus": "Icarus",
}
MARKS = "<!-- counts -->\n", "<!-- end of counts -->"


def counts(document: dict[str, Any]) -> str:
    """The counts of all runs as Markdown."""
    runs = document["runs"]
    kinds, traits = Counter(), Counter()
    for run in runs:
        kinds.update(run["graphs_with_kind"])
        traits.update(run["graphs_with"])
    lines = [
        f"{document['graphs']} graphs, {sum(run['faults'] for run in runs):,} faults:",
        "",
        "| engine | graphs | pairs | mismatches | failed | refused |",
        "|---|---:|---:|---:|---:|---:|",
        *(_row(name, document["engines"][name], runs) for name in NAMES),
        "",
        f"Graphs that hold a kind: {_listed(kinds)}.",
        "",
        f"Graphs with: {_listed(traits)}.",
        "",
        "; ".join(_source(run) for run in runs) + ".",
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, total: dict[str, int], runs: list[dict[str, Any]]) -> str:
    failed = sum(len(run["engines"][name]["failed"]) for run in runs)
    refused = sum(sum(run["engines"][name]["refused"].values()) for run in runs)
    cells = total["graphs"], total["pairs"], total["mismatches"], failed, refused
    return f"| {NAMES[name]} | " + " | ".join(f"{cell:,}" for cell in cells) + " |"


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common())


def _source(run: dict[str, Any]) -> str:
    first, last = run["seeds"]
    where = f"commit `{run['commit'][:7]}`, {run['cpu']}, {run['date'][:10]}"
    return f"seeds {first} to {last} ({where}, {run['seconds']:,.0f} s)"


def page(text: str, document: dict[str, Any]) -> str:
    """The page with the counts between its marks."""
    start, end = map(re.escape, MARKS)
    return re.sub(f"({start}).*({end})", lambda m: f"{m[1]}{counts(document)}{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    document = json.loads((DOCS / "results" / "graphs.json").read_text())
    path = DOCS / "graphs.md"
    path.write_text(page(path.read_text(), document))
