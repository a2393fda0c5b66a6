"""The area table of ``netsurf area`` and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsurf.report.figures import _svg
from netsurf.report.style import style
from netsurf.report.tables import Table


def area_tables(document: Mapping[str, Any]) -> tuple[Table, ...]:
    """What each level is, what it costs on each target, and how flat and hierarchical figures differ."""
    cost = tuple(_cost_table(document, name) for name in document["targets"])
    flat = _flat_table(document)
    wired = [_constant_table(document)] if "constant" in document else []
    return (_level_table(document), *cost, *([flat] if flat.rows else []), *wired)


def _level_table(document: Mapping[str, Any]) -> Table:
    bers = list(document["levels"][0].get("accuracy", {}))
    columns = ("protection", "stored bits", "replicas", "voters", "registers", "flip-flops")
    rows = tuple(
        (
            f"{100 * level['protection']:.3g} %",
            *(level[key] for key in ("stored_bits", "replicas", "voters", "registers", "flip_flops")),
            *(_interval(level["accuracy"][ber]) for ber in bers),
        )
        for level in document["levels"]
    )
    metric = document.get("metric", "accuracy")
    title = f"{document['benchmark']}, {document['architecture']} architecture, by {document['ranker']}"
    return Table(title, (*columns, *(f"{metric} at BER {ber}" for ber in bers)), rows)


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


def _cost_table(document: Mapping[str, Any], target: str) -> Table:
    says = document["targets"][target]
    keys = (
        ("area_um2", "cells", "FF") if says["library"] else ("LUT", "FF", "CARRY", "MUX", "DSP", "BRAM_18K")
    )
    fronts = document.get("front", {}).get(target, {})
    rows = tuple(
        (
            f"{100 * level['protection']:.3g} %",
            *(_number(level[target][key]) for key in keys),
            level[target]["depth_cells"],
            f"{100 * level[target]['overhead']:+.1f} %",
            *("yes" if level["protection"] in front else "" for front in fronts.values()),
        )
        for level in document["levels"]
    )
    columns = ("protection", *keys, "depth", "overhead", *(f"front at {ber}" for ber in fronts))
    return Table(f"{target}: {says['title']}", columns, rows)


def _number(value: float) -> int:
    return round(value)


def _flat_table(document: Mapping[str, Any]) -> Table:
    rows = []
    for level in document["levels"]:
        for target in document["targets"]:
            found = level[target]
            if "flat" in found:
                key = "area_um2" if document["targets"][target]["library"] else "LUT"
                rows.append(
                    (
                        f"{100 * level['protection']:.3g} %",
                        target,
                        _number(found[key]),
                        _number(found["flat"][key]),
                        f"{100 * found['flat']['difference']:+.1f} %",
                    )
                )
    columns = ("protection", "target", "hierarchical", "flat", "difference")
    return Table("Hierarchical figures against flat ones (LUT or um^2)", columns, tuple(rows))


def _constant_table(document: Mapping[str, Any]) -> Table:
    bare = document["levels"][0]
    rows = []
    for target, found in document["constant"].items():
        key = "area_um2" if document["targets"][target]["library"] else "LUT"
        sizes = _number(found[key]), _number(bare[target][key])
        flops = found["FF"], bare[target]["FF"]
        rows.append((target, *sizes, *flops, f"{100 * found['store_overhead']:+.1f} %"))
    columns = ("target", "hard-wired", "loadable", "FF hard-wired", "FF loadable", "cost of a loadable store")
    return Table("Weights hard-wired against a store that is loaded (LUT or um^2)", columns, tuple(rows))


def area_figure(document: Mapping[str, Any]) -> str:
    """Overhead against protection level for every target, accuracy beside it if there is one, as SVG."""
    x = [100 * level["protection"] for level in document["levels"]]
    bers = list(document["levels"][0].get("accuracy", {}))
    with style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(1, 1 + bool(bers), figsize=(9.0 if bers else 6.0, 3.6), squeeze=False)
        for target in document["targets"]:
            y = [100 * level[target]["overhead"] for level in document["levels"]]
            axes[0, 0].plot(x, y, label=target)
        flops = [level["flip_flops"] for level in document["levels"]]
        axes[0, 0].plot(x, [100 * (n / flops[0] - 1) for n in flops], label="flip-flops", linestyle=":")
        axes[0, 0].set(xlabel="protection level (% of stored bits)", ylabel="overhead (%)")
        axes[0, 0].legend()
        for ber in bers:
            found = [level["accuracy"][ber] for level in document["levels"]]
            spread = [[f["value"] - f["low"] for f in found], [f["high"] - f["value"] for f in found]]
            axes[0, 1].errorbar(x, [f["value"] for f in found], yerr=spread, capsize=3, label=f"BER {ber}")
        if bers:
            axes[0, 1].set(xlabel="protection level (% of stored bits)", ylabel=document["metric"])
            axes[0, 1].legend()
        return _svg(figure)
