"""One look for every picture: readable in grey and by the colour-blind, text kept as text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

# Okabe and Ito's palette (2008), ordered so that neighbours differ in lightness too.
COLOURS = ("#0072B2", "#E69F00", "#000000", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo")


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Matplotlib settings of every NetSurf figure, in force inside the ``with`` block."""
    import matplotlib as mpl

    mpl.use("Agg")
    settings = {
        "figure.figsize": (6.0, 3.6),
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.alpha": 0.3,
        "svg.fonttype": "none",
        "svg.hashsalt": "netsurf",
        "axes.prop_cycle": mpl.cycler(color=COLOURS, marker=MARKERS),
    }
    with mpl.rc_context(settings):
        yield
