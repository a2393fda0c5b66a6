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
    """

    name: str
    check: Callable[[Layer, Sequence[TensorSpec]], None]
    execute: Callable[[Layer, Sequence[Codes], Sequence[TensorSpec], Mapping[str, Codes]], Codes]


def require(condition: bool, layer: Layer, rule: str) -> None:
    """Raise NetworkError naming the layer and the broken rule unless ``condition`` holds."""
    if not condition:
        raise NetworkError(f"layer '{layer.name}' ({layer.kind}): {rule}")


def format_attribute(layer: Layer, key: str) -> FixedFormat:
    """The FixedFormat attribute ``key`` of a layer."""
    value = layer.attributes.get(key)
    require(isinstance(value, FixedFormat), layer, f"attribute '{key}' must be a format")
    return value  # type: ignore[return-value]
