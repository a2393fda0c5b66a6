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


SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "y": 365.25 * 86400.0, "ms": 1e-3, "us": 1e-6}
"""Units of time."""


class Durations(click.ParamType):
    """Comma-separated times with a unit (us, ms, s, min, h, d, y), in seconds.

    >>> Durations().convert("10, 5min,1.5h", None, None)
    (10.0, 300.0, 5400.0)
    """

    name = "TIME,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """Seconds; fails with what is allowed."""
        if isinstance(value, tuple):
            return value
        return tuple(self._one(part.strip(), param, ctx) for part in str(value).split(","))

    def _one(self, text: str, param: Any, ctx: Any) -> float:
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = text[len(number) :] or "s"
        try:
            seconds = float(number) * SECONDS[unit]
        except (ValueError, KeyError):
            return self.fail(f"'{text}' is no time; write 10s, 5min, 8h, 30d or 1y.", param, ctx)
        if not 0 < seconds < float("inf"):
            return self.fail(f"'{text}' is not above 0; write 10s, 5min, 8h, 30d or 1y.", param, ctx)
        return seconds


def duration_text(seconds: float) -> str:
    """A time in the largest unit of which there is one.

    >>> duration_text(0.02), duration_text(90), duration_text(86400), duration_text(3.2e9)
    ('20 ms', '1.5 min', '1 d', '101 y')
    """
    unit = next((u for u in ("y", "d", "h", "min", "s", "ms") if seconds >= SECONDS[u]), "us")
    return f"{seconds / SECONDS[unit]:.3g} {unit}"
