"""hls4ml's optimised ModelGraph, read into an integer Network.

hls4ml decides layer order, fusions and types; nothing is decided here. Every precision is taken over
verbatim, every weight is the code that hls4ml's own C++ would load, and a layer whose arithmetic is not
in :data:`READERS` is refused by name. A new layer kind is one reader function and one line in the table.

This module looks at the graph and imports neither TensorFlow nor hls4ml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FormatError, NetworkError, UnknownNameError, UnsupportedLayerError
from netsurf.fixed import FixedFormat, parse_format, quantize
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.network import INPUT, Task

Node = Any
"""A layer of hls4ml's ModelGraph."""

Reader = Callable[[Node, tuple[str, ...]], Layer]


def read_network(graph: Any, name: str, task: Task = "classification") -> Network:
    """Read an optimised ModelGraph into the integer network that it stands for.

    Parameters
    ----------
    graph
        ``hls4ml.model.ModelGraph`` with all flows applied (as ``convert_from_keras_model`` returns it).
    name
        Name of the network, a Verilog identifier.
    task
        ``classification`` or ``regression``.

    Raises
    ------
    UnsupportedLayerError
        If a layer, or a choice made for it, has no integer semantics here; says what to do instead.
    FormatError
        If a precision is not a fixed-point type of at most 48 bits.
    NetworkError
        If hls4ml's passes removed a layer together with a precision that was asked for.
    """
    first, *nodes = graph.get_layers()
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedLayerError(
            f"{name}: needs one input and one output, not {graph.inputs}, {graph.outputs}"
        )
    _refuse_lost_precisions(graph)
    tensors = {first.outputs[0]: INPUT}
    layers = []
    for node in nodes:
        layer = _reader(node)(node, tuple(tensors[source] for source in node.inputs))
        tensors[node.outputs[0]] = layer.name
        layers.append(layer)
    if layers and tensors[graph.outputs[0]] != layers[-1].name:
        raise UnsupportedLayerError(f"{name}: the output must be the last layer, not {graph.outputs[0]}")
    return Network(name, output_spec(first), tuple(layers), task)


def _reader(node: Node) -> Reader:
    if node.class_name in READERS:
        return READERS[node.class_name]
    hint = _HINTS.get(node.class_name, "replace the layer")
    raise UnsupportedLayerError(
        f"layer '{node.name}' is a {node.class_name}; supported: {', '.join(sorted(READERS))}; {hint}"
    )


_HINTS = {
    "Softmax": "the decision needs no softmax: remove it, or set config['LayerName'][NAME]['Skip'] = True",
    "ApplyAlpha": "scales must be powers of two inside the format: give the quantisers alpha=1",
    "BatchNormalization": "fold it into the dense layer before it (QDenseBatchnorm), or remove it",
}


def output_spec(node: Node) -> TensorSpec:
    """Shape and format of what a node computes."""
    variable = node.get_output_variable()
    return TensorSpec(tuple(int(n) for n in variable.shape), read_format(node, variable.type.precision))


def read_format(node: Node, precision: Any) -> FixedFormat:
    """Hls4ml's precision as a FixedFormat; the message of a FormatError names the layer."""
    try:
        return parse_format(str(precision))
    except FormatError as error:
        raise FormatError(f"layer '{node.name}': {error}") from None


def read_parameter(node: Node, role: str, weight: str) -> Parameter:
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
    return Parameter(f"{node.name}.{role}", quantize(values, target).reshape(variable.data.shape), target)


def _read_dense(node: Node, inputs: tuple[str, ...]) -> Layer:
    accumulator = read_format(node, node.get_attr("accum_t").precision)
    strategy = node.get_attr("strategy", "latency")
    if strategy != "latency" and (strategy != "resource" or accumulator.overflow != "WRAP"):
        raise UnsupportedLayerError(
            f"layer '{node.name}': strategy '{strategy}' adds in another order; "
            "set config['Model']['Strategy'] = 'Latency'"
        )
    kernel = read_parameter(node, "kernel", "weight")
    _refuse_ternary(node)
    if node.get_attr("_weights_transposed", False):
        kernel = Parameter(kernel.name, kernel.codes.T, kernel.format)
    attributes = {"accumulator": accumulator, "reuse_factor": int(node.get_attr("reuse_factor", 1))}
    stored = {"kernel": kernel, "bias": read_parameter(node, "bias", "bias")}
    return Layer(node.name, "dense", inputs, output_spec(node), stored, attributes)


