"""Option types that several commands share."""

from __future__ import annotations

from typing import Any

import click


class Percentages(click.ParamType):
    """Comma-separated percentages, as fractions.

    >>> Percentages().convert("0,12.5,100", None, None)
    (0.0, 0.125, 1.0)
    """

    name = "PERCENT,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Fractions from 0 to 1; fails with what is allowed."""
        if isinstance(value, tuple):
            return value
        try:
            levels = tuple(float(part.strip().rstrip("%")) / 100 for part in value.split(","))
        except ValueError:
            self.fail(f"'{value}' is no list of percentages; write for example 0,20,100.", param, ctx)
        if not all(0 <= level <= 1 for level in levels):
            self.fail(f"'{value}' leaves 0 to 100 per cent.", param, ctx)
        return levels
