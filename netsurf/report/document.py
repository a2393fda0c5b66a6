"""The report of a main job: one HTML file that opens offline, and the same in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsurf.report.figures import accuracy_figure, outcome_figure
from netsurf.report.tables import Table, accuracy_table, agreement_table, level_table


def html_report(document: Mapping[str, Any]) -> str:
    """A single HTML page with the tables and figures of a certificate; loads nothing from anywhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("netsurf.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("certificate.html").render(
        document=document,
        tables=tables(document),
        figures=[
            ("Accuracy under fault", accuracy_figure(document)),
            ("Outcomes of single upsets", outcome_figure(document, "single")),
        ],
        verdict=verdict(document),
    )


def markdown_report(document: Mapping[str, Any]) -> str:
    """The tables of a certificate in Markdown."""
    parts = [f"# {document['benchmark']}", verdict(document)]
    parts += [f"## {table.title}\n\n{table.markdown()}" for table in tables(document)]
    return "\n\n".join(parts) + "\n"


def tables(document: Mapping[str, Any]) -> tuple[Table, ...]:
    """Accuracies, levels and agreement, in reading order."""
    return accuracy_table(document), level_table(document), agreement_table(document)


def verdict(document: Mapping[str, Any]) -> str:
    """One sentence: how many pairs agreed, and the bound on the rate that does not."""
    agreement = document["agreement"]
    count = agreement["mismatches"]
    agreed = "all engines agree" if not count else f"{count:,} DISAGREE"
    return (
        f"{agreed} on {agreement['pairs']:,} (fault, sample) pairs; at most "
        f"{agreement['upper_bound']:.1e} of all pairs can differ ({agreement['confidence']:.0%} confidence)"
    )
