"""What NetSurf makes of each layer class of hls4ml's ModelGraph: one reader function a class.

A reader takes every precision over verbatim and refuses what has no integer semantics here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netsurf.errors import FormatError, UnsupportedLayerError
from netsurf.fixed import FixedFormat, parse_format, quantize
from netsurf.ir import Layer, Parameter, TensorSpec
from netsurf.ir.kinds.activation import SPANS, table_codes

Node = Any
"""A layer of hls4ml's ModelGraph."""

Reader = Callable[[Node, tuple[str, ...]], Layer]


def output_spec(node: Node) -> TensorSpec:
    """Shape and format of what a node computes."""
    variable = node.get_output_variable()
    return TensorSpec(tuple(int(n) for n in variable.shape), read_format(node, variable.type.precision))


def input_spec(node: Node) -> TensorSpec:
    """Shape and format of what a node reads (the first of it)."""
    variable = node.get_input_variable()
    return TensorSpec(tuple(int(n) for n in variable.shape), read_format(node, variable.type.precision))


def read_format(node: Node, precision: Any) -> FixedFormat:
    """Hls4ml's precision as a FixedFormat; the message of a FormatError names the layer."""
    try:
        return parse_format(str(precision))
    except FormatError as error:
        raise FormatError(f"layer '{node.name}': {error}") from None


def read_parameter(node: Node, role: str, weight: str, shape: tuple[int, ...] | None = None) -> Parameter:
    """Read the stored tensor ``weight`` of a node, with the codes that hls4ml's C++ loads.

    hls4ml prints each value with as many decimals as the type has fractional bits, reads it back as a
    double and assigns it to the type; iterating over the variable yields those very strings.
    """
    variable = node.weights[weight]
    kind = type(variable.type.precision).__mro__
    if not any(base.__name__ in ("FixedPrecisionType", "IntegerPrecisionType") for base in kind):
        raise UnsupportedLayerError(
            f"layer '{node.name}': {weight} is stored as {variable.type.precision}; "
            "use quantized_bits with alpha=1 (no binary or power-of-two weights)"
        )
    target = read_format(node, variable.type.precision)
    values = np.array([float(text) for text in variable], dtype=np.float64)
    codes = quantize(values, target).reshape(shape or variable.data.shape)
    return Parameter(f"{node.name}.{role}", codes, target)


def _accumulator(node: Node) -> FixedFormat:
    return read_format(node, node.get_attr("accum_t").precision)


def _sum_attributes(node: Node) -> dict[str, Any]:
    """Accumulator and reuse factor; refuses an order of summation that would matter."""
    accumulator = _accumulator(node)
    strategy = node.get_attr("strategy", "latency")
    if strategy != "latency" and (strategy != "resource" or accumulator.overflow != "WRAP"):
        raise UnsupportedLayerError(
            f"layer '{node.name}': strategy '{strategy}' adds in another order; "
            "set config['Model']['Strategy'] = 'Latency'"
        )
    _refuse_ternary(node)
    return {"accumulator": accumulator, "reuse_factor": int(node.get_attr("reuse_factor", 1))}


def _refuse_ternary(node: Node) -> None:
    """hls4ml replaces products with 2-bit integer weights by a select, which reads code -2 as +1."""
    precision = node.weights["weight"].type.precision
    if str(precision) == "int<2>":
        raise UnsupportedLayerError(
            f"layer '{node.name}': ternary weights (int<2>) are no products in hls4ml, an upset one (-2) "
            "would count as +1; use quantized_bits(2, 1, alpha=1) or wider"
        )


def _read_dense(node: Node, inputs: tuple[str, ...]) -> Layer:
    if len(output_spec(node).shape) != 1:
        raise UnsupportedLayerError(
            f"layer '{node.name}': a dense layer on {input_spec(node).shape}; put Flatten before it, or use "
            "a convolution of size 1"
        )
    attributes = _sum_attributes(node)
    kernel = read_parameter(node, "kernel", "weight")
    if node.get_attr("_weights_transposed", False):
        kernel = Parameter(kernel.name, kernel.codes.T, kernel.format)
    stored = {"kernel": kernel, "bias": read_parameter(node, "bias", "bias")}
    return Layer(node.name, "dense", inputs, output_spec(node), stored, attributes)


def _channels_last(node: Node) -> None:
    if node.get_attr("data_format", "channels_last") != "channels_last":
        raise UnsupportedLayerError(f"layer '{node.name}': channels come last; data_format='channels_last'")


