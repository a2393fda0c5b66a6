"""The one engine interface, the reference engine, and what agreement between engines means."""

from netsurf.engine.agreement import Agreement, Mismatch, compare
from netsurf.engine.base import Engine, EngineResult, all_samples
from netsurf.engine.outcome import OUTCOMES, Outcomes, classify, decide
from netsurf.engine.reference import ReferenceEngine

__all__ = [
    "OUTCOMES",
    "Agreement",
    "Engine",
    "EngineResult",
    "Mismatch",
    "Outcomes",
    "ReferenceEngine",
    "all_samples",
    "classify",
    "compare",
    "decide",
]
