"""Tables and the figure of ``netsurf signature``: how sensitivity is spread, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsurf.report.figures import _svg
from netsurf.report.style import COLOURS, style
from netsurf.report.tables import Table

Document = Mapping[str, Any]

STATISTICS = ("mean", "variance", "skew", "kurtosis", "l1", "l2", "entropy", "gini")


def signature_tables(document: Document) -> tuple[Table, ...]:
    """Statistics of every quantity before and after, then how far the distributions are apart."""
    return statistics_table(document), divergence_table(document)


def statistics_table(document: Document) -> Table:
    """Two rows a quantity: its statistics before and after."""
    names = {"before": document["against"]["name"], "after": document["benchmark"]}
    rows = tuple(
        (entry["quantity"], names[when], entry[when]["count"], *(_number(entry[when][s]) for s in STATISTICS))
        for entry in document["quantities"]
        for when in ("before", "after")
    )
    return Table("Signature", ("quantity", "of", "values", *STATISTICS), rows)


def divergence_table(document: Document) -> Table:
    """One row a quantity: divergences of the distributions, and the rank correlation of equal elements."""
    rows = tuple(
        (
            entry["quantity"],
            _number(entry["divergence"]["jensen_shannon"]),
            _number(entry["divergence"]["wasserstein"]),
            _number(entry["divergence"]["shape"]),
            _number(entry["after"]["gini"] - entry["before"]["gini"], sign="+"),
            _number(entry["correlation"]),
        )
        for entry in document["quantities"]
    )
    columns = (
        "quantity", "Jensen-Shannon (bits)", "Wasserstein", "Wasserstein of shapes", "Gini shift", "Spearman"
    )  # fmt: skip
    title = f"Distance of {document['benchmark']} from {document['against']['name']}"
    return Table(title, columns, rows)


def _number(value: float | None, sign: str = "") -> str | None:
    return None if value is None else f"{value:{sign}.4g}"


def lorenz_figure(document: Document) -> str:
    """Lorenz curve of every quantity, dashed before and solid after, as SVG."""
    import numpy as np

    entries = document["quantities"]
    with style():
        import matplotlib.pyplot as plt

        figure, panels = plt.subplots(
            1, len(entries), figsize=(2.4 * len(entries), 2.9), sharex=True, sharey=True
        )
        for axes, entry in zip(np.atleast_1d(panels), entries, strict=True):
            for when, dash in (("before", "--"), ("after", "-")):
                curve = 100 * np.array(entry["lorenz"][when])
                part = np.linspace(0, 100, len(curve))
                colour = COLOURS[1] if when == "before" else COLOURS[0]
                axes.plot(part, curve, dash, color=colour, marker="")
            axes.plot((0, 100), (0, 100), color="0.6", linewidth=0.8, marker="")
            axes.set(title=entry["quantity"], xlabel="smallest values (%)")
        np.atleast_1d(panels)[0].set_ylabel("share of the sum (%)")
        names = [document["against"]["name"], document["benchmark"]]
        figure.legend(axes.get_lines()[:2], names, loc="outside lower center", ncols=2, frameon=False)
        return _svg(figure)
