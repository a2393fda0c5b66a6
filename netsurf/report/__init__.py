"""Tables, figures and documents made from results; runs nothing."""

from netsurf.report.document import html_report, markdown_report, tables, verdict
from netsurf.report.tables import Table

__all__ = ["Table", "html_report", "markdown_report", "tables", "verdict"]
