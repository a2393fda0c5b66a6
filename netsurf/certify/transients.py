"""Upsets in the middle of an inference: drawing them, and what the reference expects of them.

The network has no clock, but the accelerator reads every stored word once an inference, in a
cycle that the emitter states. A bit that is upset before its word is read acts like a
persistent upset; one that is upset later changes nothing in that inference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.spec import JobSpec
from netsurf.emit import Accelerator, locate, read_cycle
from netsurf.engine import EngineResult, ReferenceEngine
from netsurf.fault import Fault, FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint

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
    """Reference outputs and flags under transient upsets of an accelerator."""
    read = read_cycle(accelerator, locate(accelerator, faults.sites))
    effective = [
        Fault(_effective(fault, read[start:]), fault.kind)
        for fault, start in zip(faults, faults.offsets, strict=False)
    ]
    return ReferenceEngine(design).run(FaultList.of(effective), inputs, samples)


def _effective(fault: Fault, read: Codes) -> tuple[int, ...]:
    """Sites whose word is still to be read when the fault strikes."""
    cycle = -1 if fault.cycle is None else fault.cycle
    return tuple(site for site, when in zip(fault.sites, read, strict=False) if when >= cycle)
