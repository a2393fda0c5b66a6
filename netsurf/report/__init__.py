"""Tables, figures and documents made from results; runs nothing."""

from netsurf.report.conclusion import differing, verdict
from netsurf.report.document import html_report, markdown_report, tables
from netsurf.report.tables import Table

__all__ = ["Table", "differing", "html_report", "markdown_report", "tables", "verdict"]
