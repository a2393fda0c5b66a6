"""What ``netsurf inject`` shows: the plan, the result and the profile of a campaign."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsurf.cli.output import Output
from netsurf.cli.progress import duration

if TYPE_CHECKING:
    from netsurf.campaign.calibrate import Estimate
    from netsurf.campaign.campaign import Campaign
    from netsurf.campaign.run import Outcome
    from netsurf.campaign.score import Scorer
    from netsurf.campaign.summary import CellSummary
    from netsurf.inject import Profile

RESULT = "result.json"
"""Document of a finished campaign, in its run folder."""


def show_plan(output: Output, campaign: Campaign, folder: Path, estimate: Estimate, jobs: int) -> None:
    """Print what would run."""
    spec, layout = campaign.spec, campaign.layout
    seconds = estimate.seconds / (jobs if layout.grid else 1)
    most = "at most " if spec.margin is not None and layout.grid else ""
    bits = len(campaign.bits)
    output.say(f"{_what(campaign)}: {bits:,} stored bits may be upset")
    output.say(f"{len(campaign.cells)} cells, {most}{estimate.total:,} trials in {layout.chunks:,} chunks")
    measured = f"measured on {estimate.trials:,}" if estimate.trials else "measured on a few samples"
    output.say(
        f"{most}about {duration(seconds)} on {jobs} processes "
        f"({estimate.seconds_per_trial * 1e3:.3g} ms a trial, {measured})"
    )
    output.say(f"would be written to {folder}")
    output.document(
        {
            "benchmark": spec.benchmark,
            "cells": len(campaign.cells),
            "trials": estimate.total,
            "faults": sum(layout.counts),
            "chunks": layout.chunks,
            "population_bits": bits,
            "seconds_per_trial": estimate.seconds_per_trial,
            "seconds": seconds,
            "jobs": jobs,
            "folder": folder,
        }
    )


def show_result(output: Output, campaign: Campaign, outcome: Outcome, scorer: Scorer, folder: Path) -> None:
    """Print the result, and keep it in the run folder once it is complete."""
    document = _document(campaign, outcome, scorer, folder)
    if campaign.layout.grid or not document["tensors"]:
        _grid_table(output, campaign, document)
    else:
        _sweep_table(output, campaign, document)
    output.note(f"rows, provenance and {RESULT}: {folder}")
    output.document(document)


def _document(campaign: Campaign, outcome: Outcome, scorer: Scorer, folder: Path) -> dict[str, Any]:
    """Everything that is known about a run; figures of the engine survive a run that finds all done."""
    from netsurf.campaign.metrics import golden_metric
    from netsurf.campaign.summary import summarise
    from netsurf.files import write_atomic

    before = _read(folder / RESULT)
    cells = summarise(campaign, outcome.store, outcome.chunks)
    document = {
        "benchmark": campaign.spec.benchmark,
        "campaign": campaign.digest,
        "network": campaign.problem.network.digest,
        "mode": campaign.spec.mode,
        "population": campaign.spec.population,
        "population_bits": len(campaign.bits),
        "ideal": campaign.spec.ideal,
        "split": campaign.spec.split,
        "complete": outcome.complete,
        "faults": sum(cell.trials for cell in cells),
        "samples": campaign.problem.samples,
        "metrics": list(campaign.metrics),
        "golden": {name: golden_metric(campaign.problem, name) for name in campaign.metrics},
        "confidence": campaign.spec.confidence,
        "engine": f"{scorer.name} {scorer.version}",
        "seconds": outcome.engine_seconds if outcome.computed else before.get("seconds", 0.0),
        "computed": outcome.computed,
        "folder": str(folder),
        "cells": [_cell(cell) for cell in cells],
    }
    if campaign.metric.name == "accuracy":
        document["golden_accuracy"] = document["golden"]["accuracy"]
    if not campaign.layout.grid:
        document |= _sweep(campaign, outcome, scorer, folder, before)
    if outcome.complete:
        write_atomic(folder / RESULT, json.dumps(document, indent=2, default=_plain) + "\n")
    return document


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _cell(cell: CellSummary) -> dict[str, Any]:
    return {
        "ranker": cell.ranker,
        "protection": cell.protection,
        "ber": cell.ber,
        "stored_bits": cell.stored_bits,
        "trials": cell.trials,
        "population": cell.population,
        "upsets": cell.upsets,
        "detected": cell.detected,
        "metrics": {
            name: {
                "mean": interval.estimate,
                "interval": [interval.low, interval.high],
                "rule": interval.rule,
                **({"k": cell.counts[name][0], "n": cell.counts[name][1]} if name in cell.counts else {}),
            }
            for name, interval in cell.metrics.items()
        },
    }


def _sweep(
    campaign: Campaign, outcome: Outcome, scorer: Scorer, folder: Path, before: dict[str, Any]
) -> dict[str, Any]:
    """What single upsets add: by tensor, the worst site, and the per-fault array."""
    from netsurf.campaign.summary import by_tensor

    tables = [by_tensor(campaign, outcome.store, outcome.chunks, cell) for cell in campaign.cells]
    result = getattr(scorer, "result", None)
    tensors = [_tensor(campaign, number, entry) for number, table in enumerate(tables) for entry in table]
    higher = campaign.metric.higher
    worst = (min if higher else max)(tensors, key=lambda entry: entry["worst"], default=None)
    return {
        "tensors": tensors,
        "rungs": result.rungs if result is not None else before.get("rungs", {}),
        "worst": {"site": worst["worst_site"], campaign.metrics[0]: worst["worst"]} if worst else None,
        "array": str(_array(outcome, folder)),
    }


def _tensor(campaign: Campaign, number: int, entry: Any) -> dict[str, Any]:
    cell = campaign.cells[number]
    rates = {"harmful": entry.harmful, "critical": entry.critical}
    return {
        "protection": cell.protection,
        "ranker": cell.ranker,
        "tensor": entry.tensor,
        "faults": entry.faults,
        "mean": entry.mean,
        "worst": entry.worst,
        "worst_site": str(cell.design.space.site(entry.worst_site)),
        **{
            name: {"k": rate.k, "n": rate.n, "interval": [rate.interval.low, rate.interval.high]}
            for name, rate in rates.items()
            if rate is not None
        },
    }


def _array(outcome: Outcome, folder: Path) -> Path:
    """Write the per-fault columns as ``faults.npz`` beside the result: only those that were recorded."""
    import io

    import numpy as np

    from netsurf.files import write_atomic

    names = [
        "trial",
        "cell",
        "site",
        "detected",
        "samples",
        "correct",
        "topk",
        "sdc",
        "loss",
        "mse",
        "mae",
        "r2",
    ]
    rows = outcome.store.read(outcome.chunks, names)
    kept = {name: column for name, column in rows.items() if not _absent(column)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **kept)
    return write_atomic(folder / "faults.npz", buffer.getvalue())


def _absent(column: Any) -> bool:
    return bool((column != column).all() if column.dtype.kind == "f" else (column == -1).all())


def _what(campaign: Campaign) -> str:
    spec = campaign.spec
    words = [
        spec.benchmark,
        f"{spec.mode} {spec.fault}s",
        f"{campaign.problem.samples:,} {spec.split} samples",
    ]
    if spec.population != "all":
        words.append(f"population {spec.population} ({len(campaign.bits):,} stored bits)")
    if spec.ideal:
        words.append("ideal protection, which no hardware has")
    return ", ".join(words)


def _header(campaign: Campaign, document: dict[str, Any]) -> str:
    golden = ", ".join(f"{name} {value:.6g}" for name, value in document["golden"].items())
    return f"{_what(campaign)}; fault-free {golden}"


def _grid_table(output: Output, campaign: Campaign, document: dict[str, Any]) -> None:
    names = list(dict.fromkeys([*campaign.metrics, "sdc"]))
    columns = ["BER", "protection", "ranker", "stored bits", "models", "upsets", *names]
    cells = sorted(document["cells"], key=lambda cell: (cell["ber"] or 0, cell["protection"], cell["ranker"]))
    rows = [
        [
            "-" if cell["ber"] is None else f"{cell['ber']:g}",
            f"{100 * cell['protection']:g} %",
            cell["ranker"],
            cell["stored_bits"],
            cell["trials"],
            round(cell["upsets"], 1),
            *(_measured(cell["metrics"][name]) for name in names),
        ]
        for cell in cells
    ]
    output.table(columns, rows, _header(campaign, document))
    rules = sorted({cell["metrics"][campaign.metrics[0]]["rule"] for cell in cells})
    output.say(
        f"intervals: {', '.join(rules)} at {100 * campaign.spec.confidence:g} %, over faulty models, "
        f"on these {document['samples']:,} samples"
    )


def _measured(value: dict[str, Any]) -> str:
    low, high = value["interval"]
    seen = f"{value['k']:,}/{value['n']:,}" if "k" in value else f"{value['mean']:.5g}"
    return f"{seen} [{low:.4f}, {high:.4f}]"


def _sweep_table(output: Output, campaign: Campaign, document: dict[str, Any]) -> None:
    columns = ["tensor", "protection", "faults", "mean", "worst", "worst bit", "change a decision"]
    critical = any("critical" in entry for entry in document["tensors"])
    rows = [_tensor_row(entry, document["rungs"], critical) for entry in document["tensors"]]
    columns += ["cost > 0.1 point"] if critical else []
    output.table([*columns, "rung"], rows, _header(campaign, document))
    if campaign.spec.mode == "sample":
        for cell in document["cells"]:
            _sampled_lines(output, campaign, cell)
    if document["worst"]:
        name = campaign.metrics[0]
        output.say(f"worst: {document['worst']['site']}, {name} {document['worst'][name]:.6g}")
    pairs = document["faults"] * document["samples"]
    if document["seconds"]:
        output.say(
            f"{document['faults']:,} faults x {document['samples']:,} samples, exact, in "
            f"{duration(document['seconds'])} of engine time ({pairs / document['seconds']:.3g} pairs/s)"
        )


def _sampled_lines(output: Output, campaign: Campaign, cell: dict[str, Any]) -> None:
    """What the sample says about all single upsets of its population."""
    said = ", ".join(f"{name} {_measured(value)}" for name, value in cell["metrics"].items())
    where = f"protection {100 * cell['protection']:g} %"
    output.say(f"{where}: {cell['trials']:,} of {cell['population']:,} single upsets, stratified: {said}")


def _tensor_row(entry: dict[str, Any], rungs: dict[str, str], critical: bool) -> Sequence[Any]:
    row = [
        entry["tensor"],
        f"{100 * entry['protection']:g} %",
        entry["faults"],
        round(entry["mean"], 6),
        round(entry["worst"], 6),
        entry["worst_site"],
        _measured(entry["harmful"]),
    ]
    row += [_measured(entry["critical"])] if critical else []
    return [*row, rungs.get(entry["tensor"], "forward")]


def show_profile(output: Output, campaign: Campaign, outcome: Outcome, scorer: Scorer) -> None:
    """Print where the time went, and what share of this machine each kernel of the fast engine reaches."""
    total, engine = outcome.seconds, outcome.engine_seconds
    rows = [
        ["engine", engine, 100 * engine / max(total, 1e-9)],
        ["drawing, rows and store", total - engine, 100 * (1 - engine / max(total, 1e-9))],
    ]
    output.table(["part", "seconds", "per cent"], rows, "profile of this process")
    if hasattr(scorer, "machine"):
        _show_machine(output, scorer.machine())


def _show_machine(output: Output, measured: Profile) -> None:
    """Print limits of the machine and the rates of the kernels beside them."""
    giga = 1e9
    limits = [[limit.name, limit.rate / giga, limit.how] for limit in measured.limits]
    title = f"limits of this machine, measured now, {measured.jobs} threads"
    output.table(["limit", "1e9 a second", "what was measured"], limits, title)
    rows = [
        [
            entry.task,
            entry.seconds,
            entry.work / entry.seconds / giga,
            entry.limit or "-",
            None if entry.share is None else round(entry.share, 3),
        ]
        for entry in measured.reached
    ]
    columns = ["task", "seconds", "1e9 a second", "limit", "share"]
    output.table(
        columns, rows, "work as if nothing could be skipped: a share above 1 is work that was not needed"
    )
