"""Upsets in the middle of an inference: drawing them, and what the reference expects of them.

The network has no clock, but the accelerator reads every stored word in cycles that the emitter states: once
for a sample, or once for every patch of a convolution and every step of a recurrent layer. Reads before
the upset see the old bit, those behind it the new one, and the reference executes both parts
(:func:`netsurf.ir.execute_staged`). An upset after the last read changes nothing in that inference.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.spec import JobSpec
from netsurf.emit import NEVER, Accelerator, locate, visits_before, walks
from netsurf.engine import EngineResult
from netsurf.fault import Fault, FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.ir import Network, execute_staged

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
    outputs = np.empty((*samples.shape, design.network.output.size), dtype=np.int64)
    detected = np.zeros(samples.shape, dtype=bool)
    for number, fault in enumerate(faults):
        changes, flagged = _changes(design, accelerator, fault)
        outputs[number] = execute_staged(design.network, inputs[samples[number]], changes)
        visited = Fault(_visited(fault, accelerator, design), fault.kind)
        detected[number] = flagged or resolve(design, visited).detected
    return EngineResult(outputs, detected)


def _changes(
    design: DesignPoint, accelerator: Accelerator, fault: Fault
) -> tuple[dict[str, list[tuple[int, Mapping[str, Codes]]]], bool]:
    """What every layer computes with from which visit on, and whether a voter or checker has seen an error.

    Sites whose word is not read any more are left out: nobody sees them. A flag is a register, so that a word
    which is read in the very cycle of the output raises it a cycle too late for that sample.
    """
    sites = np.array(fault.sites, dtype=np.int64)
    where = locate(accelerator, sites)
    visit = visits_before(accelerator, where, -1 if fault.cycle is None else fault.cycle)
    seen = visit < visits_before(accelerator, where, NEVER)
    in_time = visit < visits_before(accelerator, where, accelerator.latency)
    owners = [_owner(design.network, store.tensor) for store in accelerator.stores]
    changes, flagged = {}, False
    for name in dict.fromkeys(owners[index] for index in where.store[seen]):
        here = seen & np.isin(where.store, [i for i, owner in enumerate(owners) if owner == name])
        stages = []
        for first in np.unique(visit[here]):
            upset = here & (visit <= first)
            bits = resolve(design, Fault(tuple(sites[upset].tolist()), fault.kind)).bits
            stages.append((int(first), faulty_parameters(design, bits)))
            flagged |= resolve(design, Fault(tuple(sites[upset & in_time].tolist()), fault.kind)).detected
        changes[name] = stages
    return changes, flagged


def _owner(network: Network, tensor: str) -> str:
    """The layer that stores a tensor."""
    return next(layer.name for layer in network.layers for p in layer.parameters.values() if p.name == tensor)


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
