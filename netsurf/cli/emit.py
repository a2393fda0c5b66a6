"""``netsurf emit``: a design point as Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.emit import Accelerator
    from netsurf.harden import ProtectionPlan
    from netsurf.ir import Network


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
    "--level", type=click.FloatRange(0, 100), default=0.0, help="Per cent of the stored bits to triplicate."
)
@click.option("--ranker", default="msb", show_default=True, help="Ranking that chooses the protected bits.")
@click.option("--seed", default=0, show_default=True, help="Seed of a ranking that draws.")
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Protection plan to use instead of --level and --ranker.",
)
@click.option("--triplicate", is_flag=True, help="Emit everything but the stores three times, and vote.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the design.  [default: build/BENCH/designs/tmr-LEVEL-ARCHITECTURE]",
)
@click.option("--check", is_flag=True, help="Have Verilator, Icarus and pyverilog read what was emitted.")
def command(
    output: Output, bench: str, name: str, triplicate: bool, out: Path | None, check: bool, **options: Any
) -> None:
    """Emit BENCH as Verilog: cells, top, file list, and the site map design.json.

    An emitted design that lies in the folder is replaced; a folder with other files is refused.
    """
    from netsurf.emit import architecture, emit
    from netsurf.frontend import spec as specs
    from netsurf.harden import DesignPoint
    from netsurf.ir import load
    from netsurf.paths import build

    network = load(specs.load(bench).folder)
    plan = _plan(network, **options)
    kind = f"{name}-triplicated" if triplicate else name
    place = out or build() / bench / "designs" / f"{plan.name}-{kind}"
    accelerator = emit(DesignPoint(network, plan), architecture(name, network, triplicate), place)
    _show(output, accelerator, bench)
    readings = _checked(output, accelerator, place.parent / f"{place.name}.logs") if check else []
    output.note(f"wrote {place}")
    more = {"flip_flops": accelerator.flip_flops, "readings": readings, "folder": place}
    output.document({**accelerator.describe(), **more})


def _plan(network: Network, level: float, ranker: str, seed: int, plan: Path | None) -> ProtectionPlan:
    from netsurf.harden import load_plan, plan_by_level
    from netsurf.rank import rank

    if plan is not None:
        return load_plan(plan, network)
    return plan_by_level(network, rank(ranker, network, seed), level / 100, {"ranker": ranker, "seed": seed})


def _checked(output: Output, accelerator: Accelerator, logs: Path) -> list[Any]:
    from netsurf.cosim.readers import read_everywhere

    readings = read_everywhere(accelerator, logs)
    for reading in readings:
        output.say(f"{reading.tool} {reading.version}: {reading.verdict}")
    return readings


def _show(output: Output, accelerator: Accelerator, bench: str) -> None:
    rows = [
        [
            s.tensor,
            f"{s.words} x {s.word_width}",
            s.bits,
            s.flip_flops - s.bits,
            s.words_per_read,
            s.first_read,
        ]
        for s in accelerator.stores
    ]
    columns = ["tensor", "words x bits", "stored bits", "copies and checks", "words a cycle", "first read"]
    output.table(columns, rows, f"{bench}, {accelerator.architecture['name']}: module {accelerator.top}")
    output.say(
        f"latency {accelerator.latency:,}, interval {accelerator.interval:,} cycles, "
        f"{accelerator.flip_flops:,} flip-flops"
    )