def _refuse_ternary(node: Node) -> None:
    """hls4ml replaces products with 2-bit integer weights by a select, which reads code -2 as +1."""
    precision = node.weights["weight"].type.precision
    if str(precision) == "int<2>":
        raise UnsupportedLayerError(
            f"layer '{node.name}': ternary weights (int<2>) are no products in hls4ml, an upset one (-2) "
            "would count as +1; use quantized_bits(2, 1, alpha=1) or wider"
        )


def _read_activation(node: Node, inputs: tuple[str, ...]) -> Layer:
    activation = node.get_attr("activation")
    if activation not in ("relu", "linear"):
        raise UnsupportedLayerError(
            f"layer '{node.name}': activation '{activation}'; supported: linear, relu (with any precision)"
        )
    return Layer(node.name, activation, inputs, output_spec(node))


def _read_reshape(node: Node, inputs: tuple[str, ...]) -> Layer:
    spec = output_spec(node)
    if len(spec.shape) != 1:
        raise UnsupportedLayerError(
            f"layer '{node.name}': reshape to {spec.shape}; only flatten is supported"
        )
    return Layer(node.name, "flatten", inputs, spec)


READERS: dict[str, Reader] = {
    "Activation": _read_activation,
    "Dense": _read_dense,
    "Reshape": _read_reshape,
}
"""hls4ml's layer class to the function that reads it."""


def merged_quantizers(graph: Any) -> Iterator[tuple[Node, str, str, list[str]]]:
    """Linear quantisers that hls4ml merged into another layer without taking over their precision.

    hls4ml 1.3.0 merges a linear activation into a layer before it whose result precision is ``auto``, and
    forgets the activation's own precision: a final ``QActivation(quantized_bits(...))`` is lost that way.

    Yields
    ------
    The node merged into, the quantiser's name, its precision, and the layers from the node up to it.
    """
    last, merged = None, []
    for name, config in graph.config.config["HLSConfig"].get("LayerName", {}).items():
        if name in graph.graph:
            last, merged = graph.graph[name], [name]
            continue
        asked = _asked_precision(config)
        if asked and last and parse_format(asked) != output_spec(last).format:
            yield last, name, asked, list(merged)
        merged.append(name)


def _refuse_lost_precisions(graph: Any) -> None:
    """Refuse a graph from which hls4ml removed a layer that was to round or saturate."""
    for node, name, asked, merged in merged_quantizers(graph):
        raise NetworkError(
            f"hls4ml merged layer '{name}' ({asked}) into '{node.name}' and dropped its precision; set "
            f"config['LayerName'][NAME]['Precision']['result'] = '{asked}' for NAME in "
            f"{', '.join(merged)}; keep_quantizers(config, ['{name}']) does that"
        )


def keep_quantizers(config: dict[str, Any], quantizers: Iterable[str]) -> None:
    """Give the dense layer before each linear quantiser the quantiser's precision, in place.

    hls4ml assigns the exact accumulator to the result type of the layer, so a dense layer that rounds to
    the quantiser's precision computes what the dense layer and the quantiser compute one after the other;
    and hls4ml 1.3.0 cannot drop it (:func:`read_network` refuses the graph if it did).

    Parameters
    ----------
    config
        What ``config_from_keras_model(model, granularity="name")`` returns.
    quantizers
        Names of the linear quantisers: ``QActivation`` layers with ``quantized_bits``.

    >>> config = {"LayerName": {"fc": {"Precision": {"result": "auto", "weight": "fixed<6,1>"}},
    ...                         "fc_linear": {"Precision": {"result": "auto"}},
    ...                         "out": {"Precision": {"result": "fixed<8,4,RND_CONV,SAT,0>"}}}}
    >>> keep_quantizers(config, ["out"])
    >>> config["LayerName"]["fc"]["Precision"]["result"]
    'fixed<8,4,RND_CONV,SAT,0>'
    """
    entries = config["LayerName"]
    names = list(entries)
    for quantizer in quantizers:
        if quantizer not in entries:
            raise UnknownNameError("layer", quantizer, names)
        before = []
        for name in reversed(names[: names.index(quantizer)]):
            if _asked_precision(entries[name]):
                break
            before.append(entries[name]["Precision"])
            if "weight" in before[-1]:
                for precision in before:
                    precision["result"] = _asked_precision(entries[quantizer])
                break


def _asked_precision(config: dict[str, Any]) -> str | None:
    precision = config.get("Precision")
    result = precision.get("result") if isinstance(precision, dict) else precision
    return None if result in (None, "auto") else str(result)


def codes_of(network: Network, values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Real inputs ``(samples, *shape)`` as codes of the network's input format."""
    return quantize(values, network.input.format).reshape(len(values), *network.input.shape)
