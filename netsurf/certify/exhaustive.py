"""Every stored bit of the unprotected design, upset once in RTL, where it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.engine import Agreement, Engine, EngineResult, ReferenceEngine, compare
from netsurf.fault import FaultList, exhaustive
from netsurf.harden import DesignPoint
from netsurf.ir import execute

Codes = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class ExhaustiveResult:
    """What replaying every upset in RTL found.

    Parameters
    ----------
    faults
        Stored bits, each upset once.
    visible
        Faults whose sample is one on which the reference output changes.
    invisible
        Faults that change no output of any sample searched: they run on sample 0.
    changed
        Faults whose RTL output differed from the fault-free one; equals ``visible`` if all is well.
    agreement
        RTL against the reference executor, pair by pair.
    """

    faults: int
    visible: int
    invisible: int
    changed: int
    agreement: Agreement


def replay_everything(
    design: DesignPoint,
    engine: Engine,
    inputs: Codes,
    witnesses: Codes,
    jobs: int = 2,
    progress: Progress = lambda done, total, note: None,
) -> ExhaustiveResult:
    """Upset each stored bit once in ``engine`` and compare with the reference executor.

    Parameters
    ----------
    witnesses
        ``int64 (S,)``: for each stored bit a row of ``inputs`` whose reference output it changes, or -1.
    jobs
        Processes that run the reference executor.
    """
    faults = exhaustive(design.space)
    samples = np.maximum(witnesses, 0)[:, None]
    expected = _reference(design, faults, inputs, samples, jobs, progress)
    got = engine.run(faults, inputs, samples)
    golden = execute(design.network, inputs)[samples[:, 0]]
    changed = (got.outputs[:, 0] != golden).any(axis=-1)
    visible = int((witnesses >= 0).sum())
    return ExhaustiveResult(
        len(faults), visible, len(faults) - visible, int(changed.sum()), compare(engine.name, expected, got)
    )


def _reference(
    design: DesignPoint, faults: FaultList, inputs: Codes, samples: Codes, jobs: int, progress: Progress
) -> EngineResult:
    """The reference executor over all faults, in ``jobs`` processes that inherit the design by fork."""
    starts = range(0, len(faults), _CHUNK)
    with ProcessPoolExecutor(
        jobs, get_context("fork"), initializer=_inherit, initargs=(design, faults, inputs, samples)
    ) as pool:
        parts = []
        for part in pool.map(_reference_chunk, starts):
            parts.append(part)
            progress(min(len(parts) * _CHUNK, len(faults)), len(faults), "reference executor")
    return EngineResult.joined(parts)


_inherited: tuple[DesignPoint, FaultList, Codes, Codes]


def _inherit(*work: Any) -> None:
    global _inherited  # one worker process does one job; this is its argument
    _inherited = work  # type: ignore[assignment]


def _reference_chunk(start: int) -> EngineResult:
    design, faults, inputs, samples = _inherited
    stop = min(start + _CHUNK, len(faults))
    return ReferenceEngine(design).run(faults.slice(start, stop), inputs, samples[start:stop])


def exhaustive_document(
    result: ExhaustiveResult, benchmark: str, network: str, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """The result as plain JSON values; the bound is one-sided Clopper-Pearson at 95 %."""
    return {
        "benchmark": benchmark,
        "network": network,
        "faults": result.faults,
        "visible": result.visible,
        "invisible": result.invisible,
        "changed_in_rtl": result.changed,
        "mismatches": result.agreement.count,
        "upper_bound": result.agreement.upper_bound(),
        "listed": [asdict(m) for m in result.agreement.mismatches],
        "provenance": dict(provenance),
    }
