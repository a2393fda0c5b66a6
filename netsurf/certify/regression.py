"""The fixed fault list of a benchmark, and what it does: replayed in every engine by ``pytest sim/``."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.engine import EngineResult, ReferenceEngine, classify
from netsurf.fault import FaultList, bernoulli, exact_count
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Network, execute
from netsurf.rank import rank

FAULTS = "faults.txt"
LEVEL, RANKER = 0.2, "msb"
SINGLES, MANY, BER, SEED = 24, 8, 1e-3, 1
SAMPLES = 16
MOST = 4096
"""Upsets of a Bernoulli fault of a large design point, on average: its list stays readable."""


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A design point, its fixed faults, and the samples that each of them runs.

    Parameters
    ----------
    samples
        ``int64 (faults, 16)``: rows of the test split.
    """

    design: DesignPoint
    faults: FaultList
    samples: NDArray[np.int64]


def fixed_design(network: Network) -> DesignPoint:
    """The design point of the regression: the MSB-first fifth of the stored bits in TMR."""
    notes = {"ranker": RANKER, "seed": SEED}
    return DesignPoint(network, plan_by_level(network, rank(RANKER, network, SEED), LEVEL, notes))


def fixed_samples(faults: FaultList, population: int) -> NDArray[np.int64]:
    """Rows of the test split for each fault: neighbours, a different stretch for each."""
    start = np.arange(len(faults))[:, None] * SAMPLES
    return (start + np.arange(min(SAMPLES, population))) % population


def draw_faults(design: DesignPoint) -> FaultList:
    """Single upsets, then Bernoulli faults of many upsets, in a thousandth of the bits or :data:`MOST`."""
    single = exact_count(design.space, SINGLES, 1, SEED)
    many = bernoulli(design.space, MANY, min(BER, MOST / design.space.size), SEED)
    return FaultList.of([*single, *many])


def golden_outcomes(regression: Regression, inputs: NDArray[np.int64], tolerance: float) -> dict[str, Any]:
    """Outcome counts of the regression in the reference executor, and the digest of its outputs."""
    expected = ReferenceEngine(regression.design).run(regression.faults, inputs, regression.samples)
    return summarise(regression, expected, inputs, tolerance)


def summarise(
    regression: Regression, result: EngineResult, inputs: NDArray[np.int64], tolerance: float
) -> dict[str, Any]:
    """Outcome counts of an engine's result, and the SHA-256 of its outputs and flags."""
    network = regression.design.network
    golden = execute(network, inputs[regression.samples.reshape(-1)]).reshape(result.outputs.shape)
    counts = classify(network, result, golden, tolerance)[1]
    hasher = hashlib.sha256(result.outputs.astype("<i8").tobytes())
    hasher.update(np.packbits(result.detected).tobytes())
    return {
        "plan": regression.design.plan.digest,
        "faults": len(regression.faults),
        "samples": int(regression.samples.shape[1]),
        "counts": asdict(counts),
        "outputs": hasher.hexdigest(),
    }
