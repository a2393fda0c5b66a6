"""Agreement under strikes: the cycle model and the verilated accelerator on the same upsets, by kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsurf.campaign.avf import cycle_model, populations_of
from netsurf.campaign.problem import Problem
from netsurf.cosim.strike_engines import VerilatorStrikes
from netsurf.emit import Accelerator
from netsurf.engine import Agreement
from netsurf.engine.base import Codes
from netsurf.fault import REPLICAS
from netsurf.fault.sample import generator
from netsurf.fault.strikes import Strike, StrikeList
from netsurf.harden import DesignPoint

TWO_REPLICAS = "two replicas"
"""Two stored copies of one protected bit, each upset in a cycle of its own."""

# Apart from the streams of other drawings.
_STREAM = 1 << 38


@dataclass(frozen=True, slots=True)
class StrikeAgreement:
    """Upsets of one kind: how many ran in both, how many differ in anything that the ports show."""

    kind: str
    agreement: Agreement


def agree_on_strikes(
    design: DesignPoint, accelerator: Accelerator, problem: Problem, faults: int, seed: int
) -> tuple[StrikeAgreement, ...]:
    """Run ``faults`` upsets of every kind in the cycle model and in RTL, and compare.

    Output codes, number of outputs, cycle of the first, and every error flag have to be equal.
    """
    model, rtl = cycle_model(design, accelerator), VerilatorStrikes(accelerator, design)
    populations = populations_of(design, accelerator)
    kinds = [*populations, *([TWO_REPLICAS] if len(design.space.protected) else [])]
    found = []
    for number, kind in enumerate(kinds):
        sites = populations.get(kind, design.space.protected)
        drawn = [
            _fault(design, accelerator, kind == TWO_REPLICAS, sites, generator(seed, _STREAM, number, i))
            for i in range(faults)
        ]
        samples = np.array(
            [generator(seed, _STREAM, number, i, 1).integers(problem.samples) for i in range(faults)]
        )
        strikes = StrikeList.of(drawn)
        differs = model.run(strikes, problem.inputs, samples).differs(
            rtl.run(strikes, problem.inputs, samples)
        )
        found.append(StrikeAgreement(kind, Agreement(faults, (), int(differs.sum()))))
    return tuple(found)


def _fault(
    design: DesignPoint, accelerator: Accelerator, two: bool, sites: Codes, random: np.random.Generator
) -> list[Strike]:
    site = int(sites[random.integers(len(sites))])
    cycles = random.integers(accelerator.latency, size=2).tolist()
    if two:
        replicas = random.permutation(REPLICAS)[:2].tolist()
        return [
            Strike(cycle, site + r * design.space.stored_bits, stored=True)
            for cycle, r in zip(cycles, replicas, strict=True)
        ]
    return [Strike(cycles[0], site)]
