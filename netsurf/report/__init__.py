"""Tables, figures and documents made from results; runs nothing."""

from netsurf.report.document import html_report, markdown_report, tables
from netsurf.report.tables import Table
from netsurf.report.verdict import differing, verdict

__all__ = ["Table", "differing", "html_report", "markdown_report", "tables", "verdict"]
