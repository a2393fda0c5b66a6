"""The site map: fault numbers to bits of simulated memories and back, vectorised.

Site ``r*S + n`` (``netsurf.fault.space``) is replica ``r`` of stored bit ``n``. Bits are numbered
tensor by tensor, element by element, so bit ``n - offset`` of a tensor is bit
``(n - offset) % word_width`` of word ``(n - offset) // word_width``: words hold whole elements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.emit.accelerator import Accelerator
from netsurf.errors import SiteMapError
from netsurf.harden import DesignPoint

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """Where sites are; arrays of one length.

    Parameters
    ----------
    store
        Index into ``accelerator.stores``.
    replica
        Index into that store's ``banks``.
    word, bit
        Word of the memory and bit of the word.
    """

    store: Index
    replica: Index
    word: Index
    bit: Index


def locate(accelerator: Accelerator, sites: ArrayLike) -> Location:
    """Where each site number is.

    Raises
    ------
    SiteMapError
        If a number is beyond the design, or names a replica in a store that has no replicas. (Whether that
        very bit is protected is the FaultSpace's to say.)
    """
    sites = np.asarray(sites, dtype=np.int64).reshape(-1)
    total = accelerator.stored_bits
    replica, number = np.divmod(sites, max(total, 1))
    store = np.searchsorted(_ends(accelerator), number, side="right")
    banks = np.array([len(s.banks) for s in accelerator.stores], dtype=np.int64)
    outside = (sites < 0) | (store >= len(banks))
    outside |= replica >= banks[np.where(outside, 0, store)] if len(banks) else True
    if outside.any():
        raise SiteMapError(
            f"site {sites[outside][0]} is not in {accelerator.top}: it has {total} stored bits, and replicas "
            "of protected ones; is the fault list for another design point?"
        )
    widths = np.array([s.word_width for s in accelerator.stores], dtype=np.int64)
    word, bit = np.divmod(number - _starts(accelerator)[store], widths[store])
    return Location(store, replica, word, bit)


def number(accelerator: Accelerator, location: Location) -> Index:
    """Site numbers of locations: the inverse of :func:`locate`."""
    widths = np.array([s.word_width for s in accelerator.stores], dtype=np.int64)
    bit = _starts(accelerator)[location.store] + location.word * widths[location.store] + location.bit
    return location.replica * accelerator.stored_bits + bit


def read_cycle(accelerator: Accelerator, location: Location) -> Index:
    """Cycle of the first sample in which the word of each location is read."""
    first = np.array([s.first_read for s in accelerator.stores], dtype=np.int64)
    together = np.array([s.words_per_read for s in accelerator.stores], dtype=np.int64)
    return first[location.store] + location.word // together[location.store]


def require_match(accelerator: Accelerator, design: DesignPoint) -> None:
    """Raise SiteMapError unless ``accelerator`` was emitted from ``design``."""
    for what, emitted, given in (
        ("network", accelerator.network, design.network.digest),
        ("plan", accelerator.plan, design.plan.digest),
    ):
        if emitted != given:
            raise SiteMapError(
                f"{accelerator.folder} was emitted from {what} {emitted[:12]}, not {given[:12]}; "
                "emit it again: netsurf emit"
            )


def _ends(accelerator: Accelerator) -> Index:
    return np.cumsum([store.bits for store in accelerator.stores], dtype=np.int64)


def _starts(accelerator: Accelerator) -> Index:
    return _ends(accelerator) - np.array([store.bits for store in accelerator.stores], dtype=np.int64)
