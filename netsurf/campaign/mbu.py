"""Multi-bit upsets: what clusters of neighbouring stored bits do to a design point, by layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netsurf.campaign.problem import Problem
from netsurf.campaign.statistics import Interval, proportion
from netsurf.engine import EngineResult, classify
from netsurf.engine.outcome import OUTCOMES
from netsurf.errors import UsageError
from netsurf.fault.clusters import ClusterModel, Layout, floorplan
from netsurf.fault.sample import generator
from netsurf.harden import Assignment, DesignPoint, ProtectionPlan, resolve
from netsurf.harden.schemes import NONE
from netsurf.inject import FastEngine

# Apart from the streams of other drawings.
_STREAM = 1 << 37


@dataclass(frozen=True, slots=True)
class Clusters:
    """What was found for one design point and layout.

    Parameters
    ----------
    stored_bits
        Of the design point, protection included: what a particle can hit.
    cells
        Mean number of stored bits that an event upset.
    through
        Events after which some weight reads wrong.
    outcomes
        Events by outcome (:data:`netsurf.engine.outcome.OUTCOMES`).
    wrong
        Fraction of events that change the decision, flagged or not.
    """

    stored_bits: int
    cells: float
    through: int
    outcomes: dict[str, int]
    wrong: Interval


def measure(
    design: DesignPoint, problem: Problem, layout: Layout, model: ClusterModel, events: int, seed: int
) -> Clusters:
    """Strike a design point with clusters, each on one sample.

    Raises
    ------
    UsageError
        If there is to be no event.
    """
    if events < 1:
        raise UsageError("choose one event or more")
    faults = floorplan(design.space, layout).draw(model, events, seed)
    rows = np.array([[generator(seed, _STREAM, i).integers(problem.samples)] for i in range(events)])
    result = FastEngine(design).run(faults, problem.inputs, rows)
    golden = problem.golden[rows]
    _, outcomes = classify(problem.network, result, golden, problem.tolerance)
    unflagged = EngineResult(result.outputs, np.zeros_like(result.detected))
    codes, _ = classify(problem.network, unflagged, golden, problem.tolerance)
    return Clusters(
        design.space.size,
        float(faults.counts.mean()),
        sum(len(resolve(design, fault).bits) > 0 for fault in faults),
        {name: getattr(outcomes, name) for name in OUTCOMES},
        proportion(int((codes == 2).sum()), events),
    )


def protect_all(problem: Problem, scheme: str) -> DesignPoint:
    """The design point with every stored bit under one scheme (``none`` for none).

    Raises
    ------
    UnknownNameError
        If there is no such scheme.
    PlanError
        If a tensor cannot take it.
    """
    network = problem.network
    bits = np.arange(network.stored_bits)
    given = () if scheme == NONE else (Assignment(scheme, bits),)
    empty = np.empty(0, np.int64)
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, empty, schemes=given))
