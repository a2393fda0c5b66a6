"""Figures of the main job, as SVG text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.report.style import COLOURS, HATCHES, style

_OUTCOME_COLOURS = {"masked": "#D9D9D9", "detected": COLOURS[3], "benign": COLOURS[1], "sdc": COLOURS[4]}


def accuracy_figure(document: Mapping[str, Any]) -> str:
    """Accuracy under fault against protection level, with its interval, as SVG."""
    levels = document["levels"]
    x = [100 * level["protection"] for level in levels]
    y = [100 * level["accuracy"] for level in levels]
    spread = [
        [100 * (level["accuracy"] - level["interval"][0]) for level in levels],
        [100 * (level["interval"][1] - level["accuracy"]) for level in levels],
    ]
    with style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots()
        axes.errorbar(x, y, yerr=spread, capsize=3, label=f"BER {document['spec']['ber']:g}")
        golden = document["accuracies"][0]["accuracy"]
        axes.axhline(100 * golden, color="0.4", linestyle="--", label="no fault")
        axes.set(xlabel="protection level (% of stored bits in TMR)", ylabel="accuracy under fault (%)")
        axes.legend(loc="lower right")
        return _svg(figure)


def outcome_figure(document: Mapping[str, Any], block: str = "single") -> str:
    """Share of each outcome against protection level, as stacked bars in SVG."""
    levels: Sequence[Mapping[str, Any]] = document["levels"]
    with style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots()
        base = [0.0] * len(levels)
        names = [f"{100 * level['protection']:g}" for level in levels]
        for hatch, (outcome, colour) in zip(HATCHES, _OUTCOME_COLOURS.items(), strict=False):
            share = [_share(level["outcomes"][block], outcome) for level in levels]
            axes.bar(names, share, bottom=base, label=outcome, color=colour, hatch=hatch, edgecolor="0.2")
            base = [a + b for a, b in zip(base, share, strict=True)]
        axes.set(
            xlabel="protection level (% of stored bits in TMR)", ylabel="share of pairs (%)", ylim=(0, 100)
        )
        axes.grid(visible=False)
        figure.legend(loc="outside upper center", ncols=4, frameon=False)
        return _svg(figure)


def _share(counts: Mapping[str, int], outcome: str) -> float:
    return 100 * counts[outcome] / max(sum(counts.values()), 1)


def _svg(figure: Any) -> str:
    import matplotlib.pyplot as plt

    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]
