"""Ctrl-C: the first one asks to stop at the next safe point, the second one stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


class Stop:
    """A request to stop that can be asked for and looked at.

    >>> stop = Stop()
    >>> stop.asked
    False
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        """Whether someone asked."""
        return self.asked


@contextlib.contextmanager
def first_finishes(said: Callable[[], None] | None = None) -> Iterator[Stop]:
    """Within the block, the first Ctrl-C only sets the yielded `Stop`; the second raises KeyboardInterrupt.

    Parameters
    ----------
    said
        Called at the first one, to tell the person what happens.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may handle signals
        return

    def handle(number: int, frame: object) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True
        if said is not None:
            said()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
