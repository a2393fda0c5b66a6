"""Engine: a design point, faults and integer inputs in; integer outputs out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EngineResult:
    """Outputs of every (fault, sample) pair that was asked for.

    Parameters
    ----------
    outputs
        ``int64 (faults, samples a fault, outputs)``.
    detected
        ``bool (faults, samples a fault)``: a voter or checker raised its flag.
    """

    outputs: Codes
    detected: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: Iterable[EngineResult]) -> EngineResult:
        """The faults of all parts, one part after the other."""
        outputs, detected = zip(*((part.outputs, part.detected) for part in parts), strict=True)
        return cls(np.concatenate(outputs), np.concatenate(detected))

    def differs(self, other: EngineResult, flags: bool = True) -> NDArray[np.bool_]:
        """``bool (faults, samples a fault)``: other integers, or another flag unless there is none."""
        outputs = (self.outputs != other.outputs).any(axis=-1)
        return outputs | (self.detected != other.detected) if flags else outputs

    def corner(self, faults: int, samples: int) -> EngineResult:
        """The first faults on their first samples."""
        return EngineResult(self.outputs[:faults, :samples], self.detected[:faults, :samples])


class Engine(Protocol):
    """Anything that can run faults: reference, fast, csim, rtl-verilator, rtl-icarus, netlist."""

    @property
    def name(self) -> str:
        """Short name, as certificates print it."""

    @property
    def version(self) -> str:
        """Version of the tool behind it."""

    @property
    def design(self) -> DesignPoint:
        """What it runs."""

    def run(self, faults: FaultList, inputs: Codes, samples: Codes | None = None) -> EngineResult:
        """Run each fault on its samples.

        Parameters
        ----------
        faults
            Each is applied to a freshly loaded store and undone afterwards.
        inputs
            Codes ``(samples, *network.input.shape)``.
        samples
            ``int64 (faults, k)``: rows of ``inputs`` that each fault runs; None means all of them.
        """


def all_samples(faults: FaultList, inputs: Codes, samples: Codes | None) -> Codes:
    """``samples``, or every row of ``inputs`` for every fault; checks the shape and the range."""
    if samples is None:
        return np.broadcast_to(np.arange(len(inputs)), (len(faults), len(inputs)))
    samples = np.asarray(samples, dtype=np.int64)
    if samples.ndim != 2 or len(samples) != len(faults):
        raise FaultError(f"samples must be ({len(faults)}, k), not {samples.shape}")
    if samples.size and not 0 <= samples.min() <= samples.max() < len(inputs):
        raise FaultError(f"samples must be rows 0..{len(inputs) - 1} of the inputs")
    return samples
