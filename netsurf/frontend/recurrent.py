"""QLSTM and QGRU on their way through hls4ml: what is refused, which precisions are asked for, what is read.

hls4ml 1.3.0 keeps the states ``h`` and ``s`` in the layer's result type and everything else of a step in its
accumulator type. Here the result is the format of the layer's ``state_quantizer``, which rounds and saturates
as that does, and the accumulator holds every sum exactly. What remains between QKeras and the network are the
tables of sigmoid and tanh, which QKeras evaluates as functions, and that QKeras rounds a state when it reads
it, but hls4ml when it writes it: ``tanh`` sees ``s`` unrounded there and rounded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, log2
from typing import Any

import numpy as np

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import FixedFormat
from netsurf.frontend.readers import Node, input_spec, output_spec, read_format, read_parameter
from netsurf.ir import Layer
from netsurf.ir.kinds.activation import SPANS, table_codes

CLASSES = ("QLSTM", "QGRU")
"""Keras classes that become recurrent layers."""

FUNCTIONS = ("sigmoid", "tanh")
"""Functions that a recurrent layer of hls4ml tabulates."""

TABLE_SIZE, TABLE_FORMAT = 1024, FixedFormat(18, 8)
"""hls4ml's defaults: entries of both tables, and their format."""

_LIMIT = 48
"""Bits of the widest format."""


def complaint(layer: Any) -> str:
    """What hls4ml 1.3.0 silently reads otherwise than Keras means it, or cannot read; empty if nothing is."""
    for key in ("go_backwards", "stateful", "return_state"):
        if getattr(layer, key, False):
            return f"hls4ml 1.3.0 has no {key}; write {key}=False"
    if not layer.use_bias:
        return "hls4ml 1.3.0 reads no recurrent layer without a bias; write use_bias=True"
    if not getattr(getattr(layer, "cell", layer), "reset_after", True):
        return "hls4ml 1.3.0 applies the reset gate after the product; write reset_after=True"
    for key in ("activation", "recurrent_activation"):
        name = _name(getattr(layer, key))
        if name not in FUNCTIONS:
            return (
                f"its {key} is {name}, which hls4ml has no table of in a recurrent layer; write {key}='"
                + ("tanh'" if key == "activation" else "sigmoid'")
            )
    return ""


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def quantisers(layer: Any) -> Iterator[tuple[str, Any]]:
    """Role and quantiser of everything that is stored or kept."""
    for role in ("kernel", "recurrent", "bias", "state"):
        yield role, getattr(layer, f"{role}_quantizer_internal")


def rounded(layer: Any) -> list[tuple[Any, list[Any]]]:
    """The same layer with the weights that its quantisers make of its own.

    hls4ml 1.3.0 quantises the kernel, and cuts recurrent kernel and bias off at their last bit instead.
    """
    roles = (
        layer.kernel_quantizer_internal,
        layer.recurrent_quantizer_internal,
        layer.bias_quantizer_internal,
    )
    weights = [np.asarray(q(w)) for q, w in zip(roles, layer.get_weights(), strict=True)]
    return [(type(layer).from_config(layer.get_config()), weights)]


def _signed(quantiser: Any, overflow: str = "WRAP") -> FixedFormat:
    """Format of ``quantized_bits``."""
    rounding = "TRN" if overflow == "WRAP" else "RND_CONV"
    bits = int(quantiser.bits)
    return FixedFormat(bits, int(quantiser.integer) + 1, True, rounding, overflow)


def state_format(layer: Any) -> FixedFormat:
    """Format of ``h`` and ``s``, and of the layer's output."""
    quantiser = layer.state_quantizer_internal
    return _signed(quantiser, "SAT_SYM" if quantiser.symmetric else "SAT")


def precisions(layer: Any, source: FixedFormat) -> dict[str, str]:
    """Precisions to ask hls4ml for, where the layer reads values of the format ``source``.

    Raises
    ------
    UnsupportedLayerError
        If exact sums take more bits than a format has.
    """
    state, stored = (
        state_format(layer),
        {role: _signed(q) for role, q in quantisers(layer) if role != "state"},
    )
    accumulator = _accumulator(layer, source, state, stored)
    return {
        "result": str(state),
        "accum": str(accumulator),
        "weight": str(stored["kernel"]),
        "recurrent_weight": str(stored["recurrent"]),
        "bias": str(stored["bias"]),
        "recurrent_bias": str(stored["bias"]),
        "table": str(TABLE_FORMAT),
    }


