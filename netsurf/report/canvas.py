"""Canvas: empty figures in NetSurf's style, lines that differ in more than colour, and files of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netsurf.files import write_atomic
from netsurf.report.style import COLOURS, MARKERS, style

DASHES = ("-", "--", "-.", ":")
"""Line styles; with the markers they tell lines apart in grey."""

RESOLUTION = 120
"""Dots an inch of PNG files."""


def canvas(rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None, **options: Any) -> Any:
    """A figure and its axes, ``(rows, columns)`` of them, or one alone.

    The figure belongs to nobody but the caller: nothing is registered with pyplot. Call it, and draw, inside
    :func:`netsurf.report.style.style`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, **options)
    return figure, axes


def look(number: int) -> dict[str, Any]:
    """Colour, marker and line style of the ``number``-th line of a figure; no two of the first 32 are alike.

    >>> look(0)["marker"], look(9)["linestyle"]
    ('o', '-.')
    """
    turn, place = divmod(number, len(COLOURS))
    return {
        "color": COLOURS[place],
        "marker": MARKERS[place],
        "linestyle": DASHES[(place + turn) % len(DASHES)],
        "markersize": 4.5,
        "linewidth": 1.4,
    }


def save(figures: Mapping[str, Any], folder: Path, suffix: str = "png") -> list[Path]:
    """Write figures as ``NAME.png`` (or ``.svg``), whole or not at all; the same numbers give the same bytes.

    Raises
    ------
    ToolFailedError
        If the folder cannot be written.
    """
    return [
        write_atomic(folder / f"{name}.{suffix}", _bytes(figure, suffix)) for name, figure in figures.items()
    ]


def _bytes(figure: Any, suffix: str) -> bytes:
    file = io.BytesIO()
    metadata = {"Date": None} if suffix == "svg" else {"Software": None}
    with style():
        figure.savefig(file, format=suffix, dpi=RESOLUTION, metadata=metadata)
    return file.getvalue()
