"""Picture of a mission: what is left of the accuracy, against the time between reloads."""

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
    """Expected quality before the reload, with its interval, one line a protection level, as SVG.

    With one time between reloads it shows how the quality falls within it instead.
    """
    rows: Sequence[Row] = document["rows"]
    several = len({row["reload"] for row in rows}) > 1
    with style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots()
        for number, level in enumerate(dict.fromkeys(row["level"] for row in rows)):
            points = _points([row for row in rows if row["level"] == level], several)
            _line(axes, points, f"{100 * level:g} % in TMR", COLOURS[number % 8], MARKERS[number % 8])
        axes.axhline(100 * document["fault_free"], color="0.4", linestyle="--", label="no upset")
        axes.set(ylabel=f"expected {document['quality']} (%)")
        _time_axis(axes, several)
        axes.legend(loc="lower left")
        return _svg(figure)


def _points(rows: Sequence[Row], several: bool) -> list[tuple[float, float, float, float]]:
    if several:
        return sorted((row["reload"], *_percent(row["expected"])) for row in rows)
    return [(moment["seconds"], *_percent(moment)) for moment in rows[0]["over_time"]]


def _percent(interval: Row) -> tuple[float, float, float]:
    return tuple(100 * interval[name] for name in ("estimate", "low", "high"))


def _line(axes: Any, points: list[tuple[float, float, float, float]], label: str, colour: str, marker: str):
    x, y, low, high = (list(column) for column in zip(*points, strict=True))
    axes.plot(x, y, label=label, color=colour, marker=marker, markersize=4)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def _time_axis(axes: Any, several: bool) -> None:
    axes.set(xlabel="time between reloads of the weights" if several else "time since the last reload")
    if not several:
        axes.set(xlabel="time since the last reload (s)")
        return
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    shown = {t: text for t, text in TICKS.items() if low <= t <= high}
    if len(shown) > 1:
        axes.set_xticks(list(shown), list(shown.values()))
        axes.minorticks_off()
