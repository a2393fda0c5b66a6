"""ProtectionPlan: which stored bits of which network are triplicated, and who chose them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import PlanError
from netsurf.files import write_atomic
from netsurf.ir import Network

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class ProtectionPlan:
    """The stored bits that are protected by triple modular redundancy.

    Parameters
    ----------
    network_digest
        Digest of the network that the numbers belong to.
    stored_bits
        ``S`` of that network.
    bits
        Numbers of the protected bits, each once, below ``S``; kept sorted.
    notes
        Where the choice comes from (ranker, level, seed), as plain JSON values.

    Raises
    ------
    PlanError
        If a bit is named twice or does not exist.
    """

    network_digest: str
    stored_bits: int
    bits: NDArray[np.int64]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bits = np.sort(np.asarray(self.bits, dtype=np.int64))
        if len(bits) and not 0 <= bits[0] <= bits[-1] < self.stored_bits:
            bad = bits[0] if bits[0] < 0 else bits[-1]
            raise PlanError(f"plan protects bit {bad}; the network has bits 0..{self.stored_bits - 1}")
        twice = bits[1:][bits[1:] == bits[:-1]]
        if len(twice):
            raise PlanError(f"plan names bit {twice[0]} twice; each protected bit may stand once")
        bits.setflags(write=False)
        object.__setattr__(self, "bits", bits)

    @property
    def level(self) -> float:
        """Protection level: protected bits as a fraction of the unprotected design's stored bits."""
        return len(self.bits) / self.stored_bits if self.stored_bits else 0.0

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the network digest and the protected bits (not the notes)."""
        return hashlib.sha256(self.network_digest.encode() + self.bits.astype("<i8").tobytes()).hexdigest()


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


def save_plan(plan: ProtectionPlan, path: Path) -> Path:
    """Write a plan as JSON, whole or not at all."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "network": plan.network_digest,
        "stored_bits": plan.stored_bits,
        "notes": dict(plan.notes),
        "digest": plan.digest,
        "bits": plan.bits.tolist(),
    }
    return write_atomic(path, json.dumps(document) + "\n")


def load_plan(path: Path, network: Network) -> ProtectionPlan:
    """Read a plan for ``network``.

    Raises
    ------
    PlanError
        If the file is missing, damaged, or belongs to another network.
    """
    try:
        document = json.loads(path.read_text())
        bits = np.array(document["bits"], dtype=np.int64)
        plan = ProtectionPlan(document["network"], document["stored_bits"], bits, document["notes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{path}: not a protection plan ({error})") from error
    check_plan(plan, network)
    return plan


def check_plan(plan: ProtectionPlan, network: Network) -> None:
    """Raise PlanError unless the plan was made for ``network``."""
    if plan.network_digest != network.digest:
        raise PlanError(
            f"plan is for network {plan.network_digest[:12]}, not for {network.name} {network.digest[:12]}; "
            "rank and plan again"
        )
