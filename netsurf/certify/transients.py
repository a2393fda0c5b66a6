"""Upsets in the middle of an inference: drawing them, and what the reference expects of them.

The network has no clock, but the accelerator reads every stored word once an inference, in a
cycle that the emitter states. A bit that is upset before its word is read acts like a
persistent upset; one that is upset later changes nothing in that inference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.spec import JobSpec
from netsurf.emit import Accelerator, locate, read_cycle, walks
from netsurf.engine import EngineResult, ReferenceEngine
from netsurf.fault import Fault, FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint, resolve

Codes = NDArray[np.int64]

# Apart from the streams of blocks.py.
_STREAM = 1 << 33


def draw_transients(
    design: DesignPoint, accelerator: Accelerator, spec: JobSpec, population: int
) -> tuple[FaultList, Codes]:
    """One upset a fault, at a cycle uniform over the inference, each with one sample."""
    faults, samples = [], []
    for number in range(spec.transients):
        draw = generator(spec.seed, _STREAM, number)
        site = int(design.space.sites[draw.integers(design.space.size)])
        faults.append(Fault((site,), cycle=int(draw.integers(accelerator.latency))))
        samples.append([int(draw.integers(population))])
    return FaultList.of(faults), np.array(samples, dtype=np.int64)


def expected_transients(
    design: DesignPoint, accelerator: Accelerator, faults: FaultList, inputs: Codes, samples: Codes
) -> EngineResult:
    """Reference outputs and flags under transient upsets of an accelerator.

    What a scrubber repairs before it is read would have been voted or corrected by the reader just the same,
    so that outputs know nothing of it; but it raises the flag, also for words that were read before.
    """
    where = locate(accelerator, faults.sites)
    read = read_cycle(accelerator, where)
    effective = [
        Fault(_effective(fault, read[start:]), fault.kind)
        for fault, start in zip(faults, faults.offsets, strict=False)
    ]
    expected = ReferenceEngine(design).run(FaultList.of(effective), inputs, samples)
    flagged = [
        resolve(design, Fault(_visited(fault, accelerator, design), fault.kind)).detected for fault in faults
    ]
    return EngineResult(expected.outputs, expected.detected | np.array(flagged, dtype=bool)[:, None])


def _visited(fault: Fault, accelerator: Accelerator, design: DesignPoint) -> tuple[int, ...]:
    """Sites that a scrubber meets between the upset and the output."""
    found, cycle = walks(accelerator), 0 if fault.cycle is None else fault.cycle
    if not found:
        return ()
    size, scrubbed = design.space.stored_bits, set(design.scrubbed.tolist())
    visited = []
    for number in (n for n in fault.sites if n % size in scrubbed):
        site = design.space.site(number)
        walk = found[site.tensor]
        if walk.next_visit(site.index // walk.elements, cycle) < accelerator.latency:
            visited.append(number)
    return tuple(visited)


def _effective(fault: Fault, read: Codes) -> tuple[int, ...]:
    """Sites whose word is still to be read when the fault strikes."""
    cycle = -1 if fault.cycle is None else fault.cycle
    return tuple(site for site, when in zip(fault.sites, read, strict=False) if when >= cycle)
