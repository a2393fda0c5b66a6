"""Progress with rate and time left, for anything that takes more than two seconds.

Library code takes a plain callback ``progress(done, total, note)`` and knows nothing of bars.
A terminal gets a bar, a log file one line every ten seconds, both on stderr.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

SHOW_AFTER_S = 2.0
LINE_EVERY_S = 10.0


class Progress(Protocol):
    """What library code calls: ``done`` of ``total`` units (0: unknown), and a few words."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report that ``done`` of ``total`` units are behind us."""


@contextlib.contextmanager
def reporter(
    label: str, *, silent: bool = False, stream: Any = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Progress]:
    """Yield a `Progress` that shows itself on ``stream`` (stderr) as a bar or as lines, or not at all."""
    if silent:
        yield _ignore
        return
    stream = sys.stderr if stream is None else stream
    shown = (_Bar if stream.isatty() else _Lines)(label, stream, clock)
    try:
        yield shown
    finally:
        shown.close()


def _ignore(done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


class _Meter:
    """Rate since the first report, so that what a resumed run already had is not counted as speed."""

    def __init__(self, label: str, stream: Any, clock: Callable[[], float]) -> None:
        self.label, self.stream, self.clock = label, stream, clock
        self.start = clock()
        self.first: tuple[float, int] | None = None
        self.done = self.total = 0
        self.note = ""

    def update(self, done: int, total: int, note: str) -> float:
        """Keep what was reported; return the seconds since the start."""
        now = self.clock()
        if self.first is None:
            self.first = now, done
        self.done, self.total, self.note = done, total, note
        return now - self.start

    def rate(self) -> float:
        """Units a second, or 0 while unknown."""
        since, base = self.first or (self.start, 0)
        elapsed = self.clock() - since
        return (self.done - base) / elapsed if elapsed > 0 else 0.0

    def words(self) -> str:
        """``1,200/5,000 (24 %), 312/s, 12 s left, note``."""
        share = f"/{self.total:,} ({100 * self.done // self.total} %)" if self.total else ""
        parts = [f"{self.done:,}{share}"]
        if rate := self.rate():
            parts.append(f"{rate:,.3g}/s" if rate < 100 else f"{rate:,.0f}/s")
            if self.total > self.done:
                parts.append(f"{duration((self.total - self.done) / rate)} left")
        return ", ".join([*parts, *([self.note] if self.note else [])])


class _Lines(_Meter):
    """One line every ten seconds and one at the end, for logs and pipes."""

    last = 0.0

    def __call__(self, done: int, total: int, note: str = "") -> None:
        elapsed = self.update(done, total, note)
        if elapsed - self.last >= LINE_EVERY_S:
            self.last = elapsed
            self._write(self.words())

    def close(self) -> None:
        elapsed = self.clock() - self.start
        if elapsed >= SHOW_AFTER_S and self.first is not None:
            self._write(f"{self.words()}, took {duration(elapsed)}")

    def _write(self, words: str) -> None:
        print(f"{self.label}: {words}", file=self.stream, flush=True)


class _Bar(_Meter):
    """A bar on a terminal; rich is imported when it first shows."""

    bar: Any = None
    task: Any = None

    def __call__(self, done: int, total: int, note: str = "") -> None:
        elapsed = self.update(done, total, note)
        if self.bar is None and elapsed < SHOW_AFTER_S:
            return
        if self.bar is None:
            self._show()
        self.bar.update(self.task, completed=done, total=total or None, words=self.words())

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[words]}"),
        )
        self.bar = Bar(*columns, console=Console(file=self.stream), transient=True)
        self.task = self.bar.add_task(self.label, total=None, words="")
        self.bar.start()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            took = duration(self.clock() - self.start)
            print(f"{self.label}: {self.words()}, took {took}", file=self.stream, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words that a person reads at a glance.

    >>> duration(4.26), duration(75), duration(7300)
    ('4.3 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
