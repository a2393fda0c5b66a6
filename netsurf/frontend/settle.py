"""Batch normalisations of a trained model, given the codes that an accelerator stores.

A batch normalisation computes ``x * scale + bias`` with

    scale = gamma / sqrt(variance + epsilon),    bias = beta - mean * scale,

which are real numbers when training ends. Here both are rounded to the layer's scheme, and the layer's own
numbers are set so that it computes with just these: ``gamma`` is the scale, ``beta`` the bias, the mean is
zero, and variance and epsilon add up to one. From then on Keras and the integers compute one function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FormatError
from netsurf.fixed import FixedFormat, quantize, to_real
from netsurf.frontend.kinds import BatchNorm
from netsurf.frontend.spec import BenchmarkSpec
from netsurf.frontend.variables import fold_nothing


def settle(model: Any, spec: BenchmarkSpec) -> Any:
    """Round scale and bias of every ``batchnorm`` layer; ``model`` is changed, and returned.

    Raises
    ------
    FormatError
        If a number is beyond what the layer's scheme holds: saturated, it would compute something else.
    """
    for name, scheme in _schemes(spec).items():
        layer = model.get_layer(name)
        scale, bias = scale_and_bias(layer)
        _require_room(name, scheme, scale, bias)
        fold_nothing(layer, keep=True)
        layer.gamma.assign(_rounded(scale, scheme))
        layer.beta.assign(_rounded(bias, scheme))
    return model


def formats(spec: BenchmarkSpec) -> Mapping[str, FixedFormat]:
    """Format in which scale and bias of each ``batchnorm`` layer are stored, by its name."""
    return {name: FixedFormat(s.width, s.integer, s.signed) for name, s in _schemes(spec).items()}


def _schemes(spec: BenchmarkSpec) -> Mapping[str, FixedFormat]:
    return {layer.name: layer.scheme or spec.scheme for layer in spec.layers if isinstance(layer, BatchNorm)}


def scale_and_bias(layer: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a Keras batch normalisation multiplies by and adds, one number a channel."""
    gamma, beta, mean, variance = (np.asarray(w, np.float64) for w in layer.get_weights())
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


def _require_room(name: str, scheme: FixedFormat, *values: NDArray[np.float64]) -> None:
    largest = max(float(np.abs(v).max()) for v in values)
    if largest > scheme.maximum * 2.0**-scheme.fraction:
        raise FormatError(
            f"layer '{name}': trained to a scale or bias of {largest:.3g}, which {scheme} does not hold; "
            "give its scheme more integer bits"
        )


def _rounded(values: NDArray[np.float64], scheme: FixedFormat) -> NDArray[np.float32]:
    return to_real(quantize(values, scheme), scheme.fraction).astype(np.float32)
