"""Which Keras layers and QKeras quantisers become integers exactly; everything else is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log2, prod
from typing import Any

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import FixedFormat
from netsurf.frontend import recurrent

SUPPORTED = (
    "InputLayer",
    "QDense",
    "QConv1D",
    "QConv2D",
    "QConv2DBatchnorm",
    "QConv2DTranspose",
    "QDepthwiseConv2D",
    "QDepthwiseConv2DBatchnorm",
    "QSeparableConv1D",
    "QSeparableConv2D",
    *recurrent.CLASSES,
    "QActivation",
    "QBatchNormalization",
    "BatchNormalization",
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "UpSampling1D",
    "UpSampling2D",
    "Permute",
    "Add",
    "Concatenate",
    "Flatten",
    "Reshape",
    "Dropout",
    "Activation",
    "Softmax",
    "ReLU",
    "LeakyReLU",
)
"""Keras classes that :func:`netsurf.frontend.convert.convert` accepts."""

QUANTISERS = ("quantized_bits", "quantized_relu", "quantized_sigmoid", "quantized_tanh")
"""QKeras quantisers whose values are fixed-point codes."""


_ROLES = {
    "QDense": ("kernel", "bias"),
    "QConv1D": ("kernel", "bias"),
    "QConv2D": ("kernel", "bias"),
    "QConv2DBatchnorm": ("kernel", "bias"),
    "QConv2DTranspose": ("kernel", "bias"),
    "QDepthwiseConv2D": ("depthwise", "bias"),
    "QDepthwiseConv2DBatchnorm": ("depthwise", "bias"),
    "QSeparableConv1D": ("depthwise", "pointwise", "bias"),
    "QSeparableConv2D": ("depthwise", "pointwise", "bias"),
}
"""Quantised tensors of each class."""


def check(model: Any) -> None:
    """Raise UnsupportedLayerError if a layer is no exact integer arithmetic; all that are not are listed."""
    complaints = [text for layer in model.layers for text in _complaints(layer)]
    if len(complaints) > 1:
        listed = "".join(f"\n  {text}" for text in complaints)
        raise UnsupportedLayerError(
            f"{model.name} has {len(complaints)} layers that cannot be converted:{listed}"
        )
    if complaints:
        raise UnsupportedLayerError(complaints[0])


def _complaints(layer: Any) -> Iterator[str]:
    kind = type(layer).__name__
    if kind not in SUPPORTED:
        yield f"layer '{layer.name}' is a {kind}; NetSurf supports {', '.join(SUPPORTED)}{_hint(kind)}"
        return
    for role, quantiser in _quantisers(layer):
        if complaint := _complaint(quantiser):
            yield f"layer '{layer.name}': its {role} {complaint}"
    if complaint := _geometry(layer):
        yield f"layer '{layer.name}': {complaint}"


def _geometry(layer: Any) -> str:
    """What hls4ml 1.3.0 silently reads otherwise than Keras means it; empty if nothing is."""
    if type(layer).__name__ in recurrent.CLASSES:
        return recurrent.complaint(layer)
    spread = type(layer).__name__ == "QConv2D" and layer.padding == "same"
    if max(_as_tuple(getattr(layer, "dilation_rate", 1))) > 1 and not spread:
        return "hls4ml 1.3.0 ignores dilation; use dilation_rate=1, or QConv2D with padding='same'"
    if getattr(layer, "groups", 1) != 1:
        return "hls4ml 1.3.0 ignores groups; use groups=1"
    if getattr(layer, "data_format", None) == "channels_first":
        return "channels come last; use data_format='channels_last'"
    if getattr(layer, "depth_multiplier", 1) != 1:
        return "hls4ml 1.3.0 has depth_multiplier=1 alone"
    return ""


def _as_tuple(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _hint(kind: str) -> str:
    if kind.startswith(("Dense", "Conv", "Depthwise", "Separable", "LSTM", "GRU")):
        return f"; a {kind} has weights in floating point, use Q{kind}"
    return ""


def _quantisers(layer: Any) -> Iterator[tuple[str, Any]]:
    for role in _ROLES.get(type(layer).__name__, ()):
        if role != "bias" or layer.use_bias:
            yield role, getattr(layer, f"{role}_quantizer_internal")
    if quantised_activation(layer) is not None:
        yield "activation", layer.activation
    if type(layer).__name__ in recurrent.CLASSES:
        yield from recurrent.quantisers(layer)
    if type(layer).__name__ == "QActivation":
        yield "activation", layer.quantizer


def quantised_activation(layer: Any) -> Any:
    """The quantiser that is the ``activation`` of a layer with weights; None if there is none."""
    activation = getattr(layer, "activation", None)
    own = type(layer).__name__.startswith(("QDense", "QConv", "QDepthwise", "QSeparable", "PaddedQ"))
    return activation if own and hasattr(activation, "bits") else None


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
    elif kind != "quantized_relu":
        if getattr(quantiser, "use_real_sigmoid", False) or getattr(quantiser, "use_real_tanh", False):
            return "is a real function, which hls4ml tabulates; leave use_real_* at False"
        if quantiser.symmetric and kind == "quantized_sigmoid":
            return "is symmetric, which no format is; write symmetric=False"
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


def linear_quantisers(model: Any) -> list[str]:
    """Names of the QActivations that round and saturate, and do nothing else."""
    return [
        layer.name
        for layer in model.layers
        if type(layer).__name__ == "QActivation" and type(layer.quantizer).__name__ == "quantized_bits"
    ]


def _format(quantiser: Any) -> FixedFormat:
    if type(quantiser).__name__ == "quantized_sigmoid":
        return FixedFormat(int(quantiser.bits), 0, False, "RND_CONV", "SAT")
    if type(quantiser).__name__ == "quantized_tanh":
        overflow = "SAT_SYM" if quantiser.symmetric else "SAT"
        return FixedFormat(int(quantiser.bits), 1, True, "RND_CONV", overflow)
    bits, integer = int(quantiser.bits), int(quantiser.integer)
    if type(quantiser).__name__ == "quantized_relu":
        return FixedFormat(bits, integer, False, "RND_CONV", "SAT")
    return FixedFormat(bits, integer + 1, True, "RND_CONV", "SAT_SYM" if quantiser.symmetric else "SAT")


def pooling_formats(model: Any) -> dict[str, FixedFormat]:
    """Format of the averages and of the global poolings that read a quantised activation, by layer.

    hls4ml 1.3.0 cuts an average to the precision of its input, and gives a global pooling its default
    precision. With these formats a maximum is exact, and so is an average of 2, 4, 8, ... elements. Any
    other average is cut at twice as many more fractional bits as its count has: so finely that rounding it to
    a format with no more bits than its count has beyond its input gives what the exact average gives.
    """
    known, found = activation_formats(model), {}
    for layer in model.layers:
        kind = type(layer).__name__
        if "Pooling" not in kind or (kind.startswith("Max")):
            continue
        source = _source_format(layer, known)
        if source is not None:
            count = 1 if "Max" in kind else _pooled(layer)
            extra = ceil(log2(count))
            finer = extra if count == 2**extra else 2 * extra
            width = source.width + extra + finer
            found[layer.name] = FixedFormat(width, source.integer + extra, source.signed)
    return found


def recurrent_precisions(model: Any, source: FixedFormat) -> dict[str, dict[str, str]]:
    """Precisions of the recurrent layers, by layer; ``source`` is the format of the model's input.

    Raises
    ------
    UnsupportedLayerError
        If the format of what a layer reads is not known.
    """
    known, found = activation_formats(model), {}
    for layer in model.layers:
        if type(layer).__name__ not in recurrent.CLASSES:
            continue
        read = source if _begins(layer) else _source_format(layer, known)
        if read is None:
            raise UnsupportedLayerError(
                f"layer '{layer.name}': what it reads has no format; put a QActivation before it"
            )
        known[layer.name] = recurrent.state_format(layer)
        found[layer.name] = recurrent.precisions(layer, read)
    return found


def _begins(layer: Any) -> bool:
    return type(layer.input._keras_history.layer).__name__ == "InputLayer"


def _pooled(layer: Any) -> int:
    """Elements of one channel that a pooling joins."""
    return prod(_as_tuple(layer.pool_size)) if hasattr(layer, "pool_size") else prod(layer.input_shape[1:-1])


def _source_format(layer: Any, known: dict[str, FixedFormat]) -> FixedFormat | None:
    """Format of the activation that a layer reads, through layers that only move or select elements."""
    moves = ("MaxPooling", "ZeroPadding", "UpSampling", "Reshape", "Permute", "Dropout")
    while True:
        source = layer.input
        if isinstance(source, list):
            return None
        layer = source._keras_history.layer
        if layer.name in known:
            return known[layer.name]
        if not type(layer).__name__.startswith(moves):
            return None
