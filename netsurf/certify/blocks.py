"""The fault lists of one protection level, and the samples that each fault runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.spec import JobSpec
from netsurf.fault import FaultList, bernoulli, exact_count
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint

# Keeps the draws of samples apart from the draws of faults, which count from zero.
_SAMPLE_STREAM = 1 << 32


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A fault list and its samples: fault ``i`` runs the rows ``samples[i]`` of the test split.

    Parameters
    ----------
    name
        ``single`` (one upset a fault), then ``ber`` (Bernoulli at the job's bit error rate).
    faults
        Persistent faults.
    samples
        ``int64 (faults, k)``.
    """

    name: str
    faults: FaultList
    samples: NDArray[np.int64]

    @property
    def pairs(self) -> int:
        """(fault, sample) pairs."""
        return self.samples.size

    def corner(self, faults: int, samples: int) -> Block:
        """The first faults on their first samples: what a slow engine repeats."""
        faults = min(faults, len(self.faults))
        return Block(self.name, self.faults.slice(0, faults), self.samples[:faults, :samples])


def draw_blocks(design: DesignPoint, spec: JobSpec, population: int) -> tuple[Block, ...]:
    """The blocks of a design point, over a test split of ``population`` samples."""
    lists = {
        "single": exact_count(design.space, spec.faults, 1, spec.seed),
        "ber": bernoulli(design.space, spec.faults, spec.ber, spec.seed),
    }
    return tuple(
        Block(name, faults, _draw_samples(spec, stream, population))
        for stream, (name, faults) in enumerate(lists.items())
    )


def _draw_samples(spec: JobSpec, stream: int, population: int) -> NDArray[np.int64]:
    count = min(spec.samples, population)
    rows = [
        generator(spec.seed, _SAMPLE_STREAM + stream, fault).choice(population, count, replace=False)
        for fault in range(spec.faults)
    ]
    return np.array(rows, dtype=np.int64)
