"""An integer network as hls4ml's ModelGraph: the way back, without Keras and without a training framework.

Every precision is given explicitly, so hls4ml infers and merges nothing; what it generates is its own C++
for exactly this arithmetic. That makes hls4ml an independent opinion on any network, drawn ones included.
A new layer kind is one writer function and one line in :data:`WRITERS`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import to_real
from netsurf.ir import Layer, Network, Parameter

PROJECT = "myproject"
"""hls4ml's customary project name: the top function of the generated C++."""

Entry = tuple[dict[str, Any], dict[str, str], int]
"""What hls4ml's converter says about a layer, its precisions by role, and its reuse factor."""


def model_graph(network: Network, folder: Path, backend: str = "Vivado") -> Any:
    """The optimised ``hls4ml.model.ModelGraph`` of a network, to be written to ``folder``.

    Raises
    ------
    UnsupportedLayerError
        If hls4ml has no layer for a kind.
    """
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    names = graph_names(network)
    entries = [_input_entry(network), *(_entry(network, layer) for layer in network.layers)]
    config = create_config(output_dir=str(folder), project_name=PROJECT, backend=backend)
    config["HLSConfig"] = {
        "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency"},
        "LayerName": {
            name: {"Precision": precisions, "ReuseFactor": reuse}
            for name, (_, precisions, reuse) in zip(names.values(), entries, strict=True)
        },
    }
    layers = [
        {**entry, "name": name, "inputs": inputs, "data_format": "channels_last"}
        for (entry, _, _), name, inputs in zip(entries, names.values(), _inputs(network, names), strict=True)
    ]
    with quiet():
        return ModelGraph.from_layer_list(config, layers)


def graph_names(network: Network) -> dict[str, str]:
    """Name of each tensor in the ModelGraph, where ``input`` is reserved and case does not count.

    Names get their position in front, so that they are distinct to hls4ml and to C++ whatever they were.
    """
    tensors = ["input", *(layer.name for layer in network.layers)]
    return {name: f"t{i}_{name}" for i, name in enumerate(tensors)}


_ROLES = {"kernel": "weight"}
"""Roles of stored tensors that hls4ml calls by another name."""


def weight_variables(network: Network, graph: Any) -> list[Any]:
    """Variables of the graph that hold the network's stored tensors, in the order of their fault sites."""
    names = graph_names(network)
    return [
        graph.graph[names[layer.name]].weights[_ROLES.get(role, role)]
        for layer in network.layers
        for role in layer.parameters
    ]


def _inputs(network: Network, names: dict[str, str]) -> list[list[str]]:
    return [[], *([names[source] for source in layer.inputs] for layer in network.layers)]


def _input_entry(network: Network) -> Entry:
    entry = {"class_name": "InputLayer", "input_shape": list(network.input.shape)}
    return entry, {"result": str(network.input.format)}, 1


def _entry(network: Network, layer: Layer) -> Entry:
    if layer.kind not in WRITERS:
        raise UnsupportedLayerError(
            f"layer '{layer.name}': hls4ml has no {layer.kind}; supported: {', '.join(sorted(WRITERS))}"
        )
    return WRITERS[layer.kind](network, layer)


def _real(parameter: Parameter) -> Any:
    return to_real(parameter.codes, parameter.format.fraction)


def _dense(network: Network, layer: Layer) -> Entry:
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    entry = {
        "class_name": "Dense",
        "n_in": kernel.codes.shape[0],
        "n_out": kernel.codes.shape[1],
        "use_bias": True,
        "weight_data": _real(kernel),
        "bias_data": _real(bias),
    }
    precisions = {
        "result": str(layer.output.format),
        "accum": str(layer.attributes["accumulator"]),
        "weight": str(kernel.format),
        "bias": str(bias.format),
    }
    return entry, precisions, layer.attributes.get("reuse_factor", 1)


def _activation(network: Network, layer: Layer) -> Entry:
    size = network.spec(layer.inputs[0]).size
    entry = {"class_name": "Activation", "activation": layer.kind, "n_in": size}
    return entry, {"result": str(layer.output.format)}, 1


def _flatten(network: Network, layer: Layer) -> Entry:
    entry = {"class_name": "Reshape", "target_shape": [layer.output.size]}
    return entry, {"result": str(layer.output.format)}, 1


WRITERS: dict[str, Callable[[Network, Layer], Entry]] = {
    "dense": _dense,
    "flatten": _flatten,
    "linear": _activation,
    "relu": _activation,
}
"""Layer kind to the function that says it in hls4ml's words."""


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Keep what hls4ml prints off standard output; the buffer holds it."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        yield said
