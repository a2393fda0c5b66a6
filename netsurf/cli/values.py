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


class Fractions(click.ParamType):
    """Comma-separated numbers from 0 to 1, each written as ``0.1`` or ``10%``.

    >>> Fractions().convert("0,12.5%,1e-3", None, None)
    (0.0, 0.125, 0.001)
    """

    name = "FRACTION,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """The numbers; fails with what is allowed."""
        if isinstance(value, tuple):
            return value
        found = tuple(self._one(part.strip(), param, ctx) for part in value.split(","))
        outside = [number for number in found if not 0 <= number <= 1]
        if outside:
            self.fail(f"{outside[0]:g} is outside 0 to 1; write 0.1 or 10%.", param, ctx)
        return found

    def _one(self, text: str, param: Any, ctx: Any) -> float:
        try:
            return round(float(text[:-1]) / 100, 12) if text.endswith("%") else float(text)
        except ValueError:
            return self.fail(f"'{text}' is no number; write 0.1 or 10%.", param, ctx)


class Fraction(Fractions):
    """One number from 0 to 1.

    >>> Fraction().convert("10%", None, None)
    0.1
    """

    name = "FRACTION"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number; fails with what is allowed."""
        return value if isinstance(value, float) else super().convert(str(value), param, ctx)[0]


class Names(click.ParamType):
    """Comma-separated names, each once.

    >>> Names().convert("msb, grad,msb", None, None)
    ('msb', 'grad')
    """

    name = "NAME,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        """The names in order."""
        if isinstance(value, tuple):
            return value
        return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
