"""ProtectionPlan: which stored bits of which network are protected, how, and who chose them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import PlanError
from netsurf.harden.assign import Assignment, merged, require_distinct, require_one_each, require_takes
from netsurf.ir import Network

TMR = "tmr"


@dataclass(frozen=True, eq=False)
class ProtectionPlan:
    """Stored bits that are triplicated, and those under other schemes (:mod:`netsurf.harden.schemes`).

    Parameters
    ----------
    network_digest
        Digest of the network that the numbers belong to.
    stored_bits
        ``S`` of that network.
    bits
        Numbers of the bits under ``tmr``, each once, below ``S``; kept sorted.
    notes
        Where the choice comes from (ranker, level, seed), as plain JSON values.
    schemes
        Bits under other schemes; assignments of one scheme and options are joined, ``tmr`` goes to ``bits``.

    Raises
    ------
    PlanError
        If a bit is named twice, in one scheme or in two, or does not exist.
    """

    network_digest: str
    stored_bits: int
    bits: NDArray[np.int64]
    notes: Mapping[str, Any] = field(default_factory=dict)
    schemes: tuple[Assignment, ...] = ()

    def __post_init__(self) -> None:
        plain = [a.bits for a in self.schemes if a.scheme == TMR]
        bits = np.sort(np.concatenate([np.asarray(self.bits, dtype=np.int64), *plain]))
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "schemes", merged(a for a in self.schemes if a.scheme != TMR))
        every = self.protected
        if len(every) and not 0 <= every[0] <= every[-1] < self.stored_bits:
            bad = every[0] if every[0] < 0 else every[-1]
            raise PlanError(f"plan protects bit {bad}; the network has bits 0..{self.stored_bits - 1}")
        require_distinct(every)
        bits.setflags(write=False)

    @cached_property
    def protected(self) -> NDArray[np.int64]:
        """Numbers of all bits under some scheme, ascending."""
        if not self.schemes:
            return self.bits
        return np.sort(np.concatenate([self.bits, *(a.bits for a in self.schemes)]))

    @property
    def level(self) -> float:
        """Protection level: protected bits as a fraction of the unprotected design's stored bits."""
        return len(self.protected) / self.stored_bits if self.stored_bits else 0.0

    @property
    def name(self) -> str:
        """What a person looks for in a folder: ``tmr-020``, the level in per cent, or ``plan-DIGEST``."""
        return f"plan-{self.digest[:12]}" if self.schemes else f"tmr-{round(100 * self.level):03d}"

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """Every scheme that is used, ``tmr`` first."""
        plain = (Assignment(TMR, self.bits),) if len(self.bits) else ()
        return (*plain, *self.schemes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the network digest, the protected bits and their schemes (not the notes)."""
        hasher = hashlib.sha256(self.network_digest.encode() + self.bits.astype("<i8").tobytes())
        for assignment in self.schemes:
            hasher.update(assignment.key().encode() + assignment.bits.astype("<i8").tobytes())
        return hasher.hexdigest()


def plan_by_level(
    network: Network, ranking: ArrayLike, level: float, notes: Mapping[str, Any]
) -> ProtectionPlan:
    """Protect the first ``round(level * S)`` bits of a ranking.

    Parameters
    ----------
    ranking
        Numbers of stored bits, most critical first.
    level
        0 to 1.

    Raises
    ------
    PlanError
        If the level is outside 0 to 1 or the ranking is too short for it.
    """
    if not 0 <= level <= 1:
        raise PlanError(f"protection level {level} is outside 0 to 1")
    ranking = np.asarray(ranking, dtype=np.int64)
    count = round(level * network.stored_bits)
    if count > len(ranking):
        raise PlanError(f"level {level} needs {count} ranked bits; the ranking has {len(ranking)}")
    return ProtectionPlan(network.digest, network.stored_bits, ranking[:count], {"level": level, **notes})


def check_plan(plan: ProtectionPlan, network: Network) -> None:
    """Raise PlanError unless the plan was made for ``network``, whose tensors take what it assigns."""
    if plan.network_digest != network.digest:
        raise PlanError(
            f"plan is for network {plan.network_digest[:12]}, not for {network.name} {network.digest[:12]}; "
            "rank and plan again"
        )
    for assignment in plan.schemes:
        require_takes(assignment, network)
    require_one_each(plan.schemes, network)
