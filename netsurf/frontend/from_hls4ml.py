"""hls4ml's optimised ModelGraph, read into an integer Network.

hls4ml decides layer order, fusions and types; nothing is decided here. Every precision is taken over
verbatim, every weight is the code that hls4ml's own C++ would load, and a layer whose arithmetic is not
in :data:`READERS` is refused by name.

This module looks at the graph and imports neither TensorFlow nor hls4ml.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import NetworkError, UnknownNameError, UnsupportedLayerError
from netsurf.fixed import parse_format, quantize
from netsurf.frontend import readers, recurrent
from netsurf.frontend.readers import Node, output_spec
from netsurf.ir import Network
from netsurf.ir.network import INPUT, Task

READERS = {**readers.READERS, **recurrent.READERS}
"""hls4ml's layer class to the function that reads it."""


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
    _refuse_unsupported(name, nodes)
    _refuse_lost_precisions(graph)
    tensors = {first.outputs[0]: INPUT}
    layers = []
    for node in nodes:
        layer = READERS[node.class_name](node, tuple(tensors[source] for source in node.inputs))
        tensors[node.outputs[0]] = layer.name
        layers.append(layer)
    if layers and tensors[graph.outputs[0]] != layers[-1].name:
        raise UnsupportedLayerError(f"{name}: the output must be the last layer, not {graph.outputs[0]}")
    return Network(name, output_spec(first), tuple(layers), task)


def _refuse_unsupported(name: str, nodes: list[Node]) -> None:
    """Refuse a graph with layers that have no reader, naming all of them at once."""
    unknown = [node for node in nodes if node.class_name not in READERS]
    if unknown:
        listed = "".join(
            f"\n  {node.name}: {node.class_name}; {_HINTS.get(node.class_name, 'replace the layer')}"
            for node in unknown
        )
        raise UnsupportedLayerError(
            f"{name} has layers without integer semantics in NetSurf:{listed}\n"
            f"supported: {', '.join(sorted(READERS))}"
        )


_HINTS = {
    "Softmax": "the decision needs no softmax: remove it, or set config['LayerName'][NAME]['Skip'] = True",
}


def merged_quantizers(graph: Any) -> Iterator[tuple[Node, str, str, list[str]]]:
    """Linear quantisers that hls4ml merged into another layer without taking over their precision.

    hls4ml 1.3.0 merges a linear activation into a layer before it whose result precision is ``auto``, and
    forgets the activation's own precision: a final ``QActivation(quantized_bits(...))`` is lost that way.

    Yields
    ------
    The node merged into, the quantiser's name, its precision, and the layers from the node up to it.
    """
    entries = graph.config.config["HLSConfig"].get("LayerName", {})
    before = producers(entries, graph.config.config.get("KerasModel"))
    for name, config in entries.items():
        asked = None if name in graph.graph else _asked_precision(config)
        path = list(_path(name, before)) if asked else []
        kept = next((n for n, source in enumerate(path) if source in graph.graph), None)
        if kept is not None and parse_format(asked) != output_spec(graph.graph[path[kept]]).format:
            yield graph.graph[path[kept]], name, asked, path[kept::-1]


def producers(names: Iterable[str], model: Any = None) -> dict[str, str]:
    """What each layer of a configuration reads (the first of it), by name.

    Parameters
    ----------
    names
        The layers in the configuration's order; an activation that hls4ml took out of a layer follows it.
    model
        The Keras model. Without it, every layer is taken to read the one before it.
    """
    names = list(names)
    found = dict(zip(names[1:], names, strict=False))
    layers = {layer.name: layer for layer in getattr(model, "layers", ()) if layer.name in names}
    taken_out = {source: name for name, source in found.items() if source in layers and name not in layers}
    for name, layer in layers.items():
        source = _source(layer)
        while source is not None and source.name not in layers:  # Dropout
            source = _source(source)
        if source is not None:
            found[name] = taken_out.get(source.name, source.name)
    return found


def _source(layer: Any) -> Any:
    """The Keras layer that a Keras layer reads first; None for the input."""
    inputs = layer.input[0] if isinstance(layer.input, list | tuple) else layer.input
    source = inputs._keras_history.layer
    return None if source is layer else source


def _path(name: str, before: Mapping[str, str]) -> Iterator[str]:
    """The layers before ``name``, from the nearest on."""
    while name in before:
        name = before[name]
        yield name


def _refuse_lost_precisions(graph: Any) -> None:
    """Refuse a graph from which hls4ml removed a layer that was to round or saturate."""
    for node, name, asked, merged in merged_quantizers(graph):
        raise NetworkError(
            f"hls4ml merged layer '{name}' ({asked}) into '{node.name}' and dropped its precision; set "
            f"config['LayerName'][NAME]['Precision']['result'] = '{asked}' for NAME in "
            f"{', '.join(merged)}; keep_quantizers(config, ['{name}']) does that"
        )


def keep_quantizers(config: dict[str, Any], quantizers: Iterable[str], model: Any = None) -> None:
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
    model
        The Keras model; without it, every layer is taken to read the one before it.

    >>> config = {"LayerName": {"fc": {"Precision": {"result": "auto", "weight": "fixed<6,1>"}},
    ...                         "fc_linear": {"Precision": {"result": "auto"}},
    ...                         "out": {"Precision": {"result": "fixed<8,4,RND_CONV,SAT,0>"}}}}
    >>> keep_quantizers(config, ["out"])
    >>> config["LayerName"]["fc"]["Precision"]["result"]
    'fixed<8,4,RND_CONV,SAT,0>'
    """
    entries = config["LayerName"]
    reads = producers(entries, model)
    for quantizer in quantizers:
        if quantizer not in entries:
            raise UnknownNameError("layer", quantizer, list(entries))
        before = []
        for name in _path(quantizer, reads):
            if _asked_precision(entries[name]) or not isinstance(entries[name].get("Precision"), dict):
                break
            before.append(entries[name]["Precision"])
            stored = {"weight", "scale"}.intersection(before[-1])
            if not stored and not name.endswith("_linear"):
                break  # hls4ml merges a quantiser into layers that store something, and into nothing else
            if stored:
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