def _sides(node: Node, axes: int) -> tuple[int, ...]:
    names = ("top", "bottom", "left", "right")[-2 * axes :]
    return tuple(int(node.get_attr(f"pad_{name}", 0)) for name in names)


def _per_axis(node: Node, what: str, axes: int) -> tuple[int, ...]:
    return tuple(int(node.get_attr(f"{what}_{name}")) for name in ("height", "width")[-axes:])


def _read_conv(node: Node, inputs: tuple[str, ...]) -> Layer:
    """``Conv``, ``PointwiseConv``, ``Conv2DBatchnorm`` (folded weights) and ``DepthwiseConv``, 1D and 2D."""
    _channels_last(node)
    source, output = input_spec(node).shape, output_spec(node)
    axes, attributes = len(source) - 1, _sum_attributes(node)
    if node.get_attr("_weights_transposed", False) or attributes is None:
        raise UnsupportedLayerError(f"layer '{node.name}': set config['Model']['Strategy'] = 'Latency'")
    size, channels, outputs = _per_axis(node, "filt", axes), source[-1], output.shape[-1]
    depthwise = node.class_name.startswith("Depthwise")
    if depthwise and outputs != channels:
        raise UnsupportedLayerError(f"layer '{node.name}': hls4ml 1.3.0 has depth_multiplier=1 alone")
    shape = (*size, channels) if depthwise else (*size, channels, outputs)
    stored = {
        "kernel": read_parameter(node, "kernel", "weight", shape),
        "bias": read_parameter(node, "bias", "bias"),
    }
    window = {"strides": _per_axis(node, "stride", axes), "padding": _sides(node, axes)}
    window["dilation"] = node.get_attr("dilation", (1,) * axes)
    window["padding"] = node.get_attr("sides", window["padding"])
    kind = "depthwise" if depthwise else "conv"
    return Layer(node.name, kind, inputs, output, stored, {**window, **attributes})


def _pool_kind(node: Node) -> str:
    return {"max": "max_pool", "average": "average_pool"}[node.get_attr("pool_op").lower()]


def _read_pool(node: Node, inputs: tuple[str, ...]) -> Layer:
    _channels_last(node)
    source, kind = input_spec(node), _pool_kind(node)
    axes = len(source.shape) - 1
    attributes = {
        "size": _per_axis(node, "pool", axes),
        "strides": _per_axis(node, "stride", axes),
        "padding": _sides(node, axes),
        "accumulator": _accumulator(node),
    }
    if any(attributes["padding"]) and kind == "max_pool" and not source.format.signed:
        raise UnsupportedLayerError(
            f"layer '{node.name}': hls4ml 1.3.0 pads a max pooling of unsigned values with half their range; "
            "put ZeroPadding2D before it and write padding='valid'"
        )
    if any(attributes["padding"]) and node.get_attr("count_pad", False):
        raise UnsupportedLayerError(f"layer '{node.name}': an average that counts the padding (count_pad)")
    return Layer(node.name, kind, inputs, output_spec(node), {}, attributes)


def _read_global_pool(node: Node, inputs: tuple[str, ...]) -> Layer:
    _channels_last(node)
    size = input_spec(node).shape[:-1]
    attributes = {
        "size": size,
        "strides": (1,) * len(size),
        "padding": (0,) * 2 * len(size),
        "accumulator": _accumulator(node),
    }
    return Layer(node.name, _pool_kind(node), inputs, output_spec(node), {}, attributes)


def _read_batchnorm(node: Node, inputs: tuple[str, ...]) -> Layer:
    channels = input_spec(node).shape[-1:]
    roles = ("scale", "bias")
    stored = {role: read_parameter(node, role, role) for role in roles}
    if any(parameter.codes.shape != channels for parameter in stored.values()):
        raise UnsupportedLayerError(f"layer '{node.name}': normalises another axis than the last")
    return Layer(node.name, "batchnorm", inputs, output_spec(node), stored)


def _read_merge(node: Node, inputs: tuple[str, ...]) -> Layer:
    if node.get_attr("op", "").lower() != "add":
        raise UnsupportedLayerError(
            f"layer '{node.name}': merging by '{node.get_attr('op')}'; use Add or Concatenate"
        )
    return Layer(node.name, "add", inputs, output_spec(node))


def _read_concatenate(node: Node, inputs: tuple[str, ...]) -> Layer:
    spec, axis = output_spec(node), int(node.get_attr("axis"))
    axis = axis - 1 if axis > 0 else axis + len(spec.shape)
    return Layer(node.name, "concatenate", inputs, spec, {}, {"axis": axis})


