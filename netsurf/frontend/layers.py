"""Which Keras layers and QKeras quantisers become integers exactly; everything else is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import FixedFormat

SUPPORTED = ("InputLayer", "QDense", "QActivation", "Flatten", "Reshape", "Activation", "ReLU")
"""Keras classes that :func:`netsurf.frontend.convert.convert` accepts."""

QUANTISERS = ("quantized_bits", "quantized_relu")
"""QKeras quantisers whose values are fixed-point codes."""


def check(model: Any) -> None:
    """Raise UnsupportedLayerError at the first layer that is no exact integer arithmetic."""
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in SUPPORTED:
            raise UnsupportedLayerError(
                f"layer '{layer.name}' is a {kind}; NetSurf supports {', '.join(SUPPORTED)}{_hint(kind)}"
            )
        for role, quantiser in _quantisers(layer):
            complaint = _complaint(quantiser)
            if complaint:
                raise UnsupportedLayerError(f"layer '{layer.name}': its {role} {complaint}")


def _hint(kind: str) -> str:
    return (
        f"; a {kind} has weights in floating point, use Q{kind}" if kind.startswith(("Dense", "Conv")) else ""
    )


def _quantisers(layer: Any) -> Iterator[tuple[str, Any]]:
    if type(layer).__name__ == "QDense":
        yield "kernel", layer.kernel_quantizer_internal
        if layer.use_bias:
            yield "bias", layer.bias_quantizer_internal
    if type(layer).__name__ == "QActivation":
        yield "activation", layer.quantizer


def _complaint(quantiser: Any) -> str:
    """What is wrong with a quantiser, and what to write instead; empty if nothing is."""
    kind = type(quantiser).__name__
    if kind not in QUANTISERS:
        return f"has the quantiser {kind}; use {' or '.join(QUANTISERS)}"
    if kind == "quantized_bits":
        if quantiser.alpha is None or isinstance(quantiser.alpha, str) or quantiser.alpha != 1:
            return f"is scaled by alpha={quantiser.alpha!r}, which is in no format; write alpha=1"
        if not quantiser.keep_negative:
            return "is unsigned, which hls4ml stores as signed; write keep_negative=True"
    elif quantiser.negative_slope or quantiser.use_sigmoid or not quantiser.is_quantized_clip:
        return "is no plain rectifier; write quantized_relu(bits, integer)"
    return ""


def activation_formats(model: Any) -> dict[str, FixedFormat]:
    """Format that each QActivation of a model that passed :func:`check` rounds and saturates to, by layer."""
    return {
        layer.name: _format(layer.quantizer)
        for layer in model.layers
        if type(layer).__name__ == "QActivation"
    }


def _format(quantiser: Any) -> FixedFormat:
    bits, integer = int(quantiser.bits), int(quantiser.integer)
    if type(quantiser).__name__ == "quantized_relu":
        return FixedFormat(bits, integer, False, "RND_CONV", "SAT")
    return FixedFormat(bits, integer + 1, True, "RND_CONV", "SAT_SYM" if quantiser.symmetric else "SAT")
