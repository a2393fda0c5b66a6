"""A hand-over format: who reads the file, what it is called, and what prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netsurf.handover.facts import Facts


@dataclass(frozen=True, slots=True)
class Format:
    """One line of the table of formats.

    Parameters
    ----------
    name
        As it is asked for.
    file
        Name of the file; ``{top}`` is the top module.
    tool
        Who reads it.
    what
        What it does there, in one line.
    reference
        Where the format is documented.
    text
        Prints it; an empty text means that there is nothing to say of this design, and no file.
    """

    name: str
    file: str
    tool: str
    what: str
    reference: str
    text: Callable[[Facts], str]
