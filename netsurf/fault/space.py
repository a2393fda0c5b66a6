"""FaultSpace: every stored bit of a design point, by number.

A network with ``S`` stored bits numbers them ``0 .. S-1``: tensors in network order, elements
in storage order, bit 0 (least significant) first. A protected bit ``n`` has two more stored
bits, its replicas, numbered ``S + n`` and ``2*S + n``. So a number means the same stored bit
in every design point of the network, in every engine and every file, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """One stored bit: bit ``bit`` of element ``index`` of ``tensor``, in replica 0, 1 or 2.

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
    """

    network: Network
    protected: Sites

    @property
    def stored_bits(self) -> int:
        """``S``: stored bits of the unprotected design, and the stride between replicas."""
        return self.network.stored_bits

    @property
    def size(self) -> int:
        """Stored bits of this design point, replicas included."""
        return self.stored_bits + (REPLICAS - 1) * len(self.protected)

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
        return np.concatenate([np.arange(self.stored_bits), *replicas]).astype(np.int64)

    def exists(self, sites: ArrayLike) -> NDArray[np.bool_]:
        """Whether each number is a stored bit of this design point."""
        sites = np.asarray(sites, dtype=np.int64)
        inside = (sites >= 0) & (sites < REPLICAS * self.stored_bits)
        bit = np.where(inside, sites, 0) % self.stored_bits
        return inside & ((sites < self.stored_bits) | self.is_protected[bit])

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
            raise FaultError(
                f"{site}: bit {bit} is not protected in this design point, it has replica 0 only"
            )
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
                f"(0..{self.stored_bits - 1}) and replicas of {len(self.protected)} protected ones"
            )

    def _parameter(self, name: str) -> Parameter:
        if name not in self.network.parameters:
            raise UnknownNameError("tensor", name, self.network.parameters)
        return self.network.parameters[name]
