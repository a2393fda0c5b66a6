"""``netsurf report``: the report of a finished main job, made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output


@command
@click.argument("bench")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Results folder.  [default: build/BENCH/cosim]"
)
def command(output: Output, bench: str, out: Path | None) -> None:
    """Write report.html and report.md of BENCH from its certificate.json; runs nothing.

    What `netsurf signature BENCH` measured of the same network is shown too.
    """
    from netsurf.certify.files import read_certificate
    from netsurf.files import write_atomic
    from netsurf.paths import build
    from netsurf.report import html_report, markdown_report, tables, verdict

    folder = out or build() / bench / "cosim"
    document = read_certificate(folder)
    signature = _signature(build() / bench / "signature" / "signature.json", document["network"])
    write_atomic(folder / "report.md", markdown_report(document, signature))
    page = write_atomic(folder / "report.html", html_report(document, signature))
    for table in tables(document, signature):
        output.table(table.columns, table.rows, table.title)
        output.say()
    output.say(verdict(document))
    output.note(f"written: {page}")
    output.document(document)


def _signature(file: Path, network: str) -> dict[str, Any] | None:
    """The signature in a file, if there is one and it is that of the certified network."""
    import json

    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("network") == network else None
