"""``netsurf signature``: how sensitivity is spread over a network, and what training did to it."""

from __future__ import annotations

from pathlib import Path

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output


@command
@click.argument("bench")
@click.option("--against", metavar="BENCH", help="Another benchmark.  [default: BENCH before its training]")
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="For gradients.")
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder.  [default: build/BENCH/signature]"
)
def command(
    output: Output, bench: str, against: str | None, samples: int, seed: int, out: Path | None
) -> None:
    r"""Say how magnitude, gradient, Fisher information and upsets are spread over BENCH's weights and bits.

    Compares the distributions with those before training, or with another benchmark's of the same size.
    Writes signature.json and lorenz.svg; `netsurf report BENCH` shows it from then on.

    \b
    netsurf signature mnist_fnn
    netsurf signature mnist_fnn_p0500 --against mnist_fnn
    """
    from netsurf.files import write_atomic, write_json
    from netsurf.frontend.gather import Settings
    from netsurf.frontend.gradients import Effort
    from netsurf.frontend.signature import signature
    from netsurf.paths import build
    from netsurf.report.signature import lorenz_figure, signature_tables

    with output.progress("measuring") as progress:
        document = signature(bench, against, Settings(Effort(samples=samples, seed=seed)), progress)
    for table in signature_tables(document):
        output.table(table.columns, table.rows, table.title)
        output.say()
    folder = out or build() / bench / "signature"
    write_atomic(folder / "lorenz.svg", lorenz_figure(document))
    write_json(folder / "signature.json", document)
    output.note(f"written: {folder}")
    output.document(document)
