"""What a layer kind must say about itself to the reference executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import NetworkError
from netsurf.fixed import FixedFormat
from netsurf.ir.network import Layer, TensorSpec

Codes = NDArray[np.int64]
Execute = Callable[[Layer, Sequence[Codes], Sequence[TensorSpec], Mapping[str, Codes]], Codes]
Stages = Sequence[tuple[int, Mapping[str, Codes]]]
"""Visit from which on, and parameters by role; the first is from visit 0 on."""


@dataclass(frozen=True, slots=True)
class LayerKind:
    """Reference semantics of one kind of layer.

    Parameters
    ----------
    name
        Key in the table and in ``network.json``.
    check
        ``check(layer, input_specs)`` raises NetworkError if the layer breaks a rule of the kind.
    execute
        ``execute(layer, inputs, input_specs, parameters)`` with each input ``(samples, *shape)`` and
        ``parameters`` from role to codes (possibly upset) returns codes ``(samples, *output.shape)``.
    staged
        ``staged(layer, inputs, input_specs, stages)``: the same with parameters that change on the way.
        ``stages`` are ``(visit, parameters)``, ascending from visit 0; a layer's *visits* are the times that
        an accelerator reads each stored word for one sample: patch by patch, or step by step. None for
        kinds without stored tensors, and where nobody has said what visits are.
    """

    name: str
    check: Callable[[Layer, Sequence[TensorSpec]], None]
    execute: Execute
    staged: Callable[[Layer, Sequence[Codes], Sequence[TensorSpec], Stages], Codes] | None = None


def by_position(execute: Execute) -> Callable[[Layer, Sequence[Codes], Sequence[TensorSpec], Stages], Codes]:
    """``staged`` of a kind whose visit ``v`` computes position ``v`` of the output, and nothing else.

    Positions are the axes of the output but the last, in C order; a dense layer has one.
    """

    def staged(layer: Layer, inputs: Sequence[Codes], specs: Sequence[TensorSpec], stages: Stages) -> Codes:
        shape = (len(inputs[0]), -1, layer.output.shape[-1])
        codes = np.empty((len(inputs[0]), *layer.output.shape), dtype=np.int64)
        for visit, parameters in stages:
            later = execute(layer, inputs, specs, parameters).reshape(shape)[:, visit:]
            codes.reshape(shape)[:, visit:] = later
        return codes

    return staged


def require(condition: bool, layer: Layer, rule: str) -> None:
    """Raise NetworkError naming the layer and the broken rule unless ``condition`` holds."""
    if not condition:
        raise NetworkError(f"layer '{layer.name}' ({layer.kind}): {rule}")


def format_attribute(layer: Layer, key: str) -> FixedFormat:
    """The FixedFormat attribute ``key`` of a layer."""
    value = layer.attributes.get(key)
    require(isinstance(value, FixedFormat), layer, f"attribute '{key}' must be a format")
    return value  # type: ignore[return-value]
