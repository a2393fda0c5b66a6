"""The ladder: which algorithm may serve a stored tensor, proved before it runs.

From the top: ``interval`` counts the samples whose upset sum leaves the interval that keeps a decision;
``memo`` looks the outcome up in a table over the values of the one element that a sum becomes; ``delta``
computes the changed sums and runs the rest of the network on the changed rows; ``forward`` executes the
layer again with the upset codes. A rung serves a tensor only if its conditions hold for these inputs,
every sum and every upset of that tensor; each condition is a bound computed from formats, codes and the
ranges of the golden run, never a sample of faults.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.golden import Golden, Unit, downstream, units
from netsurf.inject.judge import classifies
from netsurf.inject.kinds import Summation
from netsurf.inject.steps import Image, image
from netsurf.ir import Parameter

RUNGS = ("interval", "memo", "delta", "forward")

TABLE_VALUES = 1 << 12
"""Most values of one element that the memo rung tabulates."""

INTERVAL_VALUES, LOSS_VALUES = 1 << 20, 1 << 12
"""Most values of one element whose edges the interval rung tabulates, and whose losses it does."""


NOTHING = Image(0, 0)
"""Image of no sum at all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The rung that serves a stored tensor, and why no higher one does.

    Parameters
    ----------
    tensor
        Name of the stored tensor.
    rung
        One of :data:`RUNGS`.
    reason
        The conditions that failed on the way down, or what makes the top rung exact.
    """

    tensor: str
    rung: str
    reason: str


@dataclass(frozen=True, eq=False)
class Bounds:
    """What is proved about a unit on the given inputs, whatever single bit of it is upset.

    Parameters
    ----------
    x
        Golden inputs of the unit, ``(samples, inputs)``.
    sums
        Golden sums, ``int64 (samples, sums)``; None if they are not linear.
    summation
        How the sums behave under an upset.
    low, high
        Range of all sums, upset or not.
    image
        Range of the unit's tensor over those sums, and whether it is monotone in them.
    memory
        What a rung computes once for all stored tensors of the unit.
    """

    unit: Unit
    x: NDArray
    sums: NDArray[np.int64] | None
    summation: Summation
    low: int = 0
    high: int = 0
    image: Image = NOTHING
    memory: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, golden: Golden, unit: Unit) -> Bounds:
        """Measure the golden run, and widen it by the largest change of one upset."""
        x, linear = golden.flat(unit.layer.inputs[0]), unit.kind.linear
        if linear is None:
            return cls(unit, x, None, Summation("replay", f"kind '{unit.layer.kind}' has no linear form"))
        edges = [edge.reshape(-1).astype(np.int64) for edge in (x.min(axis=0), x.max(axis=0))]
        summation = linear.summation(unit.layer, unit.spec, *edges, True)
        sums = golden.sums[unit.layer.name].reshape(len(x), unit.layer.output.size)
        low, high = int(sums.min()) - summation.change, int(sums.max()) + summation.change
        return cls(unit, x, sums, summation, low, high, image(unit.steps, low, high))


def choose(golden: Golden, bounds: Bounds, parameter: Parameter, loss: bool) -> Choice:
    """The highest rung that is provably exact for a stored tensor of the unit."""
    reasons = []
    for rung, condition in (("interval", _interval), ("memo", _memo), ("delta", _delta)):
        problem = condition(golden, bounds, loss)
        if not problem:
            return Choice(parameter.name, rung, "; ".join(reasons) or "every condition of the top rung holds")
        reasons.append(f"no {rung}: {problem}")
    return Choice(parameter.name, "forward", "; ".join(reasons))


def _delta(golden: Golden, bounds: Bounds, loss: bool) -> str:
    """Problem of the delta rung: sums that are not linear in one stored code."""
    return bounds.summation.reason if bounds.summation.mode == "replay" else ""


def _memo(golden: Golden, bounds: Bounds, loss: bool) -> str:
    """Problem of the memo rung: no single element, or tables that would be too long to pay."""
    if problem := _delta(golden, bounds, loss):
        return problem
    if not bounds.unit.kind.linear.matrix:
        return f"an upset of a {bounds.unit.layer.kind} reaches more than one element"
    values = bounds.image.high - bounds.image.low + 1
    if values > TABLE_VALUES:
        return f"a table of {values} values is too long"
    if values > bounds.x.shape[1] * bounds.unit.layer.parameters["kernel"].format.width:
        return f"{values} values a sum are more than the upsets that reach it"
    return ""


def _interval(golden: Golden, bounds: Bounds, loss: bool) -> str:
    """Problem of the interval rung; it needs monotone values and, before the last layer, linear logits."""
    if not classifies(golden.network):
        return "regression has no decision"
    return decision_interval(golden, bounds, loss)


def decision_interval(golden: Golden, bounds: Bounds, loss: bool) -> str:
    """Why the values that keep a decision may be no interval of sums, or an empty string."""
    if bounds.summation.mode != "exact":
        return bounds.summation.reason
    if not bounds.unit.kind.linear.matrix:
        return f"an upset of a {bounds.unit.layer.kind} reaches more than one element"
    if bounds.image.broken:
        return f"values are not monotone in sums, {bounds.image.broken}"
    if bounds.unit.tensor == golden.network.layers[-1].name:
        return ""
    values = bounds.image.high - bounds.image.low + 1
    if values > (LOSS_VALUES if loss else INTERVAL_VALUES):
        return f"a table of {values} values is too long"
    return linear_logits(golden, bounds)


def last_unit(golden: Golden, tensor: str) -> Unit | None:
    """The unit that turns ``tensor`` into the network's output by one matrix product, if that is all."""
    rest = downstream(golden.network, tensor)
    for unit in units(golden.network):
        if unit.layer in rest and unit.tensor == golden.network.layers[-1].name:
            chain = (
                unit.layer.inputs == (tensor,) and unit.kind.linear is not None and unit.kind.linear.matrix
            )
            return (
                unit
                if chain and rest[0] is unit.layer and len(unit_layers(golden, unit)) == len(rest)
                else None
            )
    return None


def unit_layers(golden: Golden, unit: Unit) -> list[str]:
    """Names of the layers between a unit's input and its tensor."""
    names, layers = [unit.layer.name], downstream(golden.network, unit.layer.name)
    for layer in layers:
        if names[-1] == unit.tensor:
            break
        names.append(layer.name)
    return names


def linear_logits(golden: Golden, bounds: Bounds) -> str:
    """Why the decision may not be linear in one element of the unit's tensor, or an empty string."""
    last = last_unit(golden, bounds.unit.tensor)
    if last is None:
        return "its tensor is not the only input of one last matrix product"
    low, high = bounds.image.low, bounds.image.high
    summation = last.kind.linear.summation(last.layer, last.spec, low, high, False)
    if summation.mode != "exact":
        return f"logits: {summation.reason}"
    sums, gains = last_sums(golden, last)
    change = int(np.abs(gains).max(initial=0)) * (high - low)
    lossy = image(last.steps, int(sums.min()) - change, int(sums.max()) + change).lossy
    return f"logits do not keep the order of their sums, {lossy}" if lossy else ""


def last_sums(golden: Golden, last: Unit) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Golden sums of the last matrix product, and the change of each by one unit of each input element."""
    from netsurf.inject.kinds.dense import append

    gain, kernel = append(last.layer, last.spec), last.layer.parameters["kernel"].codes
    return golden.sums[last.layer.name], kernel << gain if gain >= 0 else kernel >> -gain
