"""What voters and checkers make of a fault: which stored values change, and whether one of them says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.fault import REPLICAS, Fault, FaultSpace
from netsurf.fixed import get_bit, to_signed, to_unsigned
from netsurf.harden.design import DesignPoint


@dataclass(frozen=True, slots=True, eq=False)
class Upset:
    """Effect of a persistent fault on the weight store as it is read.

    Parameters
    ----------
    bits
        Numbers (below ``S``) of the bits that read inverted, ascending. Of an element that reads as zero
        because its checker saw an error, these are the bits that are 1.
    detected
        Whether some voter sees replicas that differ, or some checker an error (``tmr_error``).
    """

    bits: NDArray[np.int64]
    detected: bool


DENSE = 64
"""Above one upset in this many stored bits a table of all bits is faster than sorting the upsets."""


def resolve(design: DesignPoint, fault: Fault) -> Upset:
    """Vote and check: what a fault makes of the stored values, by the scheme of each bit.

    An unprotected bit is inverted by its own upset, a triplicated one by two or three of three; for the
    other schemes see :mod:`netsurf.harden.schemes`.

    Raises
    ------
    FaultError
        If a site does not exist in the design point.
    """
    sites = np.asarray(fault.sites, dtype=np.int64)
    return guarded(design, sites, fault.kind) if design.guard else vote(design.space, sites, fault.kind)


def guarded(design: DesignPoint, sites: NDArray[np.int64], kind: str = "flip") -> Upset:
    """:func:`vote` for a design point that has code words."""
    design.space.require(sites)
    sites = np.unique(sites)
    if kind != "flip":
        sites = sites[site_values(design, sites) != int(kind == "stuck1")]
    coded = design.guard.holds(sites)
    voted = vote(design.space, sites[~coded])
    _, bits, flagged = design.guard.decode(np.zeros(coded.sum(), np.int64), sites[coded])
    return Upset(np.sort(np.concatenate([voted.bits, bits])), voted.detected or len(flagged) > 0)


def vote(space: FaultSpace, sites: NDArray[np.int64], kind: str = "flip") -> Upset:
    """Vote on the upsets of one fault in bits and their replicas, given as an array; see :func:`resolve`.

    Parameters
    ----------
    sites
        ``int64``, in any order; a site that is there twice is upset once.
    kind
        Entry of :data:`netsurf.fault.lists.KINDS`.
    """
    space.require(sites)
    changed = sites if kind == "flip" else sites[_changes(space, sites, kind)]
    return (_vote_dense if DENSE * len(changed) > space.stored_bits else _vote_sparse)(space, changed)


def _vote_dense(space: FaultSpace, sites: NDArray[np.int64]) -> Upset:
    upsets = np.zeros(space.stored_bits, dtype=np.uint8)
    for replica in range(REPLICAS):
        first = replica * space.stored_bits
        here = sites[(sites >= first) & (sites < first + space.stored_bits)]
        upsets[here - first] += 1  # once a site, however often it is named
    differ = space.is_protected & (upsets % REPLICAS != 0)
    return Upset(np.flatnonzero(upsets > space.is_protected), bool(differ.any()))


def _vote_sparse(space: FaultSpace, sites: NDArray[np.int64]) -> Upset:
    bits, upsets = np.unique(np.unique(sites) % space.stored_bits, return_counts=True)
    protected = space.is_protected[bits]
    inverted = np.where(protected, 2 * upsets > REPLICAS, upsets > 0)
    return Upset(bits[inverted], bool((protected & (upsets < REPLICAS)).any()))


def _changes(space: FaultSpace, sites: NDArray[np.int64], kind: str) -> NDArray[np.bool_]:
    """Which of the sites hold another value after a stuck-at fault than before."""
    return stored_values(space, sites % space.stored_bits) != int(kind == "stuck1")


def stored_values(space: FaultSpace, bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fault-free value, 0 or 1, of each stored bit below ``S``."""
    values = np.empty(len(bits), dtype=np.int64)
    for name, offset in space.offsets.items():
        parameter = space.network.parameters[name]
        here = (bits >= offset) & (bits < offset + parameter.stored_bits)
        index, bit = np.divmod(bits[here] - offset, parameter.format.width)
        values[here] = get_bit(parameter.codes.reshape(-1)[index], bit)
    return values


def site_values(design: DesignPoint, sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fault-free value, 0 or 1, of any sites of a design point, replicas and check bits included."""
    values = stored_values(design.space, sites % design.space.stored_bits)
    check = (sites >= design.space.stored_bits) & design.guard.holds(sites)
    values[check] = design.guard.values(sites[check])
    return values


def faulty_parameters(design: DesignPoint, bits: NDArray[np.int64]) -> Mapping[str, NDArray[np.int64]]:
    """Stored tensors with the given bits (below ``S``) inverted; only tensors that change.

    Returns
    -------
    Tensor name to ``int64`` codes, as :func:`netsurf.ir.execute` takes them.
    """
    changed = {}
    for name, offset in design.space.offsets.items():
        parameter = design.network.parameters[name]
        here = bits[(bits >= offset) & (bits < offset + parameter.stored_bits)] - offset
        if len(here):
            index, bit = np.divmod(here, parameter.format.width)
            word = to_unsigned(parameter.codes, parameter.format.width).reshape(-1)
            np.bitwise_xor.at(word, index, np.left_shift(np.int64(1), bit))
            codes = to_signed(word, parameter.format.width) if parameter.format.signed else word
            changed[name] = codes.reshape(parameter.codes.shape)
    return changed
