"""Picture of a mission: what is left of the accuracy, and what is lost, by the time between reloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.report.figures import _svg
from netsurf.report.style import COLOURS, MARKERS, style

Row = Mapping[str, Any]

TICKS = {1e-3: "1 ms", 1.0: "1 s", 60.0: "1 min", 3600.0: "1 h", 86400.0: "1 d", 30 * 86400.0: "30 d"}
TICKS |= {365.25 * 86400.0: "1 y", 10 * 365.25 * 86400.0: "10 y", 100 * 365.25 * 86400.0: "100 y"}
"""Times that a person reads, in seconds."""


def mission_figure(document: Mapping[str, Any]) -> str:
    """Expected quality before the reload and, on a logarithmic scale, what is lost of it, as SVG.

    One line a protection level, with its interval. With one time between reloads it shows how the quality
    falls within it instead.
    """
    rows: Sequence[Row] = document["rows"]
    several = len({row["reload"] for row in rows}) > 1
    with style():
        import matplotlib.pyplot as plt

        size = (6.0, 5.4) if several else None
        figure, panels = plt.subplots(1 + several, 1, sharex=True, squeeze=False, figsize=size)
        above, below = panels[0, 0], panels[-1, 0]
        for number, level in enumerate(dict.fromkeys(row["level"] for row in rows)):
            mine = [row for row in rows if row["level"] == level]
            look = {"label": f"{100 * level:g} % in TMR", "color": COLOURS[number % 8]}
            look["marker"] = MARKERS[number % 8]
            _line(above, _points(mine, "expected", several), **look)
            if several:
                _line(below, [p for p in _points(mine, "loss", True) if p[1] > 0], **look)
        above.axhline(100 * document["fault_free"], color="0.4", linestyle="--", label="no upset")
        above.set(ylabel=f"expected {document['quality']} (%)")
        above.legend(loc="lower left")
        if several:
            below.set(yscale="log", ylabel="expected loss (points)")
        _time_axis(below, several)
        return _svg(figure)


Point = tuple[float, float, float, float]


def _points(rows: Sequence[Row], what: str, several: bool) -> list[Point]:
    """Time, estimate and both ends, in per cent, ascending."""
    if several:
        return sorted((row["reload"], *_percent(row[what])) for row in rows)
    return [(moment["seconds"], *_percent(moment)) for moment in rows[0]["over_time"]]


def _percent(interval: Row) -> tuple[float, ...]:
    return tuple(100 * interval[name] for name in ("estimate", "low", "high"))


def _line(axes: Any, points: list[Point], **look: str) -> None:
    x, y, low, high = (list(column) for column in zip(*points, strict=True)) if points else ([],) * 4
    axes.plot(x, y, markersize=4, **look)
    axes.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


def _time_axis(axes: Any, several: bool) -> None:
    axes.set(xlabel="time between reloads of the weights" if several else "time since the last reload (s)")
    if not several:
        return
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    shown = {t: text for t, text in TICKS.items() if low <= t <= high}
    if len(shown) > 1:
        axes.xaxis.minorticks_off()
        axes.set_xticks(list(shown), list(shown.values()))
