"""Chain: a network that is one matrix product after another, laid out for kernels that run whole models.

Most of a Monte-Carlo campaign is the same network with other weights, again and again. If the network is a
path of dense layers with pointwise layers between them, and sums are exact whatever the weights become,
compiled kernels run a model in well under a microsecond a sample. Every other network runs layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.golden import Golden, Unit, downstream, units
from netsurf.inject.kinds import dense
from netsurf.inject.rungs import unit_layers
from netsurf.inject.steps import Step, encode, image
from netsurf.ir import Network

Codes = NDArray[np.int64]

LANES = 16
"""Outputs of a layer are padded to a multiple of this many."""

INT32 = (1 << 31) - 1


@dataclass(frozen=True, eq=False)
class Stage:
    """One matrix product and its steps, proved exact for every content of the weight store.

    Parameters
    ----------
    gain
        Zero bits appended to a product on its way to the accumulator.
    steps
        From sum to element, without those that can change nothing.
    largest
        No sum, partial or whole, before or after any step, is larger than this, either way.
    least, most
        Range of the elements that come in.
    low, high
        Range of the elements that come out.
    """

    unit: Unit
    gain: int
    steps: tuple[Step, ...]
    largest: int
    least: int
    most: int
    low: int
    high: int

    @property
    def inputs(self) -> int:
        """Elements that come in."""
        return self.unit.spec.size

    @property
    def outputs(self) -> int:
        """Elements that go out."""
        return int(self.unit.layer.output.size)


@dataclass(frozen=True, eq=False)
class Chain:
    """The stages of a network, and its input to the first of them."""

    network: Network
    stages: tuple[Stage, ...]

    @cached_property
    def tensors(self) -> Codes:
        """One row a stored tensor, in site order: first site, elements, width, signed, stage, is bias."""
        rows, first = [], 0
        for number, stage in enumerate(self.stages):
            for role, parameter in stage.unit.layer.parameters.items():
                shape = parameter.codes.size, parameter.format.width, parameter.format.signed
                rows.append((first, *shape, number, role == "bias"))
                first += parameter.stored_bits
        return np.array(rows, dtype=np.int64)

    @property
    def fits_int32(self) -> bool:
        """Whether every intermediate of every stage is a 32-bit integer."""
        return all(stage.largest <= INT32 for stage in self.stages)


def chain_of(golden: Golden) -> Chain | str:
    """The chain that a network is for these inputs, or why it is none."""
    network = golden.network
    path = units(network)
    if not path or path[-1].tensor != network.layers[-1].name:
        return "its output is not a parametric layer's"
    inside = {name for unit in path for name in unit_layers(golden, unit)}
    if inside != {path[0].layer.name, *(layer.name for layer in downstream(network, path[0].layer.name))}:
        return "it is no path of dense layers"
    for unit in path:
        if unit.kind.linear is None or not unit.kind.linear.matrix:
            return f"layer '{unit.layer.name}' is a {unit.layer.kind}"
    x = golden.flat(path[0].layer.inputs[0])
    low, high, stages = int(x.min()), int(x.max()), []
    for before, unit in zip((None, *path), path, strict=False):
        if before is not None and unit.layer.inputs != (before.tensor,):
            return "it is no path of dense layers"
        stage = _stage(unit, low, high)
        if isinstance(stage, str):
            return f"layer '{unit.layer.name}': {stage}"
        stages.append(stage)
        low, high = stage.low, stage.high
    return Chain(network, tuple(stages))


def _stage(unit: Unit, low: int, high: int) -> Stage | str:
    """The stage of a unit whose inputs lie in ``low .. high``, or why its sums are not always exact."""
    layer = unit.layer
    gain, accumulator = dense.append(layer, unit.spec), dense.accumulator_of(layer)
    if gain < 0:
        return f"products lose {-gain} bits in {accumulator}"
    kernel, bias = (layer.parameters[role].format for role in ("kernel", "bias"))
    started = image(_bias_steps(unit), bias.minimum, bias.maximum)
    edges = [code * x << gain for code in (kernel.minimum, kernel.maximum) for x in (low, high)]
    bottom = unit.spec.size * min(0, *edges) + min(started.low, 0)
    top = unit.spec.size * max(0, *edges) + max(started.high, 0)
    limit = Step(0, accumulator)
    if accumulator.overflow != "WRAP" and not (limit.minimum <= bottom and top <= accumulator.maximum):
        return f"{accumulator} can saturate: sums may reach {bottom}..{top}"
    steps, largest, bounds = [], max(-bottom, top), (bottom, top)
    for step in unit.steps:
        after = image([step], *bounds)
        lifted = [abs(edge) << max(-step.shift, 0) for edge in (*bounds, after.low, after.high)]
        largest = max(largest, *lifted, (1 << min(step.target.width, 62)) - 1 if after.broken else 0)
        if step.shift or after.lossy:
            steps.append(step)
        bounds = after.low, after.high
    return Stage(unit, gain, tuple(steps), largest + (1 << _largest_shift(steps)), low, high, *bounds)


def _bias_steps(unit: Unit) -> tuple[Step, ...]:
    """From a bias' code to the sum that it starts."""
    bias, accumulator = unit.layer.parameters["bias"].format, dense.accumulator_of(unit.layer)
    return () if bias == accumulator else (Step(bias.fraction, accumulator),)


def _largest_shift(steps: list[Step]) -> int:
    """Room that a rounding constant needs."""
    return max([step.shift for step in steps if step.shift > 0], default=0)


@dataclass(frozen=True, eq=False)
class Packed:
    """A chain's numbers as flat arrays, in the layout of the portable kernel.

    Parameters
    ----------
    shape
        One row a stage: inputs, outputs, padded outputs, gain, first weight, first start, first step, steps.
    weights
        ``int32``, stage after stage, row-major ``(inputs, padded outputs)``.
    biases
        ``int64`` codes, stage after stage, padded; ``bias_steps`` has one row a stage, or none for a copy.
    steps
        Encoded steps, stage after stage.
    """

    shape: Codes
    weights: NDArray[np.int32]
    biases: Codes
    bias_steps: Codes
    steps: Codes

    @classmethod
    def of(cls, chain: Chain) -> Packed:
        """Lay out the golden weights."""
        shape, weights, biases, steps = [], [], [], []
        first = np.zeros(3, dtype=np.int64)
        for stage in chain.stages:
            padded = -(-stage.outputs // LANES) * LANES
            codes = {role: p.codes for role, p in stage.unit.layer.parameters.items()}
            wide = np.zeros((stage.inputs, padded), np.int32)
            wide[:, : stage.outputs] = codes["kernel"]
            size = stage.inputs, stage.outputs, padded, stage.gain
            shape.append((*size, *first, len(stage.steps)))
            weights.append(wide.reshape(-1))
            biases.append(np.pad(codes["bias"], (0, padded - stage.outputs)))
            steps.append(encode(stage.steps))
            first += wide.size, padded, len(stage.steps)
        weights, biases, steps = (np.concatenate(part) for part in (weights, biases, steps))
        return cls(np.array(shape, dtype=np.int64), weights, biases, bias_steps(chain), steps)


def bias_steps(chain: Chain) -> Codes:
    """One encoded step a stage, from a bias' code to the sum that it starts."""
    copy = [0, 0, 0, 1, -(1 << 62), 1 << 62, 62, 1]  # changes no code
    steps = [_bias_steps(stage.unit) for stage in chain.stages]
    rows = [encode(step) if step else [copy] for step in steps]
    return np.concatenate(rows).astype(np.int64)
