"""Progress: what a log file and a terminal see, with a clock of the test's own."""

from __future__ import annotations

import io

import pytest

from netsurf.cli import progress


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock():
    return Clock()


def lines(clock, steps, stream=None):
    """What a log shows after ``(seconds since the start, done, total, note)`` steps."""
    stream = io.StringIO() if stream is None else stream
    with progress.reporter("upsetting", stream=stream, clock=clock) as report:
        start = clock.now
        for seconds, done, total, note in steps:
            clock.now = start + seconds
            report(done, total, note)
    return stream.getvalue().splitlines()


def test_two_seconds_are_not_worth_a_word(clock):
    assert lines(clock, [(0.5, 10, 20, ""), (1.9, 20, 20, "")]) == []


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(clock):
    steps = [(2 * i, 100 * i, 1000, "sdc 3.1 %") for i in range(1, 11)]
    assert lines(clock, steps) == [
        "upsetting: 500/1,000 (50 %), 50/s, 10 s left, sdc 3.1 %",
        "upsetting: 1,000/1,000 (100 %), 50/s, sdc 3.1 %",
        "upsetting: 1,000/1,000 (100 %), 50/s, sdc 3.1 %, took 20 s",
    ]


def test_what_a_resumed_run_already_had_is_not_speed(clock):
    assert (
        lines(clock, [(0, 900, 1000, ""), (10, 950, 1000, "")])[0]
        == "upsetting: 950/1,000 (95 %), 5/s, 10 s left"
    )


def test_an_unknown_total_has_no_time_left(clock):
    assert lines(clock, [(0, 0, 0, ""), (10, 20, 0, "")])[0] == "upsetting: 20, 2/s"


def test_silence(clock, capsys):
    with progress.reporter("upsetting", silent=True, clock=clock) as report:
        clock.now += 60
        report(1, 2)
    said = capsys.readouterr()
    assert said.out + said.err == ""


def test_a_terminal_gets_a_bar_and_a_last_line(clock):
    terminal = Terminal()
    shown = lines(clock, [(1, 10, 100, ""), (3, 30, 100, ""), (10, 100, 100, "")], terminal)
    assert shown[-1].endswith("upsetting: 100/100 (100 %), 10/s, took 10 s")
    assert "━" in terminal.getvalue()