def _accumulator(
    layer: Any, source: FixedFormat, state: FixedFormat, stored: Mapping[str, FixedFormat]
) -> FixedFormat:
    """A format that holds every sum of a step, whatever the codes are, and every entry of a table."""
    kernel, recurrent, bias = (stored[role] for role in ("kernel", "recurrent", "bias"))
    fractions = (source.fraction + kernel.fraction, state.fraction + recurrent.fraction, bias.fraction)
    fraction = max(*fractions, TABLE_FORMAT.fraction, 0)
    features = int(layer.input_shape[-1])
    bound = features * _reach(source) * _reach(kernel) + layer.units * _reach(state) * _reach(recurrent)
    integer = max(ceil(log2(bound + 2 * _reach(bias))) + 1, 2)
    if integer + fraction > _LIMIT:
        raise UnsupportedLayerError(
            f"layer '{layer.name}': its exact sums take {integer + fraction} bits, more than {_LIMIT}; use "
            "fewer bits for its input, weights or state"
        )
    return FixedFormat(integer + fraction, integer)


def _reach(form: FixedFormat) -> float:
    """The largest absolute value of a format."""
    return max(-form.minimum, form.maximum) * 2.0**-form.fraction


def read(node: Node, inputs: tuple[str, ...]) -> Layer:
    """The layer that a node of class ``LSTM`` or ``GRU`` is."""
    _refuse(node, inputs)
    kind, columns = (
        node.class_name.lower(),
        {"LSTM": 4, "GRU": 3}[node.class_name] * output_spec(node).shape[-1],
    )
    shapes = {
        ("kernel", "weight"): (input_spec(node).shape[-1], columns),
        ("bias", "bias"): (columns,),
        ("recurrent", "recurrent_weight"): (columns // {"lstm": 4, "gru": 3}[kind], columns),
    }
    if kind == "gru":
        shapes["recurrent_bias", "recurrent_bias"] = (columns,)
    stored = {role: read_parameter(node, role, weight, shape) for (role, weight), shape in shapes.items()}
    form = read_format(node, node.get_attr("table_t").precision)
    attributes: dict[str, Any] = {
        "accumulator": read_format(node, node.get_attr("accum_t").precision),
        "table_format": form,
        "reuse_factor": int(node.get_attr("reuse_factor", 1)),
    }
    for which, key in (("gate", "recurrent_activation"), ("cell", "activation")):
        function = node.get_attr(key)
        attributes[f"{which}_table"] = table_codes(function, int(node.get_attr("table_size")), form)
        attributes[f"{which}_span"] = SPANS[function]
    return Layer(node.name, kind, inputs, output_spec(node), stored, attributes)


def _refuse(node: Node, inputs: tuple[str, ...]) -> None:
    """Refuse what hls4ml's C++ computes in another way, or not at all."""
    said = f"layer '{node.name}': "
    if (
        len(inputs) != 1
        or node.get_attr("pass_initial_states", False)
        or node.get_attr("return_state", False)
    ):
        raise UnsupportedLayerError(f"{said}the state begins as zero and is not given out; read one tensor")
    if node.get_attr("direction", "forward") != "forward" or node.get_attr("pytorch", False):
        raise UnsupportedLayerError(f"{said}steps go forward, and gates stand in the order of Keras")
    if node.get_attr("apply_reset_gate", "after") != "after":
        raise UnsupportedLayerError(
            f"{said}hls4ml 1.3.0 applies the reset gate after the product; reset_after=True"
        )
    if node.get_attr("strategy", "latency") != "latency":
        raise UnsupportedLayerError(f"{said}set config['Model']['Strategy'] = 'Latency'")
    for key in ("activation", "recurrent_activation"):
        if node.get_attr(key) not in FUNCTIONS:
            raise UnsupportedLayerError(
                f"{said}{key} '{node.get_attr(key)}'; hls4ml has tables of {' and '.join(FUNCTIONS)}"
            )
    for weight in ("weight", "recurrent_weight"):
        if str(node.weights[weight].type.precision) == "int<2>":
            raise UnsupportedLayerError(
                f"{said}ternary weights (int<2>) are no products in hls4ml; use 3 bits"
            )


READERS = {"LSTM": read, "GRU": read}
"""hls4ml's layer class to the function that reads it."""
