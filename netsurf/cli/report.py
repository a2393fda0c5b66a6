"""``netsurf report``: the report of a finished main job, made anew."""

from __future__ import annotations

from pathlib import Path

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output


@command
@click.argument("bench")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Results folder.  [default: build/BENCH/cosim]"
)
def command(output: Output, bench: str, out: Path | None) -> None:
    """Write report.html and report.md of BENCH from its certificate.json; runs nothing."""
    from netsurf.certify.files import read_certificate
    from netsurf.files import write_atomic
    from netsurf.paths import build
    from netsurf.report import html_report, markdown_report, tables, verdict

    folder = out or build() / bench / "cosim"
    document = read_certificate(folder)
    write_atomic(folder / "report.md", markdown_report(document))
    page = write_atomic(folder / "report.html", html_report(document))
    for table in tables(document):
        output.table(table.columns, table.rows, table.title)
        output.say()
    output.say(verdict(document))
    output.note(f"written: {page}")
    output.document(document)
