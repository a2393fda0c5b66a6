"""Method: one way to score stored bits, with all that a caller must know to use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UsageError
from netsurf.rank.ordering import Ordering

Scores = NDArray[np.float64]
"""One number a stored bit, in order of number; the larger, the more critical."""


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the table of rankers.

    Parameters
    ----------
    name
        Key in the table.
    score
        ``score(network, evidence, seed, **options)`` returns ``float64 (S,)``.
    needs
        Names of the evidence that it reads (:data:`netsurf.rank.evidence.EVIDENCE`).
    power
        To let bits of different planes compete, the score is multiplied by the size of the upset to
        this power: 1 for a score of an element in units of loss a weight, 2 for a squared or second
        derivative, 0 for a score that knows which bit it is about.
    orderings
        The orderings that make sense; the first is the default (the first NetSurf's, where it had one).
    options
        What can be set, with defaults.
    """

    name: str
    score: Callable[..., Scores]
    needs: tuple[str, ...] = ()
    power: int = 1
    orderings: tuple[Ordering, ...] = ("bitplane", "free")
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """First sentence of the method's own docstring."""
        return (self.score.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Defaults overridden by ``given``.

        Raises
        ------
        UsageError
            If the method takes no such option, or the value has another type than the default.
        """
        for key, value in given.items():
            if key not in self.options:
                takes = f"it takes {', '.join(sorted(self.options))}" if self.options else "it takes none"
                raise UsageError(f"ranker '{self.name}' has no option '{key}'; {takes}")
            if not isinstance(value, type(self.options[key])):
                kind = type(self.options[key]).__name__
                raise UsageError(
                    f"option '{key}' of ranker '{self.name}' must be of type {kind}, not {value!r}"
                )
        return {**self.options, **given}
