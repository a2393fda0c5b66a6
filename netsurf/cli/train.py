"""``netsurf train``: a benchmark's folder from its benchmark.yaml."""

from __future__ import annotations

from pathlib import Path

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output


@command
@click.argument("bench")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs instead of what benchmark.yaml says.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results  [default: the benchmark's own; with --epochs build/BENCH/train]",
)
def command(output: Output, bench: str, epochs: int | None, out: Path | None) -> None:
    """Train BENCH, convert it to integers, and write its folder.

    Fits the QKeras model and its float twin on the training samples, reads the integer network
    through hls4ml, requires it to equal the QKeras model on every test sample, and writes model.h5,
    network.json, network.npz and golden.json. The same versions on the same kind of processor give
    the same weights.
    """
    from netsurf.frontend import artefacts
    from netsurf.frontend import spec as specs
    from netsurf.paths import build

    spec = specs.load(bench)
    folder = out or (build() / bench / "train" if epochs else spec.folder)
    golden = artefacts.make(spec.with_epochs(epochs) if epochs else spec, folder, output.progress)
    _show(output, golden)
    output.note(f"wrote {folder}; next: netsurf cosim {bench}")
    output.document({**golden, "folder": folder})


def _show(output: Output, golden: dict) -> None:
    test = golden["test"]
    kinds = [kind for kind in ("float", "quantised", "integer") if kind in test]
    rows = [[kind, *test[kind].values()] for kind in kinds]
    output.table(
        ["model", *test["integer"]], rows, f"{golden['benchmark']}, {test['samples']:,} test samples"
    )
    output.say(f"{golden['stored_bits']:,} stored bits, network {golden['network'][:16]}")
