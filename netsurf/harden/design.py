"""DesignPoint: a network with a protection plan; what everything downstream takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.fault import FaultSpace
from netsurf.harden.guard import Guard
from netsurf.harden.plan import ProtectionPlan, check_plan
from netsurf.ir import Network


@dataclass(frozen=True, eq=False)
class DesignPoint:
    """A network and the plan that protects it.

    Raises
    ------
    PlanError
        If the plan was made for another network.
    """

    network: Network
    plan: ProtectionPlan

    def __post_init__(self) -> None:
        check_plan(self.plan, self.network)

    @classmethod
    def unprotected(cls, network: Network) -> DesignPoint:
        """The design point that protects nothing."""
        return cls(network, ProtectionPlan(network.digest, network.stored_bits, np.empty(0, np.int64)))

    @cached_property
    def space(self) -> FaultSpace:
        """The stored bits of this design point."""
        return FaultSpace(self.network, self.triplicated, self.guard.sites)

    @cached_property
    def triplicated(self) -> NDArray[np.int64]:
        """Numbers of the bits that have replicas and a voter, scrubbed or not, ascending."""
        voted = [a.bits for a in self.plan.schemes if a.entry.unit == "bit"]
        return np.sort(np.concatenate([self.plan.bits, *voted])) if voted else self.plan.bits

    @cached_property
    def scrubbed(self) -> NDArray[np.int64]:
        """Numbers of the bits whose corrected value is written back, ascending."""
        parts = [a.bits for a in self.plan.schemes if a.entry.scrubs]
        return np.sort(np.concatenate([np.empty(0, np.int64), *parts]))

    @cached_property
    def guard(self) -> Guard:
        """The code words of the schemes that take whole elements."""
        return Guard.of(self.network, self.plan.schemes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over network and plan."""
        return hashlib.sha256((self.network.digest + self.plan.digest).encode()).hexdigest()
