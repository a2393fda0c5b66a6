"""Golden: the fault-free run that every fault is measured against, and the units that faults hit.

A *unit* is a parametric layer with the pointwise layers that hang on it alone: what an upset of its
stored codes does ends in one tensor, the unit's. Behind it lies a *suffix*: the part of the graph that
reads this tensor, executed again on the rows that an upset changed, with every other tensor taken from
the golden run. A residual branch, a concatenation or a convolution is nothing special to a suffix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.inject.kinds import FastKind, fast_kind
from netsurf.inject.steps import Step, apply, encode
from netsurf.ir import Layer, Network, TensorSpec
from netsurf.ir.execute import check_inputs
from netsurf.ir.network import INPUT

Codes = NDArray[np.int64]
"""Codes of any integer width: tensors of a golden run are kept as narrow as their formats allow."""


LARGE = 1 << 15
"""Elements from which on a compiled loop over them pays."""


def narrow_type(spec: TensorSpec) -> type[np.integer]:
    """The smallest integer type that holds the tensor's format."""
    low, high = spec.format.minimum, spec.format.maximum
    for kind in (np.uint8, np.int8, np.int16, np.uint16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return kind
    return np.int64


def narrow(codes: NDArray, spec: TensorSpec) -> NDArray:
    """Codes in the smallest integer type that holds the tensor's format."""
    return codes.astype(narrow_type(spec), copy=False)


def taken(steps: tuple[Step, ...], codes: NDArray, spec: TensorSpec) -> NDArray:
    """Codes after every step, narrow: in one compiled pass if there are many."""
    if codes.size < LARGE:
        return narrow(apply(steps, codes), spec)
    from netsurf.inject.portable import cast_all

    out = np.empty(codes.shape, narrow_type(spec))
    cast_all(np.ascontiguousarray(codes).reshape(-1), encode(steps), out.reshape(-1))
    return out


MEMORY = 1 << 30
"""Bytes of a golden run that are kept while faults run: ResNet-18 takes 16 MB for each sample."""


def samples_at_once(network: Network) -> int:
    """Samples whose golden run fits :data:`MEMORY`, one at least."""
    return max(MEMORY // footprint(network), 1)


def footprint(network: Network) -> int:
    """Bytes of a golden run of one sample: its tensors, and the sums of the layers that have any."""
    specs = [network.input, *(layer.output for layer in network.layers)]
    tensors = sum(spec.size * np.dtype(narrow_type(spec)).itemsize for spec in specs)
    return tensors + sum(8 * layer.output.size for layer in network.layers if layer.parameters)


@dataclass(frozen=True)
class Near:
    """Samples ``rows`` of a golden run, that a run with an upset differs little from."""

    golden: Golden
    rows: NDArray

    def sums_of(self, layer: Layer, kind: FastKind, x: NDArray, spec: TensorSpec) -> Codes | None:
        """Sums for the inputs ``x``, from the golden ones; None if that is not exact, or no gain."""
        if kind.linear is None or kind.linear.moved is None or not self.golden.exact(layer):
            return None
        before = self.golden.tensors[layer.inputs[0]][self.rows]
        moved = kind.linear.moved(layer, x, before, spec)
        return None if moved is None else self.golden.sums[layer.name][self.rows] + moved


def forward(
    network: Network,
    tensors: dict[str, NDArray],
    layers: tuple[Layer, ...],
    parameters: Mapping[str, Codes] | None = None,
    sums: dict[str, Codes] | None = None,
    near: Near | None = None,
) -> dict[str, NDArray]:
    """Execute ``layers`` in order, adding their tensors to ``tensors``; other tensors must be there.

    ``sums``, if given, is filled with the sums of the layers that have any. ``near``, if given, is a golden
    run whose sums serve for the channels that did not change.
    """
    stored = {name: p.codes for name, p in network.parameters.items()} | dict(parameters or {})
    for layer in layers:
        kind, inputs = fast_kind(layer), [tensors[name] for name in layer.inputs]
        specs = [network.spec(name) for name in layer.inputs]
        codes = {role: stored[p.name] for role, p in layer.parameters.items()}
        if kind.linear is None and not (kind.pointwise and inputs[0].size >= LARGE):
            tensors[layer.name] = narrow(kind.forward(layer, inputs, specs, codes), layer.output)
            continue
        if kind.linear is None:
            steps, total = kind.pointwise(layer, specs), inputs[0].reshape(-1, *layer.output.shape)
        else:
            steps = kind.linear.steps(layer, specs[0])
            total = near.sums_of(layer, kind, inputs[0], specs[0]) if near and not parameters else None
            if total is None:
                total = kind.linear.sums(layer, inputs[0], specs[0], codes)
            if sums is not None:
                sums[layer.name] = total
        tensors[layer.name] = taken(steps, total, layer.output) if steps else total
    return tensors


@dataclass(frozen=True)
class Unit:
    """A parametric layer, the pointwise layers behind it, and the tensor in which an upset ends.

    Parameters
    ----------
    steps
        From the layer's sum to an element of ``tensor``; empty if the kind has no linear form.
    """

    layer: Layer
    kind: FastKind
    spec: TensorSpec
    steps: tuple[Step, ...]
    tensor: str


def units(network: Network) -> tuple[Unit, ...]:
    """The units of a network, in network order."""
    return tuple(_unit(network, layer) for layer in network.layers if layer.parameters)


def _unit(network: Network, layer: Layer) -> Unit:
    kind, tensor = fast_kind(layer), layer.name
    steps = kind.linear.steps(layer, network.spec(layer.inputs[0])) if kind.linear else ()
    consumers = list(network.consumers(tensor))
    while len(consumers) == 1 and (pointwise := fast_kind(consumers[0]).pointwise) and kind.linear:
        steps += pointwise(consumers[0], [network.spec(tensor)])
        tensor = consumers[0].name
        consumers = list(network.consumers(tensor))
    return Unit(layer, kind, network.spec(layer.inputs[0]), steps, tensor)


def downstream(network: Network, tensor: str) -> tuple[Layer, ...]:
    """Layers that depend on ``tensor``, in network order."""
    reached, layers = {tensor}, []
    for layer in network.layers:
        if reached.intersection(layer.inputs):
            reached.add(layer.name)
            layers.append(layer)
    return tuple(layers)


@dataclass(frozen=True, eq=False)
class Golden:
    """Every tensor of the fault-free run, in narrow integers.

    Parameters
    ----------
    tensors
        Name to codes ``(samples, *shape)``.
    sums
        Layer to ``int64`` sums ``(samples, *shape)``, for kinds with a linear form.
    """

    network: Network
    tensors: Mapping[str, NDArray]
    sums: Mapping[str, Codes]
    _exact: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network, inputs: ArrayLike) -> Golden:
        """Run the network once, fault-free; NetworkError if the inputs do not fit it."""
        tensors = {INPUT: narrow(check_inputs(network, inputs), network.input)}
        sums: dict[str, Codes] = {}
        return cls(network, forward(network, tensors, network.layers, sums=sums), sums)

    @classmethod
    def outside(cls, network: Network, inputs: ArrayLike) -> Golden:
        """The inputs alone, for those who find the outputs themselves (:meth:`with_outputs`)."""
        return cls(network, {INPUT: narrow(check_inputs(network, inputs), network.input)}, {})

    def with_outputs(self, outputs: NDArray[np.int64]) -> Golden:
        """The same with outputs ``(samples, outputs)`` that are known; other tensors stay unknown."""
        known = Golden(self.network, self.tensors, self.sums)
        known.__dict__["outputs"] = outputs
        return known

    @property
    def samples(self) -> int:
        """Number of input samples."""
        return len(self.tensors[INPUT])

    @cached_property
    def outputs(self) -> NDArray[np.int64]:
        """Output codes ``(samples, outputs)``."""
        codes = self.tensors[self.network.layers[-1].name]
        return codes.reshape(len(codes), self.network.output.size).astype(np.int64)

    def flat(self, tensor: str) -> NDArray:
        """Codes of a tensor as ``(samples, elements)``."""
        codes = self.tensors[tensor]
        return codes.reshape(len(codes), self.network.spec(tensor).size)

    def suffix(self, tensor: str, values: NDArray, rows: NDArray) -> NDArray[np.int64]:
        """Outputs ``(len(rows), outputs)`` when ``tensor`` holds ``values`` in the samples ``rows``."""
        if tensor == self.network.layers[-1].name:
            return values.reshape(len(values), self.network.output.size).astype(np.int64)
        layers = downstream(self.network, tensor)
        inside = {tensor, *(layer.name for layer in layers)}
        needed = {name for layer in layers for name in layer.inputs} - inside
        tensors = {name: self.tensors[name][rows] for name in needed}
        tensors[tensor] = values.reshape(len(values), *self.network.spec(tensor).shape)
        near = Near(self, rows)
        outputs = forward(self.network, tensors, layers, near=near)[self.network.layers[-1].name]
        return outputs.reshape(len(outputs), self.network.output.size).astype(np.int64)

    def exact(self, layer: Layer) -> bool:
        """Whether the layer's sums are linear in its inputs, whatever codes its input format has."""
        if layer.name not in self._exact:
            spec, linear = self.network.spec(layer.inputs[0]), fast_kind(layer).linear
            edges = spec.format.minimum, spec.format.maximum
            mode = linear.summation(layer, spec, *edges, False).mode if linear else "replay"
            self._exact[layer.name] = mode == "exact"
        return self._exact[layer.name]

    def rerun(self, parameters: Mapping[str, Codes], rows: NDArray) -> NDArray[np.int64]:
        """Outputs of the samples ``rows`` with other stored tensors; runs only the layers that they reach."""
        if not parameters:
            return self.outputs[rows]
        network = self.network
        upset = [
            layer for layer in network.layers if any(p.name in parameters for p in layer.parameters.values())
        ]
        dirty = {layer.name for layer in upset}
        dirty |= {later.name for layer in upset for later in downstream(network, layer.name)}
        layers = tuple(layer for layer in network.layers if layer.name in dirty)
        needed = {name for layer in layers for name in layer.inputs} - dirty
        tensors = {name: self.tensors[name][rows] for name in needed}
        outputs = forward(network, tensors, layers, parameters)[network.layers[-1].name]
        return outputs.reshape(len(rows), network.output.size).astype(np.int64)
