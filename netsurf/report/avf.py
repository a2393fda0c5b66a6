"""The figure of ``netsurf avf``: vulnerability over cycles, and the share of the weights."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from netsurf.report.style import COLOURS, MARKERS, style


def avf_figure(document: Mapping[str, Any]) -> str:
    """SVG with two panels: AVF by kind and cycle (first level), share of the weights by reload interval."""
    with style():
        import matplotlib.pyplot as plt

        figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6))
        _by_cycle(left, document["levels"][0])
        _shares(right, document["levels"])
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
        return text.getvalue()[text.getvalue().index("<svg") :]


def _by_cycle(axes: Any, level: Mapping[str, Any]) -> None:
    for colour, marker, row in zip(COLOURS, MARKERS, level["rows"], strict=False):
        parts = [(n, part) for n, part in enumerate(row["by_cycle"]) if part is not None]
        if not parts:
            continue
        width = level["latency"] / len(row["by_cycle"])
        x = [(n + 0.5) * width for n, _ in parts]
        y = [100 * part[0] for _, part in parts]
        low = [100 * (part[0] - part[1]) for _, part in parts]
        high = [100 * (part[2] - part[0]) for _, part in parts]
        label = row["kind"].replace("_", " ")
        axes.errorbar(x, y, yerr=[low, high], label=label, color=colour, marker=marker, capsize=2, lw=1)
    axes.set(xlabel="cycle of the inference", ylabel="SDC or hang (%)")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8)


def _shares(axes: Any, levels: list[Mapping[str, Any]]) -> None:
    reloads = [10.0 ** (k / 4) for k in range(29)]
    for colour, marker, level in zip(COLOURS, MARKERS, levels, strict=False):
        label = f"{100 * level['protection']:g} % in TMR"
        y = [100 * share(level, reload) for reload in reloads]
        axes.plot(reloads, y, label=label, color=colour, marker=marker, markevery=4)
    axes.axhline(50, color="0.4", linestyle="--")
    axes.set_xscale("log")
    axes.set(xlabel="inferences between two loads of the store", ylabel="visible errors from weights (%)")
    axes.set_ylim(-2, 102)
    axes.legend(fontsize=8)


def share(level: Mapping[str, Any], reload: float) -> float:
    """Part of the visible errors that comes from weights; ``reload`` in inferences."""
    weights = level["weight_bits_at_risk"] * reload * level["interval"] / 2
    rest = level["datapath_bits_at_risk"] * level["latency"]
    return weights / (weights + rest) if weights + rest else 0.0
