"""What the weights multiply when every stored bit is upset: the evidence of ``qpolar``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import flip_delta
from netsurf.ir import Layer, Network, Parameter, trace

Floats = NDArray[np.float64]

CHUNK = 500
"""Samples of one pass; bounds the memory of activations."""


def corrupted(parameter: Parameter) -> NDArray[np.int64]:
    """Codes of a stored tensor with every bit upset."""
    bits = np.arange(parameter.format.width)
    return parameter.codes + flip_delta(parameter.codes[..., None], bits, parameter.format).sum(axis=-1)


def corrupted_input(network: Network, inputs: NDArray[np.int64]) -> Floats:
    """Mean over samples of the real number that each element multiplies, all stored bits upset.

    Parameters
    ----------
    inputs
        Codes ``(samples, *network.input.shape)``.

    Returns
    -------
    ``float64 (E,)``; 1 for a bias.

    Raises
    ------
    UnsupportedLayerError
        If a layer with stored tensors is of a kind that has no rule in :data:`FACTORS`.
    """
    stored = {name: corrupted(p) for name, p in network.parameters.items()}
    sums = {layer.name: 0.0 for layer in network.layers if layer.parameters}
    for start in range(0, len(inputs), CHUNK):
        tensors = trace(network, inputs[start : start + CHUNK], stored)
        for name in sums:
            source = network.layer(name).inputs[0]
            sums[name] = sums[name] + tensors[source].sum(axis=0)
    means = {
        name: total * 2.0 ** -network.spec(network.layer(name).inputs[0]).format.fraction / len(inputs)
        for name, total in sums.items()
    }
    parts = [_factors(network.layer(name), mean) for name, mean in means.items()]
    return np.concatenate([np.empty(0), *parts])


def _factors(layer: Layer, mean: Floats) -> Floats:
    if layer.kind not in FACTORS:
        raise UnsupportedLayerError(
            f"layer '{layer.name}' is a {layer.kind}; qpolar knows {', '.join(sorted(FACTORS))}"
        )
    roles = FACTORS[layer.kind](layer, mean)
    return np.concatenate([roles[role].reshape(-1) for role in layer.parameters])


def _dense(layer: Layer, mean: Floats) -> dict[str, Floats]:
    """A kernel element ``(i, j)`` multiplies input ``i``; a bias multiplies 1."""
    kernel = np.broadcast_to(mean[:, None], layer.parameters["kernel"].codes.shape)
    return {"kernel": kernel, "bias": np.ones(layer.output.shape)}


FACTORS: dict[str, Callable[[Layer, Floats], dict[str, Floats]]] = {"dense": _dense}
"""Layer kind to ``rule(layer, mean_input)``: role to the mean factor of each of its elements."""
