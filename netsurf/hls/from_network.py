"""An integer network as hls4ml's ModelGraph: the way back, without Keras and without a training framework.

Every precision is given explicitly, so hls4ml infers and merges nothing; what it generates is its own C++
for exactly this arithmetic. That makes hls4ml an independent opinion on any network, drawn ones included.
What a layer kind is in hls4ml's words stands in :mod:`netsurf.hls.writers`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netsurf.errors import UnsupportedLayerError
from netsurf.hls.writers import Entry, entries_of, input_entry
from netsurf.ir import Network

PROJECT = "myproject"
"""hls4ml's customary project name: the top function of the generated C++."""


def model_graph(network: Network, folder: Path, backend: str = "Vivado") -> Any:
    """The optimised ``hls4ml.model.ModelGraph`` of a network, to be written to ``folder``.

    Raises
    ------
    UnsupportedLayerError
        If hls4ml has no layer for a kind.
    """
    from hls4ml.model.graph import ModelGraph
    from hls4ml.utils.config import create_config

    said = list(_named_entries(network))
    config = create_config(output_dir=str(folder), project_name=PROJECT, backend=backend)
    config["HLSConfig"] = {
        "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency"},
        "LayerName": {
            name: {"Precision": precisions, "ReuseFactor": reuse} for name, _, (_, precisions, reuse) in said
        },
    }
    layers = [
        {**entry, "name": name, "inputs": inputs, "data_format": "channels_last"}
        for name, inputs, (entry, _, _) in said
    ]
    with quiet():
        return ModelGraph.from_layer_list(config, layers)


def _named_entries(network: Network) -> Iterator[tuple[str, list[str], Entry]]:
    """Name in the graph, names that it reads, and entry of every hls4ml layer."""
    names = graph_names(network)
    yield names["input"], [], input_entry(network)
    for layer in network.layers:
        inputs = [names[source] for source in layer.inputs]
        *before, last = entries_of(network, layer)
        for number, entry in enumerate(before):
            name = f"{names[layer.name]}_{number}"
            yield name, inputs, entry
            inputs = [name]
        yield names[layer.name], inputs, last


def graph_names(network: Network) -> dict[str, str]:
    """Name of each tensor in the ModelGraph, where ``input`` is reserved and case does not count.

    Names get their position in front, so that they are distinct to hls4ml and to C++ whatever they were.
    """
    tensors = ["input", *(layer.name for layer in network.layers)]
    return {name: f"t{i}_{name}" for i, name in enumerate(tensors)}


_ROLES = {"kernel": "weight", "recurrent": "recurrent_weight"}
"""Roles of stored tensors that hls4ml calls by another name."""


def weight_variables(network: Network, graph: Any) -> list[Any]:
    """Variables of the graph that hold the network's stored tensors, in the order of their fault sites."""
    names = graph_names(network)
    for layer in network.layers:
        if layer.parameters and names[layer.name] not in graph.graph:
            raise UnsupportedLayerError(
                f"layer '{layer.name}': hls4ml removes a {layer.kind} whose codes change nothing (scale 1, "
                "bias 0), and with it what an upset would change; remove it from the network"
            )
    return [
        graph.graph[names[layer.name]].weights[_ROLES.get(role, role)]
        for layer in network.layers
        for role in layer.parameters
    ]


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Keep what hls4ml prints off standard output; the buffer holds it."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        yield said
