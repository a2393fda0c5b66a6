"""Assignment: a protection scheme with its options, and the stored bits that it takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import PlanError, UnknownNameError
from netsurf.harden.schemes import SCHEMES, Scheme
from netsurf.ir import Network, Parameter

Bits = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assignment:
    """Stored bits under one scheme.

    Parameters
    ----------
    scheme
        Key of :data:`netsurf.harden.schemes.SCHEMES`.
    bits
        Numbers of data bits (below ``S``), each once; kept sorted.
    options
        Values of the scheme's options; those that are left out get their default.

    Raises
    ------
    UnknownNameError
        If there is no such scheme or option.
    PlanError
        If an option has a value that it cannot have, or a bit is named twice.
    """

    scheme: str
    bits: Bits
    options: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UnknownNameError("protection scheme", self.scheme, SCHEMES)
        bits = np.sort(np.asarray(self.bits, dtype=np.int64))
        require_distinct(bits)
        bits.setflags(write=False)
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "options", _checked(self.entry, self.options))

    @property
    def entry(self) -> Scheme:
        """The scheme's line in the table."""
        return SCHEMES[self.scheme]

    @property
    def label(self) -> str:
        """Scheme and options as they are written: ``secded:word=32``.

        >>> Assignment("secded", [], {"word": 32}).label
        'secded:word=32'
        """
        return ":".join([self.scheme, *(f"{name}={value}" for name, value in self.options.items())])

    def key(self) -> str:
        """Scheme and options, for digests and for telling assignments apart."""
        return json.dumps([self.scheme, dict(self.options)], sort_keys=True)


def require_distinct(bits: Bits) -> None:
    """Raise PlanError naming the first of sorted bits that stands twice."""
    twice = bits[1:][bits[1:] == bits[:-1]]
    if len(twice):
        raise PlanError(f"plan names bit {twice[0]} twice; each protected bit may stand once, in one scheme")


def _checked(scheme: Scheme, given: Mapping[str, int]) -> dict[str, int]:
    for name, value in given.items():
        if name not in scheme.options:
            raise UnknownNameError(f"option of the scheme {scheme.name}", name, scheme.options or ["(none)"])
        option = scheme.options[name]
        if not isinstance(value, int) or isinstance(value, bool) or not option.low <= value <= option.high:
            raise PlanError(
                f"scheme {scheme.name}: {name} is {value}; choose {option.low} to {option.high} "
                f"({option.what})"
            )
    return {name: int(given.get(name, option.default)) for name, option in scheme.options.items()}


def ranges(bits: Bits) -> tuple[tuple[int, int], ...]:
    """Sorted numbers as half-open ranges.

    >>> ranges(np.array([3, 4, 5, 9]))
    ((3, 6), (9, 10))
    """
    cuts = np.flatnonzero(np.diff(bits) != 1) + 1
    return tuple((int(run[0]), int(run[-1]) + 1) for run in np.split(bits, cuts) if len(run))


def numbers(spans: Iterable[tuple[int, int]]) -> Bits:
    """The inverse of :func:`ranges`."""
    return np.concatenate([np.empty(0, np.int64), *(np.arange(first, beyond) for first, beyond in spans)])


def merged(assignments: Iterable[Assignment]) -> tuple[Assignment, ...]:
    """One assignment a scheme and choice of options, in order of name; empty ones are left out."""
    groups: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        if len(assignment.bits):
            groups.setdefault(assignment.key(), []).append(assignment)
    return tuple(
        Assignment(group[0].scheme, np.concatenate([a.bits for a in group]), group[0].options)
        for _, group in sorted(groups.items())
    )


def require_takes(assignment: Assignment, network: Network) -> None:
    """Raise PlanError if a tensor of the network cannot take what is assigned to it."""
    offset = 0
    for name, parameter in network.parameters.items():
        here = assignment.bits[
            (assignment.bits >= offset) & (assignment.bits < offset + parameter.stored_bits)
        ]
        if assignment.entry.unit == "element" and len(here):
            _require_elements(assignment, name, parameter, here - offset)
        offset += parameter.stored_bits


def _require_elements(assignment: Assignment, name: str, parameter: Parameter, bits: Bits) -> None:
    width = parameter.format.width
    counts = np.bincount(bits // width, minlength=parameter.codes.size)
    partial = np.flatnonzero((counts > 0) & (counts < width))
    if len(partial):
        raise PlanError(
            f"scheme {assignment.scheme} takes whole elements; {name}[{partial[0]}] is given "
            f"{counts[partial[0]]} of its {width} bits"
        )


def require_one_each(assignments: Iterable[Assignment], network: Network) -> None:
    """Raise PlanError if a tensor would need two scrubbers, or code words of two kinds."""
    offset = 0
    for name, parameter in network.parameters.items():
        end = offset + parameter.stored_bits
        here = [a for a in assignments if ((a.bits >= offset) & (a.bits < end)).any()]
        periods = {a.options["period"] for a in here if a.entry.scrubs}
        if len(periods) > 1:
            raise PlanError(
                f"{name} is given scrubbers of periods {', '.join(map(str, sorted(periods)))}; "
                "a tensor has one scrubber, choose one period"
            )
        codes = [a.label for a in here if "word" in a.options]
        if len(codes) > 1:
            raise PlanError(
                f"{name} is given {' and '.join(sorted(codes))}; a tensor has code words of one kind, "
                "choose one"
            )
        offset = end
