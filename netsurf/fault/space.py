"""FaultSpace: every stored bit of a design point, by number.

A network with ``S`` stored bits numbers them ``0 .. S-1``: tensors in network order, elements
in storage order, bit 0 (least significant) first. A triplicated bit ``n`` has two more stored
bits, its replicas, numbered ``S + n`` and ``2*S + n``; the copy of a duplicated bit is ``S + n``.
Check bits of codes hang on the data bits of their code word: the ``k``-th check bit of a code word
with the data bits ``n_0 .. n_{d-1}`` is ``(3 + k // d)*S + n_{k % d}``. So a number is ``c*S + n`` with a
*class* ``c`` (0 for the bit itself), and means the same stored bit in every design point of the network
that has it, in every engine and every file, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import FaultError, UnknownNameError
from netsurf.ir import Network, Parameter

REPLICAS = 3
"""Stored bits of a triplicated bit: the original and two replicas."""

Sites = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class FaultSite:
    """One stored bit: bit ``bit`` of element ``index`` of ``tensor``, and what hangs on it.

    ``replica`` is the class of the site: 0 the bit itself, 1 and 2 its replicas, 3 and more check bits.

    >>> str(FaultSite("fc1.kernel", 37, 5, 1))
    'fc1.kernel[37].5/1'
    """

    tensor: str
    index: int
    bit: int
    replica: int = 0

    def __str__(self) -> str:
        return f"{self.tensor}[{self.index}].{self.bit}/{self.replica}"


@dataclass(frozen=True, eq=False)
class FaultSpace:
    """The stored bits of ``network`` with the bits in ``protected`` triplicated.

    Parameters
    ----------
    network
        The network whose parameters are stored.
    protected
        Sorted numbers (``int64``, below ``network.stored_bits``) of the triplicated bits.
    extra
        Sorted numbers of all other stored bits above ``S``: copies of duplicated bits, check bits.
    """

    network: Network
    protected: Sites
    extra: Sites = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def stored_bits(self) -> int:
        """``S``: stored bits of the unprotected design, and the stride between replicas."""
        return self.network.stored_bits

    @property
    def size(self) -> int:
        """Stored bits of this design point, replicas and check bits included."""
        return self.stored_bits + (REPLICAS - 1) * len(self.protected) + len(self.extra)

    @cached_property
    def classes(self) -> int:
        """Classes of sites, empty ones between them included: every number is below ``classes * S``."""
        triplicated = REPLICAS if len(self.protected) else 1
        return max(triplicated, int(self.extra[-1]) // self.stored_bits + 1 if len(self.extra) else 1)

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Number of bit 0 of element 0 of each tensor."""
        offsets, total = {}, 0
        for name, parameter in self.network.parameters.items():
            offsets[name] = total
            total += parameter.stored_bits
        return offsets

    @cached_property
    def is_protected(self) -> NDArray[np.bool_]:
        """``(S,)`` mask of the triplicated bits."""
        mask = np.zeros(self.stored_bits, dtype=bool)
        mask[self.protected] = True
        return mask

    @cached_property
    def sites(self) -> Sites:
        """Numbers of all stored bits of this design point, ascending."""
        replicas = [self.protected + r * self.stored_bits for r in range(1, REPLICAS)]
        sites = np.concatenate([np.arange(self.stored_bits), *replicas, self.extra]).astype(np.int64)
        return np.sort(sites) if len(self.extra) else sites

    def exists(self, sites: ArrayLike) -> NDArray[np.bool_]:
        """Whether each number is a stored bit of this design point."""
        sites = np.asarray(sites, dtype=np.int64)
        inside = (sites >= 0) & (sites < REPLICAS * self.stored_bits)
        bit = np.where(inside, sites, 0) % self.stored_bits
        there = inside & ((sites < self.stored_bits) | self.is_protected[bit])
        return there | self._is_extra(sites) if len(self.extra) else there

    def _is_extra(self, sites: Sites) -> NDArray[np.bool_]:
        place = np.minimum(np.searchsorted(self.extra, sites), len(self.extra) - 1)
        return self.extra[place] == sites

    def number(self, site: FaultSite) -> int:
        """Number of a site.

        Raises
        ------
        UnknownNameError
            If the tensor does not exist.
        FaultError
            If index, bit or replica is outside the space.
        """
        parameter = self._parameter(site.tensor)
        width = parameter.format.width
        if not (0 <= site.index < parameter.codes.size and 0 <= site.bit < width):
            raise FaultError(
                f"{site}: {site.tensor} has elements 0..{parameter.codes.size - 1} of bits 0..{width - 1}"
            )
        bit = self.offsets[site.tensor] + site.index * width + site.bit
        number = site.replica * self.stored_bits + bit
        if not self.exists(number):
            raise FaultError(f"{site}: this design point has no such replica or check bit of bit {bit}")
        return number

    def site(self, number: int) -> FaultSite:
        """The site with a number; FaultError if this design point has none."""
        self.require([number])
        replica, bit = divmod(int(number), self.stored_bits)
        for name, offset in reversed(self.offsets.items()):
            if bit >= offset and self.network.parameters[name].stored_bits:
                index, position = divmod(bit - offset, self.network.parameters[name].format.width)
                return FaultSite(name, index, position, replica)
        raise AssertionError("offsets start at 0")

    def require(self, sites: ArrayLike) -> None:
        """Raise FaultError naming the first number that is no stored bit of this design point."""
        sites = np.asarray(sites, dtype=np.int64)
        bad = sites[~self.exists(sites)]
        if len(bad):
            raise FaultError(
                f"fault site {bad[0]} does not exist: this design point has {self.stored_bits} stored bits "
                f"(0..{self.stored_bits - 1}), {(REPLICAS - 1) * len(self.protected)} replicas and "
                f"{len(self.extra)} copies and check bits"
            )

    def _parameter(self, name: str) -> Parameter:
        if name not in self.network.parameters:
            raise UnknownNameError("tensor", name, self.network.parameters)
        return self.network.parameters[name]
