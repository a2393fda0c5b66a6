"""The site map: fault numbers to bits of simulated memories and back, vectorised.

Site ``r*S + n`` (``netsurf.fault.space``) is replica ``r`` of stored bit ``n``. Bits are numbered
tensor by tensor, element by element, so bit ``n - offset`` of a tensor is bit
``(n - offset) % word_width`` of word ``(n - offset) // word_width``: words hold whole elements.
Check bits (classes 3 and up) are where :mod:`netsurf.emit.guards` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.emit.accelerator import CHECK_BANK, Accelerator
from netsurf.emit.guards import check_bits
from netsurf.emit.reads import visits
from netsurf.errors import SiteMapError
from netsurf.harden import DesignPoint
from netsurf.harden.scrub import Walk

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """Where sites are; arrays of one length.

    Parameters
    ----------
    store
        Index into ``accelerator.stores``.
    replica
        Index of the bank: into that store's ``banks``, or ``CHECK_BANK`` (:attr:`Store.memories`).
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
    bank, number = np.divmod(sites, max(total, 1))
    store = np.searchsorted(_ends(accelerator), number, side="right")
    outside = (sites < 0) | (store >= len(accelerator.stores))
    is_check = ~outside & (bank >= CHECK_BANK)
    banks = np.array([len(s.banks) for s in accelerator.stores], dtype=np.int64)
    if len(banks):
        outside |= ~is_check & (bank >= banks[np.where(outside, 0, store)])
    widths = np.array([s.word_width for s in accelerator.stores], dtype=np.int64)
    store = np.where(outside, 0, store)
    starts = _starts(accelerator)
    word, bit = np.divmod(number - starts[store], widths[store]) if len(banks) else (number, number)
    for index in np.unique(store[is_check]):
        here = np.flatnonzero(is_check & (store == index))
        checks = check_bits(accelerator.stores[index], int(starts[index]), total)
        place, known = _look_up(checks.sites, sites[here])
        outside[here[~known]] = True
        word[here[known]], bit[here[known]] = checks.word[place[known]], checks.bit[place[known]]
    if outside.any():
        raise SiteMapError(
            f"site {sites[outside][0]} is not in {accelerator.top}: it has {total} stored bits, and replicas "
            "and check bits of protected ones; is the fault list for another design point?"
        )
    return Location(store, np.where(is_check, CHECK_BANK, bank), word, bit)


def _look_up(table: Index, wanted: Index) -> tuple[Index, NDArray[np.bool_]]:
    """Place of each wanted number in an unsorted table, and whether it is there."""
    if not len(table):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    order = np.argsort(table)
    place = order[np.minimum(np.searchsorted(table, wanted, sorter=order), len(table) - 1)]
    return place, table[place] == wanted


def number(accelerator: Accelerator, location: Location) -> Index:
    """Site numbers of locations: the inverse of :func:`locate`."""
    widths = np.array([s.word_width for s in accelerator.stores], dtype=np.int64)
    bit = _starts(accelerator)[location.store] + location.word * widths[location.store] + location.bit
    numbers = location.replica * accelerator.stored_bits + bit
    is_check = location.replica == CHECK_BANK
    for index in np.unique(location.store[is_check]):
        here = np.flatnonzero(is_check & (location.store == index))
        first = int(_starts(accelerator)[index])
        checks = check_bits(accelerator.stores[index], first, accelerator.stored_bits)
        room = int(checks.bit.max(initial=0)) + 1
        wanted = location.word[here] * room + np.minimum(location.bit[here], room)
        place, known = _look_up(checks.word * room + checks.bit, wanted)
        if not (known & (location.bit[here] < room)).all():
            raise SiteMapError(
                f"{accelerator.stores[index].tensor}: no check bit is at a place that is asked for"
            )
        numbers[here] = checks.sites[place]
    return numbers


def read_cycle(accelerator: Accelerator, location: Location) -> Index:
    """Cycle in which the word of each location is read for the first time."""
    return _looked_up(accelerator, location, lambda table, row: table[0, row])


def visits_before(accelerator: Accelerator, location: Location, cycle: int) -> Index:
    """Patches (or steps) for which the word of each location is read before ``cycle``: they see the old one.

    All that are read before the output, and no less, if the word is not read any more.
    """
    return _looked_up(accelerator, location, lambda table, row: (table < cycle)[:, row].sum(axis=0))


def _looked_up(accelerator: Accelerator, location: Location, look: Callable[[Index, Index], Index]) -> Index:
    """``look(visits, rows)`` for the locations of each store."""
    found = np.zeros(len(location.word), dtype=np.int64)
    for index in np.unique(location.store):
        store, here = accelerator.stores[index], location.store == index
        found[here] = look(visits(store), location.word[here] // store.words_per_read)
    return found


def walks(accelerator: Accelerator) -> dict[str, Walk]:
    """Tensor to the scrubber of its store, for those that have one."""
    return {
        store.tensor: Walk(store.words, store.elements_per_word, store.guard.period)
        for store in accelerator.stores
        if store.guard is not None and store.guard.period
    }


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
