"""Agreement between engines: equal integers, counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsurf.engine.base import EngineResult


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One (fault, sample) pair on which two engines differ."""

    engine: str
    fault: int
    sample: int
    expected: tuple[int, ...]
    got: tuple[int, ...]
    detected_expected: bool
    detected_got: bool


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pairs compared and pairs that differ.

    Parameters
    ----------
    pairs
        (fault, sample) pairs compared.
    mismatches
        The pairs that differ, in order, at most ``listed`` of them.
    count
        How many differ.
    """

    pairs: int
    mismatches: tuple[Mismatch, ...]
    count: int

    def upper_bound(self, confidence: float = 0.95) -> float:
        """One-sided Clopper-Pearson upper bound on the rate of disagreement.

        The largest rate ``p`` with ``P(X <= count | pairs, p) >= 1 - confidence`` (Clopper and
        Pearson, Biometrika 26, 1934); for no mismatch that is ``1 - (1 - confidence)**(1 / pairs)``.

        >>> round(Agreement(30000, (), 0).upper_bound(), 7)
        9.99e-05
        """
        from scipy.stats import beta

        if self.count >= self.pairs:
            return 1.0
        return float(beta.ppf(confidence, self.count + 1, self.pairs - self.count))


def compare(
    engine: str, expected: EngineResult, got: EngineResult, flags: bool = True, listed: int = 20
) -> Agreement:
    """Compare outputs pair by pair, and the detection flags too unless the engine has none (``flags``)."""
    differs = expected.differs(got, flags)
    where = np.argwhere(differs)
    mismatches = tuple(_mismatch(engine, expected, got, fault, sample) for fault, sample in where[:listed])
    return Agreement(differs.size, mismatches, len(where))


def _mismatch(engine: str, expected: EngineResult, got: EngineResult, fault: int, sample: int) -> Mismatch:
    return Mismatch(
        engine,
        int(fault),
        int(sample),
        tuple(expected.outputs[fault, sample].tolist()),
        tuple(got.outputs[fault, sample].tolist()),
        bool(expected.detected[fault, sample]),
        bool(got.detected[fault, sample]),
    )
