"""``netsurf area``: what protection costs, level by level and target by target, with the replica audit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Fractions, Names, Percentages

if TYPE_CHECKING:
    from netsurf.cost import Table, Target
    from netsurf.harden import DesignPoint
    from netsurf.ir import Network

LEVELS = "0,10,20,40,60,80,100"


@command
@click.argument("bench")
@click.option("--levels", type=Percentages(), default=LEVELS, show_default=True, help="Per cent in TMR.")
@click.option(
    "--target",
    "targets",
    type=Names(),
    default="ice40,ecp5,xilinx,sg13g2",
    show_default=True,
    help="FPGA families and libraries: ice40, ecp5, xilinx, sg13g2, osu018.",
)
@click.option(
    "--liberty",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Standard-cell library of your own, as one more target.",
)
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="This protection plan beside the unprotected design, instead of --levels.",
)
@click.option("--ranker", "--method", default="msb", show_default=True, help="Ranking behind the levels.")
@click.option("--seed", default=0, show_default=True, help="Seed of a ranking that draws, and of faults.")
@click.option(
    "--architecture",
    type=click.Choice(["serial", "parallel", "spec"]),
    default="serial",
    show_default=True,
    help="One input a cycle, one sample a cycle, or the reuse factors of the benchmark.",
)
@click.option("--ber", type=Fractions(), default=None, help="Accuracy under fault at these rates, 1e-3,1e-2.")
@click.option("--trials", type=click.IntRange(min=2), default=20, show_default=True, help="Faulty models.")
@click.option("--flat/--no-flat", default=None, help="Map flat as well.  [default: if the design is small]")
@click.option(
    "--style",
    type=click.Choice(["loadable", "constant"]),
    default="loadable",
    show_default=True,
    help="constant: beside the levels, the unprotected design with its weights hard-wired.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Runs of Yosys at a time."
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The table.  [default: build/BENCH/area.json]"
)
def command(output: Output, bench: str, **options: Any) -> None:
    r"""Say what BENCH costs at each protection level, and audit that every replica is in the netlist.

    BENCH may be the sizes of a chain of dense layers, dense:13-58-3: its weights are then drawn.

    Yosys maps the emitted design to each target. A figure is printed only if the flip-flops are exactly
    those that the design states and every protected bit has its replicas and its voter; else the
    command says which were lost and ends with exit code 1. What was mapped before is not mapped again.

    \b
    netsurf area mnist_fnn_lite
    netsurf area mnist_fnn_lite --levels 0,50,100 --target ice40,sg13g2 --ber 1e-3,1e-2
    netsurf area dense:13-58-3 --levels 0,100 --target xilinx
    netsurf area autompg --liberty my_cells.lib --plan build/plans/autompg.json
    """
    from netsurf.cost import table
    from netsurf.emit import architecture
    from netsurf.files import write_atomic, write_json
    from netsurf.paths import build
    from netsurf.provenance import provenance
    from netsurf.report.area import area_figure

    network = _network(bench)
    chosen = _targets(options["targets"], options["liberty"])
    plans = [
        (point, build() / _name(bench) / "area" / _folder(point, options))
        for point in _points(network, options)
    ]
    with output.progress("mapping") as progress:
        found = table(
            plans,
            architecture(options["architecture"], network),
            chosen,
            jobs=options["jobs"],
            flat=options["flat"],
            progress=progress,
        )
    document = {
        "benchmark": bench,
        "network": network.digest,
        "architecture": options["architecture"],
        "ranker": "plan" if options["plan"] else options["ranker"],
        "seed": options["seed"],
        **found.describe(),
    }
    if options["style"] == "constant":
        _hardwire(output, found, document)
    if options["ber"]:
        _judge(output, bench, [point for point, _ in plans], options, document)
    document["provenance"] = provenance()
    path = write_json(options["out"] or build() / _name(bench) / "area.json", document)
    _show(output, document, found)
    picture = write_atomic(path.with_suffix(".svg"), area_figure(document))
    output.note(f"wrote {path} and {picture.name}")
    output.document(document)


def _network(bench: str) -> Network:
    from netsurf.cost.sized import is_sized, parse_sizes, sized
    from netsurf.frontend import spec as specs
    from netsurf.ir import load

    return sized(parse_sizes(bench)) if is_sized(bench) else load(specs.load(bench).folder)


def _targets(names: Sequence[str], liberty: Path | None) -> list[Target]:
    from netsurf.cost import asic, target

    more = [asic("liberty", liberty)] if liberty else []
    return [*(target(name) for name in names), *more]


def _points(network: Network, options: dict[str, Any]) -> list[DesignPoint]:
    """The unprotected design, and those that were asked for."""
    from netsurf.harden import DesignPoint, load_plan, plan_by_level
    from netsurf.rank import rank

    if options["plan"]:
        return [DesignPoint.unprotected(network), DesignPoint(network, load_plan(options["plan"], network))]
    ranking = rank(options["ranker"], network, options["seed"])
    notes = {"ranker": options["ranker"], "seed": options["seed"]}
    levels = sorted({0.0, *options["levels"]})
    return [DesignPoint(network, plan_by_level(network, ranking, level, notes)) for level in levels]


def _name(bench: str) -> str:
    """The benchmark's name as a folder."""
    return bench.replace(":", "-")


