"""Pictures of rankings: how far they overlap, and which layers and bits they protect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.report.canvas import canvas, look
from netsurf.report.style import style


def overlap_figure(agreements: Sequence[Mapping[str, Any]], measure: str = "jaccard") -> Any:
    """Overlap with the baseline by protection level, with bootstrap bands.

    Parameters
    ----------
    agreements
        Plain values of :class:`netsurf.rank.compare.Agreement`.
    measure
        ``jaccard`` or ``dice``.
    """
    baseline = agreements[0]["baseline"]
    methods = [name for name in dict.fromkeys(row["method"] for row in agreements) if name != baseline]
    with style():
        figure, axes = canvas()
        for number, name in enumerate(methods):
            rows = sorted((row for row in agreements if row["method"] == name), key=lambda row: row["level"])
            x = [100 * row["level"] for row in rows]
            y = [row[measure]["value"] for row in rows]
            axes.plot(x, y, label=name, **look(number))
            low, high = ([row[measure][end] for row in rows] for end in ("low", "high"))
            axes.fill_between(x, low, high, color=look(number)["color"], alpha=0.2, linewidth=0)
        axes.set(
            xlabel="protection level (% of stored bits)",
            ylabel=f"{measure.capitalize()} overlap with {baseline}",
            ylim=(0, 1.02),
        )
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
        return figure


def heat_figure(shares: Mapping[str, NDArray[np.float64]], tensors: Sequence[str], level: float) -> Any:
    """Which part of each bit of each tensor a ranking protects at a level, one panel a method.

    Parameters
    ----------
    shares
        Method to ``(tensors, planes)``, from :func:`protected_share`; NaN where a tensor has no such bit.
    """
    planes = max(table.shape[1] for table in shares.values())
    columns = min(len(shares), 4)
    rows = -(-len(shares) // columns)
    size = 1.3 + 2.0 * columns, 0.7 + (0.75 + 0.26 * len(tensors)) * rows
    with style():
        figure, panels = canvas(rows, columns, size, squeeze=False, sharex=True, sharey=True)
        image = None
        for axes, (name, table) in zip(panels.flat, shares.items(), strict=False):
            image = axes.imshow(100 * table, vmin=0, vmax=100, cmap="cividis", aspect="auto", origin="upper")
            axes.set_title(name, fontsize=9)
            axes.set_yticks(range(len(tensors)), tensors, fontsize=8)
            axes.set_xticks(range(planes), [str(bit) for bit in range(planes)], fontsize=8)
            axes.grid(visible=False)
            axes.invert_xaxis()
        for axes in list(panels.flat)[len(shares) :]:
            axes.set_axis_off()
        figure.supxlabel("bit (the highest is the sign)", fontsize=9)
        figure.colorbar(image, ax=panels, label=f"% of bits protected at {100 * level:g} %")
        return figure


def protected_share(
    bits: NDArray[np.int64], sizes: Sequence[tuple[int, int]], level: float
) -> NDArray[np.float64]:
    """Part of each bit of each tensor among the first bits of a ranking.

    Parameters
    ----------
    bits
        A ranking: numbers of stored bits, most critical first.
    sizes
        ``(elements, width)`` of each tensor, in order of number.

    Returns
    -------
    ``float64 (tensors, widest)``; NaN where a tensor has no such bit.

    >>> protected_share(np.array([5, 3, 1, 0, 2, 4]), [(2, 2), (2, 1)], 0.5)
    array([[0. , 1. ],
           [0.5, nan]])
    """
    total = sum(elements * width for elements, width in sizes)
    hit = np.zeros(total, bool)
    hit[bits[: round(level * total)]] = True
    table = np.full((len(sizes), max(width for _, width in sizes)), np.nan)
    start = 0
    for row, (elements, width) in enumerate(sizes):
        part = hit[start : start + elements * width].reshape(elements, width)
        table[row, :width] = part.mean(axis=0)
        start += elements * width
    return table
