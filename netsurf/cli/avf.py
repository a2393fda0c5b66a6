"""``netsurf avf``: which upsets outside the weight store matter, when, and against the weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Percentages

if TYPE_CHECKING:
    from netsurf.campaign.avf import Avf
    from netsurf.campaign.problem import Problem
    from netsurf.emit import Accelerator
    from netsurf.harden import DesignPoint

RELOADS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""Inferences between two loads of the store that the table shows."""


@command
@click.argument("bench")
@click.option(
    "--architecture",
    "name",
    type=click.Choice(["serial", "parallel", "spec"]),
    default="serial",
    show_default=True,
    help="One input a cycle, one sample a cycle, or the reuse factors of the benchmark.",
)
@click.option(
    "--levels", type=Percentages(), default="0,100", show_default=True, help="Per cent of stored bits in TMR."
)
@click.option("--ranker", default="msb", show_default=True, help="Ranking that chooses the protected bits.")
@click.option(
    "--faults", type=click.IntRange(min=1), default=2000, show_default=True, help="Upsets of each kind."
)
@click.option(
    "--samples", type=click.IntRange(min=1), default=200, show_default=True, help="Of the test split."
)
@click.option(
    "--bins", type=click.IntRange(min=1), default=16, show_default=True, help="Parts of an inference."
)
@click.option("--triplicate", is_flag=True, help="Of a datapath that stands three times, outputs voted.")
@click.option(
    "--check", type=click.IntRange(min=0), default=0, help="Upsets of each kind to run in Verilator as well."
)
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="[default: build/BENCH/avf]"
)
def command(output: Output, bench: str, name: str, out: Path | None, **options: Any) -> int:
    r"""Upset every kind of flip-flop of the accelerator of BENCH and count what changes a decision.

    AVF is the fraction of upsets, uniform over the bits of a kind and the cycles of an inference, that
    change the decision or leave the accelerator without one. The second table says which part of all
    errors comes from the weights, by protection level and inferences between two loads of the store.

    \b
    netsurf avf mnist_fnn_lite --levels 0,20,100
    netsurf avf mnist_fnn --architecture parallel --faults 10000
    """
    import json

    from netsurf.campaign.avf import document, single_upsets
    from netsurf.files import write_atomic
    from netsurf.frontend.problem import problem
    from netsurf.paths import build
    from netsurf.report.avf import avf_figure

    subject = problem(bench, samples=options["samples"])
    singles = single_upsets(subject)
    measured = [_measured(output, subject, name, level, singles, options) for level in options["levels"]]
    tables = [table for table, _ in measured]
    _show(output, bench, name, options["levels"], tables)
    checks = [row for _, rows in measured for row in rows]
    _show_checks(output, checks)
    levels = [
        {"protection": level, **document(table)}
        for level, table in zip(options["levels"], tables, strict=True)
    ]
    result = {
        "benchmark": bench,
        "network": subject.network.digest,
        "architecture": name,
        **{key: options[key] for key in ("triplicate", "ranker", "faults", "bins", "seed")},
        "samples": subject.samples,
        "levels": levels,
        "checks": checks,
    }
    folder = out or build() / bench / "avf"
    kind = f"{name}-triplicated" if options["triplicate"] else name
    write_atomic(folder / f"{kind}.json", json.dumps(result, indent=2) + "\n")
    write_atomic(folder / f"{kind}.svg", avf_figure(result))
    output.note(f"wrote {folder / kind}.json and .svg")
    output.document(result)
    return int(any(row["mismatches"] for row in checks))


def _measured(
    output: Output, subject: Problem, name: str, level: float, singles: Any, options: dict[str, Any]
) -> tuple[Avf, list[dict[str, Any]]]:
    import tempfile

    from netsurf.campaign.avf import Draw, measure
    from netsurf.emit import architecture, emit
    from netsurf.harden import DesignPoint, plan_by_level
    from netsurf.paths import build
    from netsurf.rank import rank

    network = subject.network
    order = rank(options["ranker"], network, options["seed"])
    design = DesignPoint(network, plan_by_level(network, order, level, {"ranker": options["ranker"]}))
    build().mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=build()) as folder,
        output.progress(f"{level:.0%} protected") as progress,
    ):
        accelerator = emit(
            design, architecture(name, network, options["triplicate"]), Path(folder) / "design"
        )
        draw = Draw(options["faults"], options["bins"], options["seed"])
        found = measure(design, accelerator, subject, draw, progress, singles)
        return found, _checked(design, accelerator, subject, level, options)


def _checked(
    design: DesignPoint, accelerator: Accelerator, subject: Problem, level: float, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """The same kinds of upsets in the cycle model and in Verilator."""
    from netsurf.certify.strikes import agree_on_strikes

    if not options["check"]:
        return []
    found = agree_on_strikes(design, accelerator, subject, options["check"], options["seed"])
    return [
        {
            "protection": level,
            "kind": row.kind,
            "upsets": row.agreement.pairs,
            "mismatches": row.agreement.count,
            "bound": row.agreement.upper_bound(),
        }
        for row in found
    ]


def _show_checks(output: Output, checks: list[dict[str, Any]]) -> None:
    if not checks:
        return
    output.say()
    output.table(
        ["protected", "kind", "upsets", "mismatches", "95 % bound"],
        [
            [f"{row['protection']:.0%}", row["kind"], row["upsets"], row["mismatches"], f"{row['bound']:.2g}"]
            for row in checks
        ],
        "cycle model against Verilator",
    )


def _show(output: Output, bench: str, name: str, levels: tuple[float, ...], tables: list[Avf]) -> None:
    rows = [
        [f"{level:.0%}", row.kind, row.bits, *row.outcomes, str(row.avf)]
        for level, table in zip(levels, tables, strict=True)
        for row in table.rows
    ]
    columns = ["protected", "kind", "bits", "masked", "benign", "sdc", "detected", "hang", "AVF"]
    output.table(columns, rows, f"{bench}, {name}: latency {tables[0].latency:,} cycles")
    output.say()
    shares = [
        [
            f"{level:.0%}",
            *(f"{table.share(n * table.interval):.1%}" for n in RELOADS),
            f"{table.break_even / table.interval:,.3g}",
        ]
        for level, table in zip(levels, tables, strict=True)
    ]
    output.table(
        ["protected", *(f"{n:,}" for n in RELOADS), "half at"],
        shares,
        "part of the visible errors that comes from weights, by inferences between two loads of the store",
    )
