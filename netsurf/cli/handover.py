"""``netsurf handover``: an emitted design as other tools want it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.emit import Accelerator


@command
@click.argument("design")
@click.option(
    "--architecture",
    "name",
    type=click.Choice(["serial", "parallel", "spec"]),
    default="serial",
    show_default=True,
    help="Of a benchmark.",
)
@click.option("--level", type=click.FloatRange(0, 100), default=0.0, help="Per cent to triplicate.")
@click.option("--ranker", default="msb", show_default=True, help="Ranking that chooses the protected bits.")
@click.option("--seed", default=0, show_default=True, help="Seed of a ranking that draws.")
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Protection plan instead of --level, or the one that a folder was emitted with.",
)
@click.option("--period", type=float, default=10.0, show_default=True, metavar="NS", help="Clock period.")
@click.option("--part", default="xcku040-ffva1156-2-e", show_default=True, help="Device for Vivado.")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="[default: DESIGN-handover]"
)
def command(output: Output, design: str, out: Path | None, **options: Any) -> None:
    r"""Write DESIGN, a benchmark or a folder that `netsurf emit` wrote, for other tools.

    FuseSoC core, Yosys and Vivado scripts, XDC and SDC that keep the replicas, and configurations of TMRG,
    TMRX and SpyDrNet-TMR that protect what is around them. README.md in the folder says what is what.

    \b
    netsurf handover mnist_fnn_lite --level 20
    netsurf handover build/mnist_fnn/designs/tmr-020-serial -o handover
    """
    from netsurf.handover import FORMATS, hand_over

    accelerator, protected = _design(design, options)
    place = out or accelerator.folder.parent / f"{accelerator.folder.name}-handover"
    written = hand_over(
        accelerator, place, protected=protected, period=options["period"], part=options["part"]
    )
    rows = [[file.name, FORMATS[name].tool, FORMATS[name].what] for name, file in written.files.items()]
    output.table(["file", "read by", "what it does there"], rows, f"{accelerator.top} for other tools")
    output.note(f"wrote {place}")
    files = {name: file.name for name, file in written.files.items()}
    output.document({"design": accelerator.digest, "folder": place, "files": files})


def _design(design: str, options: dict[str, Any]) -> tuple[Accelerator, Any]:
    """The emitted design, and the numbers of its protected bits if its plan is at hand."""
    import json

    from netsurf.emit import load
    from netsurf.emit.accelerator import DESIGN
    from netsurf.errors import PlanError

    if not (Path(design) / DESIGN).is_file():
        return _emitted(design, options)
    if options["plan"] is None:
        return load(Path(design)), None
    try:
        plan = json.loads(options["plan"].read_text())
        network, bits = plan["network"], plan["bits"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{options['plan']}: not a protection plan ({error})") from error
    accelerator = load(Path(design))
    if network != accelerator.network:
        raise PlanError(
            f"{options['plan']} is for network {network[:12]}, not for {accelerator.network[:12]}"
        )
    return accelerator, bits


def _emitted(bench: str, options: dict[str, Any]) -> tuple[Accelerator, Any]:
    """Emit a benchmark as `netsurf emit` does."""
    from netsurf.emit import architecture, emit
    from netsurf.frontend import spec as specs
    from netsurf.harden import DesignPoint, load_plan, plan_by_level
    from netsurf.ir import load
    from netsurf.paths import build
    from netsurf.rank import rank

    network = load(specs.load(bench).folder)
    if options["plan"] is not None:
        plan = load_plan(options["plan"], network)
    else:
        order = rank(options["ranker"], network, options["seed"])
        notes = {"ranker": options["ranker"], "seed": options["seed"]}
        plan = plan_by_level(network, order, options["level"] / 100, notes)
    point, name = DesignPoint(network, plan), options["name"]
    place = build() / bench / "designs" / f"tmr-{round(100 * plan.level):03d}-{name}"
    return emit(point, architecture(name, network), place), point.space.protected
