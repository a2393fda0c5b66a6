"""The report of a main job: one HTML file that opens offline, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsurf.report.conclusion import differing, setting, verdict
from netsurf.report.figures import accuracy_figure, outcome_figure
from netsurf.report.signature import lorenz_figure, signature_tables
from netsurf.report.tables import Table, accuracy_table, agreement_table, level_table


def html_report(document: Mapping[str, Any], signature: Mapping[str, Any] | None = None) -> str:
    """A single HTML page with the tables and figures of a certificate; loads nothing from anywhere.

    Parameters
    ----------
    signature
        What ``netsurf signature`` wrote about the same network; shown after the certificate.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("netsurf.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("certificate.html").render(
        document=document,
        tables=tables(document, signature),
        figures=[
            ("Accuracy under fault", accuracy_figure(document)),
            ("Outcomes of single upsets", outcome_figure(document, "single")),
            *([("Lorenz curves", lorenz_figure(signature))] if signature else []),
        ],
        setting=setting(document),
        verdict=verdict(document),
        differing=differing(document),
    )


def markdown_report(document: Mapping[str, Any], signature: Mapping[str, Any] | None = None) -> str:
    """The tables of a certificate, and of a signature if there is one, in Markdown."""
    parts = [f"# {document['benchmark']}", verdict(document)]
    parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(document, signature)]
    return "\n\n".join(parts) + "\n"


def tables(document: Mapping[str, Any], signature: Mapping[str, Any] | None = None) -> tuple[Table, ...]:
    """Accuracies, levels and agreement, then the signature, in reading order."""
    certified = accuracy_table(document), level_table(document), agreement_table(document)
    return certified + (signature_tables(signature) if signature else ())
