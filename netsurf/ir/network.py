"""Network: layers over integer tensors, frozen once built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import NetworkError
from netsurf.fixed import FixedFormat

SCHEMA_VERSION = 1

Task = Literal["classification", "regression"]
"""What a *decision* is: the index of the largest output (the first of equals), or the outputs themselves."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape (without the sample axis) and format of a tensor.

    >>> TensorSpec((28, 28, 1), FixedFormat(8, 0, signed=False)).size
    784
    """

    shape: tuple[int, ...]
    format: FixedFormat

    @property
    def size(self) -> int:
        """Number of elements of one sample."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A stored tensor: the codes that the accelerator's weight store holds.

    Parameters
    ----------
    name
        ``layer.role``, for example ``fc1.kernel``.
    codes
        ``int64``, read-only, in hls4ml's own order (a dense kernel is ``(inputs, outputs)``).
    format
        Format of the codes; each element is ``format.width`` stored bits.
    pruned
        Mask of elements removed by pruning (exact zero by mask), or None.
    """

    name: str
    codes: NDArray[np.int64]
    format: FixedFormat
    pruned: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        codes = np.array(self.codes, dtype=np.int64)
        if codes.size and not self.format.minimum <= codes.min() <= codes.max() <= self.format.maximum:
            raise NetworkError(f"{self.name}: codes {codes.min()}..{codes.max()} do not fit {self.format}")
        codes.setflags(write=False)
        object.__setattr__(self, "codes", codes)

    @property
    def stored_bits(self) -> int:
        """Number of flip-flops that hold this tensor without protection."""
        return int(self.codes.size) * self.format.width


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One node of the graph; its output tensor has the layer's name.

    Parameters
    ----------
    name
        Unique in the network; a Verilog identifier.
    kind
        Key of :data:`netsurf.ir.KINDS`.
    inputs
        Names of the tensors that it reads: layers, or ``input``.
    output
        Shape and format of what it computes.
    parameters
        Role (``kernel``, ``bias``) to stored tensor.
    attributes
        What else the kind needs: integers, strings, lists of integers and FixedFormats.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: TensorSpec
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))


INPUT = "input"
"""Name of the network's input tensor."""


@dataclass(frozen=True, eq=False)
class Network:
    """A graph of layers over integer tensors, in topological order.

    Parameters
    ----------
    name
        A Verilog identifier; the benchmark's name.
    input
        Shape and format of a sample.
    layers
        Each reads only ``input`` and layers before it. The last one is the output.
    task
        ``classification`` or ``regression``.

    Raises
    ------
    NetworkError
        If a name is used twice, an input does not exist, or a layer breaks a rule of its kind.
    """

    name: str
    input: TensorSpec
    layers: tuple[Layer, ...]
    task: Task = "classification"

    def __post_init__(self) -> None:
        from netsurf.ir.kinds import kind_of

        specs = {INPUT: self.input}
        if not self.layers:
            raise NetworkError(f"{self.name}: a network needs at least one layer")
        for layer in self.layers:
            if layer.name in specs:
                raise NetworkError(f"{self.name}: two tensors are called '{layer.name}'")
            missing = [name for name in layer.inputs if name not in specs]
            if missing:
                later = {other.name for other in self.layers}.intersection(missing)
                advice = (
                    "a graph has no cycles, and a layer stands behind those that it reads"
                    if later
                    else f"there is {', '.join(specs)}"
                )
                raise NetworkError(
                    f"{self.name}.{layer.name}: reads {', '.join(missing)}, which no earlier layer computes; "
                    f"{advice}"
                )
            kind_of(layer).check(layer, [specs[name] for name in layer.inputs])
            specs[layer.name] = layer.output

    @property
    def output(self) -> TensorSpec:
        """Shape and format of the last layer's tensor."""
        return self.layers[-1].output

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """All stored tensors by name, in the order of their fault sites."""
        return MappingProxyType({p.name: p for layer in self.layers for p in layer.parameters.values()})

    @property
    def stored_bits(self) -> int:
        """Flip-flops of the unprotected weight store."""
        return sum(p.stored_bits for p in self.parameters.values())

    def spec(self, tensor: str) -> TensorSpec:
        """Shape and format of the tensor called ``tensor``."""
        return self.input if tensor == INPUT else self.layer(tensor).output

    def layer(self, name: str) -> Layer:
        """The layer called ``name``."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise NetworkError(
            f"{self.name} has no layer '{name}'; it has {', '.join(x.name for x in self.layers)}"
        )

    def consumers(self, tensor: str) -> Iterator[Layer]:
        """Layers that read ``tensor``."""
        return (layer for layer in self.layers if tensor in layer.inputs)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over structure, formats and codes, as 64 hexadecimal digits."""
        hasher = hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode())
        for parameter in self.parameters.values():
            hasher.update(parameter.codes.astype("<i8").tobytes())
            if parameter.pruned is not None:
                hasher.update(np.packbits(parameter.pruned).tobytes())
        return hasher.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Everything but the codes, as plain JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "task": self.task,
            "input": _describe_spec(self.input),
            "layers": [_describe_layer(layer) for layer in self.layers],
        }


def _describe_spec(spec: TensorSpec) -> dict[str, Any]:
    return {"shape": list(spec.shape), "format": str(spec.format)}


def _describe_layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "inputs": list(layer.inputs),
        "output": _describe_spec(layer.output),
        "parameters": {
            role: {
                "name": p.name,
                "shape": list(p.codes.shape),
                "format": str(p.format),
                "pruned": p.pruned is not None,
            }
            for role, p in layer.parameters.items()
        },
        "attributes": {key: _describe_attribute(value) for key, value in layer.attributes.items()},
    }


def _describe_attribute(value: Any) -> Any:
    if isinstance(value, FixedFormat):
        return {"format": str(value)}
    return list(value) if isinstance(value, tuple) else value
