"""Fault lists: what is upset, when, in a form that a person reads and every engine replays.

The file is text, one fault a line, after a header that names the network::

    # netsurf fault list 1
    # network 3f0c... stored_bits 305340
    # id kind cycle sites
    0 flip - 12
    1 flip 37 12 305352
    2 stuck1 - 4711
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.files import write_atomic
from netsurf.ir import Network

FaultKind = Literal["flip", "stuck0", "stuck1"]
"""``flip``: the stored bit is inverted. ``stuck0``, ``stuck1``: it holds that value whatever was loaded."""

KINDS: tuple[str, ...] = get_args(FaultKind)

PERSISTENT = -1
"""Cycle of a fault that is there before the inference starts and stays until the store is reloaded."""

_TITLE = "# netsurf fault list 1"


@dataclass(frozen=True, slots=True)
class Fault:
    """Stored bits that are upset together.

    Parameters
    ----------
    sites
        Numbers of the stored bits, as in :class:`~netsurf.fault.FaultSpace`.
    kind
        What happens to each of them.
    cycle
        Clock cycle of the inference *before* whose rising edge the bits change (0 is the cycle in
        which the first input beat is accepted), or None if they are upset before it starts.
    """

    sites: tuple[int, ...]
    kind: FaultKind = "flip"
    cycle: int | None = None


@dataclass(frozen=True, eq=False)
class FaultList:
    """Faults ``0 .. len-1``, as flat arrays: fault ``i`` upsets ``sites[offsets[i]:offsets[i+1]]``.

    Parameters
    ----------
    sites
        ``int64`` site numbers, fault after fault.
    offsets
        ``int64`` of length faults + 1.
    kinds
        ``uint8`` index into ``KINDS``, one a fault.
    cycles
        ``int64``, one a fault; ``PERSISTENT`` for none.
    """

    sites: NDArray[np.int64]
    offsets: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    cycles: NDArray[np.int64]

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> FaultList:
        """A list of the given faults, numbered in order.

        >>> FaultList.of([Fault((3,)), Fault((1, 7), cycle=4)]).counts.tolist()
        [1, 2]
        """
        faults = list(faults)
        lengths = [len(f.sites) for f in faults]
        return cls(
            np.array([s for f in faults for s in f.sites], dtype=np.int64),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
            np.array([KINDS.index(f.kind) for f in faults], dtype=np.uint8),
            np.array([PERSISTENT if f.cycle is None else f.cycle for f in faults], dtype=np.int64),
        )

    @classmethod
    def single(cls, sites: NDArray[np.int64]) -> FaultList:
        """One persistent flip a fault: fault ``i`` upsets ``sites[i]``."""
        count = len(sites)
        return cls(
            np.asarray(sites, dtype=np.int64),
            np.arange(count + 1, dtype=np.int64),
            np.zeros(count, dtype=np.uint8),
            np.full(count, PERSISTENT, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> Fault:
        if not 0 <= index < len(self):
            raise FaultError(f"fault {index} does not exist: the list has faults 0..{len(self) - 1}")
        sites = self.sites[self.offsets[index] : self.offsets[index + 1]]
        cycle = int(self.cycles[index])
        kind: FaultKind = KINDS[self.kinds[index]]
        return Fault(tuple(sites.tolist()), kind, None if cycle == PERSISTENT else cycle)

    def __iter__(self) -> Iterator[Fault]:
        return (self[i] for i in range(len(self)))

    def slice(self, start: int, stop: int) -> FaultList:
        """Faults ``start .. stop-1`` as a list of their own."""
        offsets = self.offsets[start : stop + 1]
        return FaultList(
            self.sites[offsets[0] : offsets[-1]],
            offsets - offsets[0],
            self.kinds[start:stop],
            self.cycles[start:stop],
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of stored bits that each fault upsets."""
        return np.diff(self.offsets)


def write_fault_list(path: Path, network: Network, faults: FaultList) -> Path:
    """Write a fault list as text, whole or not at all."""
    lines = [
        _TITLE,
        f"# network {network.digest} stored_bits {network.stored_bits}",
        "# id kind cycle sites",
    ]
    for number, fault in enumerate(faults):
        cycle = "-" if fault.cycle is None else str(fault.cycle)
        lines.append(" ".join([str(number), fault.kind, cycle, *map(str, fault.sites)]))
    return write_atomic(path, "\n".join(lines) + "\n")


def read_fault_list(path: Path, network: Network) -> FaultList:
    """Read a fault list and check that it is for ``network``.

    Raises
    ------
    FaultError
        If the file is no fault list, a line is malformed, or it was drawn for another network.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError(f"{path}: cannot be read ({error})") from error
    if not lines or lines[0] != _TITLE or len(lines) < 3:
        raise FaultError(f"{path}: not a netsurf fault list (first line must be '{_TITLE}')")
    digest = lines[1].split()[2] if len(lines[1].split()) > 2 else "none"
    if digest != network.digest:
        raise FaultError(
            f"{path}: drawn for network {digest[:12]}, not for {network.name} {network.digest[:12]};"
            " draw it again"
        )
    return FaultList.of(_fault(path, number, line) for number, line in enumerate(lines[3:]))


def _fault(path: Path, number: int, line: str) -> Fault:
    try:
        identity, kind, cycle, *sites = line.split()
        if int(identity) != number or kind not in KINDS:
            raise ValueError
        return Fault(tuple(map(int, sites)), kind, None if cycle == "-" else int(cycle))  # type: ignore[arg-type]
    except ValueError:
        raise FaultError(
            f"{path}:{number + 4}: '{line}' is no fault; write '{number} flip - SITE ...'"
            f" (kinds: {', '.join(KINDS)})"
        ) from None
