"""DesignPoint: a network with a protection plan; what everything downstream takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from netsurf.fault import FaultSpace
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
        return FaultSpace(self.network, self.plan.bits)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over network and plan."""
        return hashlib.sha256((self.network.digest + self.plan.digest).encode()).hexdigest()