def _folder(point: DesignPoint, options: dict[str, Any]) -> str:
    return f"{options['architecture']}-{point.plan.digest[:16]}"


def _hardwire(output: Output, found: Table, document: dict[str, Any]) -> None:
    """Add what the design is without a store that can be loaded."""
    from netsurf.cost import constant_area

    bare = found.levels[0]
    document["constant"] = {}
    with output.progress("hard-wiring") as progress:
        for number, target in enumerate(found.targets):
            progress(number, len(found.targets), target.name)
            area = constant_area(bare.design, bare.accelerator, target)
            store = bare.areas[target.name].size / area.size - 1
            document["constant"][target.name] = {**area.describe(), "store_overhead": store}


def _judge(
    output: Output,
    bench: str,
    points: Sequence[DesignPoint],
    options: dict[str, Any],
    document: dict[str, Any],
) -> None:
    """Add accuracy under fault to every level, and the levels that no other beats."""
    from dataclasses import asdict

    from netsurf.campaign.plans import PlanJudge
    from netsurf.frontend.problem import problem
    from netsurf.harden.budget import Point, pareto
    from netsurf.rank.surface import interval

    judge = PlanJudge(problem(bench), options["ber"][0], options["trials"], options["seed"] + 1)
    document |= {"metric": judge.metric, "fault_free": judge.fault_free(), "trials": options["trials"]}
    with output.progress("injecting") as progress:
        for number, (point, level) in enumerate(zip(points, document["levels"], strict=True)):
            progress(number, len(points), f"{point.plan.level:.0%}")
            level["accuracy"] = {
                f"{ber:g}": asdict(interval(judge.measure(point.plan, ber), lambda means: means))
                for ber in options["ber"]
            }
    size = {name: "area_um2" if target["library"] else "LUT" for name, target in document["targets"].items()}
    document["front"] = {
        name: {
            f"{ber:g}": [
                p.plan.level
                for p in pareto(
                    [
                        Point(point.plan, level[name][key], level["accuracy"][f"{ber:g}"]["value"])
                        for point, level in zip(points, document["levels"], strict=True)
                    ]
                )
            ]
            for ber in options["ber"]
        }
        for name, key in size.items()
    }


def _show(output: Output, document: dict[str, Any], found: Table) -> None:
    from netsurf.report.area import area_tables

    for table in area_tables(document):
        output.table(table.columns, table.rows, table.title)
        output.say()
    audit = document["audit"]
    output.say(
        f"audit: {audit['replicas_found']:,} of {audit['replicas']:,} replicas and check bits and "
        f"{audit['voters_found']:,} of {audit['voters']:,} voters are in the netlists, all levels and targets"
    )
    first = found.levels[0].areas[found.targets[0].name]
    for target in found.targets:
        output.note(f"{target.name}: {target.title}; {first.tool}; {target.options}")
