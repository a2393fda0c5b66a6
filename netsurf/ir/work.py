"""How much a sample asks of a network: visits of the stored words, and multiplications."""

from __future__ import annotations

from math import prod

from netsurf.ir.network import Layer, Network


def visits(network: Network, layer: Layer) -> int:
    """How often a layer reads its stored words for a sample: steps of its input, positions of its output."""
    recurrent = "recurrent" in layer.parameters
    return prod((network.spec(layer.inputs[0]) if recurrent else layer.output).shape[:-1])


def products(network: Network) -> int:
    """Multiplications that a sample takes; an addition of a bias counts as one."""
    return sum(
        visits(network, layer) * sum(p.codes.size for p in layer.parameters.values())
        for layer in network.layers
    )
