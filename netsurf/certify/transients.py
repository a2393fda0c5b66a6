"""Upsets in the middle of an inference: drawing them, and what the reference expects of them.

The network has no clock, but the accelerator reads every stored word once an inference, in a
cycle that the emitter states. A bit that is upset before its word is read acts like a
persistent upset; one that is upset later changes nothing in that inference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.spec import JobSpec
from netsurf.engine import EngineResult, ReferenceEngine
from netsurf.fault import Fault, FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint

if TYPE_CHECKING:
    from netsurf.emit import Accelerator

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
    cycles = read_cycles(design, accelerator)
    persistent = FaultList.of(
        Fault(tuple(s for s in f.sites if f.cycle is None or cycles(s) >= f.cycle), f.kind) for f in faults
    )
    return ReferenceEngine(design).run(persistent, inputs, samples)


def read_cycles(design: DesignPoint, accelerator: Accelerator):
    """A function from a site's number to the cycle of the inference in which its word is read."""
    stores = {store.tensor: store for store in accelerator.stores}

    def cycle(number: int) -> int:
        site = design.space.site(number)
        store = stores[site.tensor]
        return store.first_read + site.index // store.elements_per_word // store.words_per_read

    return cycle
