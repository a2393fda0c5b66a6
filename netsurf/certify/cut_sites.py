"""Fault numbers of a network and of a layer cut out of it: the same stored bits, numbered apart.

A fault number is ``class * S + n`` (``netsurf.fault.space``): bit ``n`` of the network, ``S`` of which there
are, its second or third copy, or a check bit that is named after it. Only ``S`` and ``n`` differ in a cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault import FaultList, FaultSpace
from netsurf.harden import Assignment, DesignPoint, ProtectionPlan
from netsurf.ir import Cut

Sites = NDArray[np.int64]


def design_of(design: DesignPoint, cut: Cut) -> DesignPoint:
    """The cut, protected as the design point protects it."""
    piece, plan = cut.network, design.plan
    schemes = tuple(Assignment(a.scheme, _mapped_bits(a.bits, cut), a.options) for a in plan.schemes)
    bits = _mapped_bits(plan.bits, cut)
    kept = tuple(a for a in schemes if len(a.bits))
    return DesignPoint(piece, ProtectionPlan(piece.digest, piece.stored_bits, bits, plan.notes, kept))


def to_cut(sites: Sites, cut: Cut) -> Sites:
    """Numbers in the cut of fault numbers of the whole network.

    Raises
    ------
    FaultError
        If one of them is no bit of the cut.
    """
    return _renumbered(sites, _shifts(cut), cut.whole.stored_bits, cut.network.stored_bits)


def to_whole(sites: Sites, cut: Cut) -> Sites:
    """Numbers in the whole network of fault numbers of the cut."""
    back = [(inner, size, outer) for outer, size, inner in _shifts(cut)]
    return _renumbered(sites, back, cut.network.stored_bits, cut.whole.stored_bits)


def faults_to_cut(faults: FaultList, cut: Cut) -> FaultList:
    """The fault list in numbers of the cut."""
    return FaultList(to_cut(faults.sites, cut), faults.offsets, faults.kinds, faults.cycles)


def faults_to_whole(faults: FaultList, cut: Cut) -> FaultList:
    """The fault list of a cut in numbers of the whole network."""
    return FaultList(to_whole(faults.sites, cut), faults.offsets, faults.kinds, faults.cycles)


def _shifts(cut: Cut) -> list[tuple[int, int, int]]:
    """First bit in the whole network, bits, and first bit in the cut, of each stored tensor."""
    none = np.empty(0, np.int64)
    outer, inner = FaultSpace(cut.whole, none).offsets, FaultSpace(cut.network, none).offsets
    return [(outer[name], p.stored_bits, inner[name]) for name, p in cut.network.parameters.items()]


def _renumbered(sites: Sites, shifts: list[tuple[int, int, int]], size: int, new_size: int) -> Sites:
    kind, bit = np.divmod(np.asarray(sites, dtype=np.int64), size)
    found, known = np.zeros_like(bit), np.zeros(bit.shape, dtype=bool)
    for first, count, new_first in shifts:
        here = (bit >= first) & (bit < first + count)
        found[here], known[here] = bit[here] - first + new_first, True
    if not known.all():
        raise FaultError(
            f"fault number {np.asarray(sites)[~known][0]} is no bit of the layer that was cut out"
        )
    return kind * new_size + found


def _mapped_bits(bits: Sites, cut: Cut) -> Sites:
    """Those of ``bits`` that the cut holds, in its own numbers."""
    held = np.zeros(len(bits), dtype=bool)
    for first, count, _ in _shifts(cut):
        held |= (bits >= first) & (bits < first + count)
    return to_cut(bits[held], cut)