def _read_reshape(node: Node, inputs: tuple[str, ...]) -> Layer:
    spec = output_spec(node)
    return Layer(node.name, "flatten" if len(spec.shape) == 1 else "reshape", inputs, spec)


def _read_padding(node: Node, inputs: tuple[str, ...]) -> Layer:
    _channels_last(node)
    padding = _sides(node, len(input_spec(node).shape) - 1)
    return Layer(node.name, "zero_pad", inputs, output_spec(node), {}, {"padding": padding})


def _read_resize(node: Node, inputs: tuple[str, ...]) -> Layer:
    source, spec = input_spec(node).shape, output_spec(node)
    factors = tuple(new // old for new, old in zip(spec.shape[:-1], source[:-1], strict=True))
    whole = all(old * f == new for old, f, new in zip(source, factors, spec.shape, strict=False))
    if node.get_attr("algorithm") != "nearest" or not whole:
        raise UnsupportedLayerError(f"layer '{node.name}': upsampling is by whole factors, nearest neighbour")
    kind = "zero_insert" if node.get_attr("zeros", False) else "upsample"
    return Layer(node.name, kind, inputs, spec, {}, {"factors": factors})


def _read_transpose(node: Node, inputs: tuple[str, ...]) -> Layer:
    order = tuple(int(axis) for axis in node.get_attr("perm"))
    return Layer(node.name, "transpose", inputs, output_spec(node), {}, {"permutation": order})


def _read_activation(node: Node, inputs: tuple[str, ...]) -> Layer:
    activation, spec = node.get_attr("activation"), output_spec(node)
    if activation in ("relu", "linear"):
        return Layer(node.name, activation, inputs, spec)
    if activation not in SPANS:
        raise UnsupportedLayerError(
            f"layer '{node.name}': activation '{activation}'; supported: linear, relu (with any precision), "
            f"{', '.join(SPANS)}, leaky_relu, hard_sigmoid, hard_tanh"
        )
    form = read_format(node, node.get_attr("table_t").precision)
    table = table_codes(activation, int(node.get_attr("table_size")), form)
    attributes = {"table": table, "table_format": form, "span": SPANS[activation]}
    return Layer(node.name, "table", inputs, spec, {}, attributes)


def _constant(node: Node, key: str, value: float, precision: Any) -> dict[str, Any]:
    """A constant as C++ loads it: code and format."""
    form = read_format(node, precision)
    return {key: int(quantize(value, form)), f"{key}_format": form}


def _read_leaky(node: Node, inputs: tuple[str, ...]) -> Layer:
    if node._get_act_function_name() != "leaky_relu":
        raise UnsupportedLayerError(f"layer '{node.name}': activation '{node.get_attr('activation')}'")
    alpha = _constant(node, "alpha", node.get_attr("activ_param"), node.get_attr("param_t").precision)
    return Layer(node.name, "leaky_relu", inputs, output_spec(node), {}, alpha)


def _read_hard(node: Node, inputs: tuple[str, ...]) -> Layer:
    constants: dict[str, Any] = {}
    for key in ("slope", "shift"):
        constants |= _constant(node, key, node.get_attr(key), node.get_attr(f"{key}_t").precision)
    return Layer(node.name, node.get_attr("activation"), inputs, output_spec(node), {}, constants)


READERS: dict[str, Reader] = {
    "Activation": _read_activation,
    "ApplyAlpha": _read_batchnorm,
    "BatchNormalization": _read_batchnorm,
    "Concatenate": _read_concatenate,
    "Conv1D": _read_conv,
    "Conv2D": _read_conv,
    "Conv2DBatchnorm": _read_conv,
    "Dense": _read_dense,
    "DepthwiseConv1D": _read_conv,
    "DepthwiseConv2D": _read_conv,
    "HardActivation": _read_hard,
    "GlobalPooling1D": _read_global_pool,
    "GlobalPooling2D": _read_global_pool,
    "Merge": _read_merge,
    "ParametrizedActivation": _read_leaky,
    "PointwiseConv1D": _read_conv,
    "PointwiseConv2D": _read_conv,
    "Pooling1D": _read_pool,
    "Pooling2D": _read_pool,
    "Reshape": _read_reshape,
    "Resize": _read_resize,
    "Transpose": _read_transpose,
    "ZeroPadding1D": _read_padding,
    "ZeroPadding2D": _read_padding,
}
"""hls4ml's layer class to the function that reads it; :mod:`netsurf.frontend.recurrent` has others."""
