"""Cuts: one layer of a network as a network of its own, and the rest of the network behind it.

A network that is too large to be simulated as a whole can be simulated layer by layer: the layer under fault
is cut out, together with what is fused to it in hardware, and runs on the codes that reach it; what follows
takes the codes that come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import NetworkError
from netsurf.ir.kinds import kind_of
from netsurf.ir.network import INPUT, Layer, Network

Codes = NDArray[np.int64]

FOLLOWING = frozenset(
    {
        "average_pool",
        "batchnorm",
        "hard_sigmoid",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "max_pool",
        "relu",
        "table",
    }
)
"""Kinds that go with the layer before them."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A piece of a network.

    Parameters
    ----------
    whole
        The network.
    network
        The piece: one layer and what is fused to it. It reads ``input``; its layers keep their names.
    source, tensor
        Tensors of ``whole`` that the piece reads and computes.
    """

    whole: Network
    network: Network
    source: str
    tensor: str


def cut(network: Network, name: str) -> Cut:
    """The layer ``name`` and what is fused to it: normalisation, activation and pooling that alone read it.

    Raises
    ------
    NetworkError
        If there is no such layer, or it stores nothing.
    """
    start = network.layer(name)
    if not start.parameters:
        stored = ", ".join(layer.name for layer in network.layers if layer.parameters)
        raise NetworkError(
            f"{network.name}.{name} stores nothing that an upset could hit; choose of {stored}"
        )
    chain = [start]
    while follower := _follower(network, chain[-1]):
        chain.append(follower)
    source = start.inputs[0]
    layers = (replace(start, inputs=(INPUT,)), *chain[1:])
    piece = Network(f"{network.name}_{name}", network.spec(source), layers, "regression")
    return Cut(network, piece, source, chain[-1].name)


def _follower(network: Network, layer: Layer) -> Layer | None:
    """The layer that goes with ``layer``, if there is one."""
    readers = list(network.consumers(layer.name))
    alone = len(readers) == 1 and readers[0].inputs == (layer.name,)
    return readers[0] if alone and readers[0].kind in FOLLOWING else None


def beside(network: Network, tensor: str) -> tuple[str, ...]:
    """Tensors that the layers behind ``tensor`` read and that do not depend on it: short cuts around it."""
    stale = {tensor}
    found: dict[str, None] = {}
    for layer in network.layers:
        if layer.name != tensor and not stale.isdisjoint(layer.inputs):
            stale.add(layer.name)
            found |= dict.fromkeys(name for name in layer.inputs if name not in stale)
    return tuple(found)


def resume(network: Network, tensors: Mapping[str, Codes], changed: Mapping[str, Codes]) -> Codes:
    """Output codes ``(samples, outputs)`` of the network after some tensors are replaced.

    Parameters
    ----------
    tensors
        Codes without the change of the tensors that are :func:`beside` the changed ones, as
        :func:`netsurf.ir.trace` returns them.
    changed
        Codes that replace some: what reads them, directly or not, is computed again from stored codes.
    """
    now = {**tensors, **changed}
    stale = set(changed)
    for layer in network.layers:
        if layer.name in changed or stale.isdisjoint(layer.inputs):
            continue
        read = [now[name] for name in layer.inputs]
        specs = [network.spec(name) for name in layer.inputs]
        stored = {role: p.codes for role, p in layer.parameters.items()}
        now[layer.name] = kind_of(layer).execute(layer, read, specs, stored)
        stale.add(layer.name)
    outputs = now[network.layers[-1].name]
    return outputs.reshape(len(outputs), -1)
