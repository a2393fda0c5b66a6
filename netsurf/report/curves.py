"""Pictures of ``netsurf compare``: curves along BER and protection, the surface, and who stands where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netsurf.report.canvas import canvas, look
from netsurf.report.comparison import title
from netsurf.report.style import style

Network = Mapping[str, Any]
Document = Mapping[str, Any]

FAVOURITES = ("oracle", "oracle2", "laplace", "fisher", "grad", "weight_abs_value", "msb", "random")
"""Methods that are drawn where all would be too many, if they were measured; others fill up."""


def comparison_figures(document: Document) -> dict[str, Any]:
    """Every picture of a comparison, by file name."""
    figures = {}
    for network in document["networks"]:
        name = "-".join([network["benchmark"], network["ordering"], network["protection"]])
        methods = chosen(network)
        level = document["levels"][min(2, len(document["levels"]) - 1)]
        figures[f"{name}-ber"] = ber_figure(document, network, methods, level)
        figures[f"{name}-protection"] = protection_figure(document, network, methods)
        figures[f"{name}-standing"] = standing_figure(network)
        if len(document["levels"]) > 1 and len(document["bers"]) > 1:
            figures[f"{name}-surface"] = surface_figure(document, network, methods[:2])
    return figures


def chosen(network: Network, count: int = len(FAVOURITES)) -> list[str]:
    """The favourites that were measured, and as many others as make up ``count``."""
    names = [row["method"] for row in network["methods"]]
    favourites = [name for name in FAVOURITES if name in names]
    return [*favourites, *(name for name in names if name not in favourites)][:count]


def ber_figure(document: Document, network: Network, methods: Sequence[str], level: float) -> Any:
    """The metric against the BER at one protection level, with intervals, and unprotected."""
    bers, place = document["bers"], document["levels"].index(level)
    with style():
        figure, axes = canvas()
        for number, name in enumerate(methods):
            _line(axes, network, bers, _row(network, name)["cells"][place], name, look(number))
        bare = {"color": "0.45", "linestyle": ":", "marker": ""}
        _line(axes, network, bers, network["unprotected"]["cells"], "unprotected", bare)
        axes.set(xscale="log", xlabel="bit error rate", ylabel=_label(network))
        _ticks(axes, bers)
        axes.set_title(f"{title(network)}, {100 * level:g} % protected", fontsize=10)
        _scale(axes, network)
        _legend(figure)
        return figure


def protection_figure(document: Document, network: Network, methods: Sequence[str]) -> Any:
    """The mean of the metric along BER against the protection level, with intervals."""
    levels = [100 * level for level in document["levels"]]
    with style():
        figure, axes = canvas()
        for number, name in enumerate(methods):
            _line(axes, network, levels, _row(network, name)["auc"], name, look(number))
        bare = _scaled(network, network["unprotected"]["auc"])
        axes.axhline(bare[0], color="0.45", linestyle=":", marker="", label="unprotected")
        axes.set(xlabel="protection level (% of stored bits)", ylabel=f"{_label(network)}, mean along BER")
        axes.set_title(title(network), fontsize=10)
        _scale(axes, network)
        _legend(figure)
        return figure


def standing_figure(network: Network) -> Any:
    """Every method's mean over levels and BERs with its interval, the best on top."""
    rows = sorted(network["methods"], key=lambda row: row["vus"][0], reverse=not network["higher"])
    with style():
        figure, axes = canvas(size=(6.0, 1.2 + 0.19 * len(rows)))
        values = [_scaled(network, row["vus"]) for row in rows]
        places = range(len(rows))
        axes.errorbar(
            [value[0] for value in values],
            places,
            xerr=_errors(values),
            fmt="o",
            color="#0072B2",
            ecolor="0.3",
            capsize=2,
            markersize=4,
            linewidth=1,
        )
        axes.set_yticks(places, [row["method"] for row in rows], fontsize=8)
        axes.set(xlabel=f"{_label(network)}, mean over levels and BERs", ylim=(-0.7, len(rows) - 0.3))
        axes.set_title(title(network), fontsize=10)
        axes.grid(visible=False, axis="y")
        return figure


def surface_figure(document: Document, network: Network, methods: Sequence[str]) -> Any:
    """The metric over protection level and BER as a surface, one panel a method, all to one scale."""
    import numpy as np

    bers = document["bers"]
    x, y = np.meshgrid([100 * level for level in document["levels"]], np.log10(bers))
    heights = {name: _heights(network, name).T for name in methods}
    low, high = (end(list(heights.values())) for end in (np.min, np.max))
    with style():
        figure, panels = canvas(
            1, len(methods), size=(4.0 * len(methods), 3.4), subplot_kw={"projection": "3d"}, squeeze=False
        )
        for axes, (name, z) in zip(panels[0], heights.items(), strict=True):
            axes.plot_surface(x, y, z, cmap="cividis", vmin=low, vmax=high, edgecolor="0.25", linewidth=0.4)
            axes.set(xlabel="protection level (%)", ylabel="bit error rate", zlim=(low, high))
            axes.set_zlabel(_label(network), fontsize=8)
            axes.set_yticks(np.log10(bers[::2]), [f"{ber:g}" for ber in bers[::2]])
            axes.tick_params(labelsize=7, pad=1)
            axes.xaxis.label.set_size(8)
            axes.yaxis.label.set_size(8)
            axes.set_title(f"{title(network)}: {name}", fontsize=10, y=0.98)
            axes.view_init(elev=25, azim=35 if network["higher"] else -125)  # the drop, or the peak, in front
            axes.set_box_aspect((1.15, 1, 0.8), zoom=0.92)
        return figure


def _heights(network: Network, method: str) -> Any:
    """``(levels, BERs)`` of the metric."""
    import numpy as np

    return np.array(
        [[_scaled(network, cell)[0] for cell in level] for level in _row(network, method)["cells"]]
    )


def _row(network: Network, method: str) -> Mapping[str, Any]:
    return next(row for row in network["methods"] if row["method"] == method)


def _line(
    axes: Any,
    network: Network,
    x: Sequence[float],
    cells: Sequence[Sequence[float]],
    label: str,
    how: Mapping[str, Any],
) -> None:
    values = [_scaled(network, cell) for cell in cells]
    axes.plot(x, [value[0] for value in values], label=label, **how)
    low, high = ([value[end] for value in values] for end in (1, 2))
    axes.fill_between(x, low, high, color=how["color"], alpha=0.15, linewidth=0)


def _scaled(network: Network, value: Sequence[float]) -> list[float]:
    """Accuracies in per cent; errors as they are."""
    return [100 * number for number in value] if network["metric"] == "accuracy" else list(value)


def _errors(values: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[value[0] - value[1] for value in values], [value[2] - value[0] for value in values]]


def _label(network: Network) -> str:
    return "accuracy (%)" if network["metric"] == "accuracy" else network["metric"]


def _scale(axes: Any, network: Network) -> None:
    """Errors of a regression grow by powers of ten."""
    if network["metric"] != "accuracy":
        axes.set_yscale("log", nonpositive="clip")


def _ticks(axes: Any, bers: Sequence[float]) -> None:
    axes.set_xticks(bers, [f"{ber:g}" for ber in bers], fontsize=8)
    axes.minorticks_off()


def _legend(figure: Any) -> None:
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
