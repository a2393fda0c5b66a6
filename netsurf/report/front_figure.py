"""The Pareto front of plans: what they cost against what they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.report.canvas import canvas
from netsurf.report.style import COLOURS, MARKERS, style


def front_figure(
    points: Sequence[Mapping[str, Any]], title: str, metric: str, cost: str = "flip_flops"
) -> Any:
    """Every plan that was tried, and the front of those that no other beats, measured again.

    Parameters
    ----------
    points
        ``cost`` and ``tried`` (what the choice saw) of every plan, its ``ranker``; ``value``, ``low`` and
        ``high`` of those on the front, measured on other faults and samples, and None for the others.
    """
    scale = 100 if metric == "accuracy" else 1
    front = sorted((p for p in points if p["value"] is not None), key=lambda p: p[cost])
    with style():
        figure, axes = canvas()
        rankers = list(dict.fromkeys(point["ranker"] for point in points))
        for number, ranker in enumerate(rankers):
            mine = [point for point in points if point["ranker"] == ranker]
            axes.plot(
                [point[cost] for point in mine],
                [scale * point["tried"] for point in mine],
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)],
                markersize=5,
                alpha=0.55,
                label=f"{ranker}, tried",
            )
        x = [point[cost] for point in front]
        y = [scale * point["value"] for point in front]
        errors = [
            [scale * (point["value"] - point["low"]) for point in front],
            [scale * (point["high"] - point["value"]) for point in front],
        ]
        axes.step(x, y, where="post", color="0.2", linewidth=1, marker="")
        axes.errorbar(
            x, y, yerr=errors, fmt="o", color="black", markersize=4, capsize=3, label="front, measured again"
        )
        axes.set(xlabel=_words(cost), ylabel="accuracy (%)" if metric == "accuracy" else metric)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_title(title, fontsize=10)
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
        return figure


def _words(cost: str) -> str:
    return {"flip_flops": "stored bits, replicas included"}.get(cost, cost.replace("_", " "))
