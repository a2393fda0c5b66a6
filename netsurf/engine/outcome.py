"""Outcome of a (fault, sample): masked, benign, sdc or detected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.engine.base import Codes, EngineResult
from netsurf.ir import Network

OUTCOMES = ("masked", "benign", "sdc", "detected")
"""masked: outputs equal. benign: outputs differ, same decision. sdc: the decision differs.
detected: a voter or checker raised its flag, whatever the outputs."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Number of (fault, sample) pairs of each outcome.

    >>> Outcomes(3, 1, 0, 4).total
    8
    """

    masked: int
    benign: int
    sdc: int
    detected: int

    @property
    def total(self) -> int:
        """All pairs."""
        return self.masked + self.benign + self.sdc + self.detected


def decide(network: Network, outputs: Codes) -> Codes:
    """Decision of each output vector ``(..., outputs)``: index of the largest, the first of equals.

    For regression the outputs themselves are the decision.
    """
    return outputs.argmax(axis=-1) if network.task == "classification" else outputs


def classify(
    network: Network, result: EngineResult, golden: Codes, tolerance: float = 0.0
) -> tuple[NDArray[np.int64], Outcomes]:
    """Outcome of every pair, as an index into :data:`OUTCOMES`, and their counts.

    Parameters
    ----------
    golden
        Fault-free outputs of the same pairs, ``(faults, samples, outputs)``.
    tolerance
        For regression: largest difference of an output, in real units, that is no SDC.
    """
    differs = (result.outputs != golden).any(axis=-1)
    if network.task == "classification":
        wrong = decide(network, result.outputs) != decide(network, golden)
    else:
        limit = tolerance * 2.0**network.output.format.fraction
        wrong = (np.abs(result.outputs - golden) > limit).any(axis=-1)
    codes = np.where(result.detected, 3, np.where(wrong, 2, np.where(differs, 1, 0)))
    return codes, Outcomes(*np.bincount(codes.reshape(-1), minlength=4).tolist())
