"""What the weights multiply when every stored bit is upset: the evidence of ``qpolar``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnsupportedLayerError
from netsurf.fixed import flip_delta
from netsurf.ir import KINDS, Layer, Network, Parameter, TensorSpec, trace
from netsurf.ir.kinds.recurrent import units_of
from netsurf.ir.kinds.window import window_of

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
    ``float64 (E,)``; 1 for a bias. Where an element meets many inputs of a sample, as a convolution's do, the
    mean over samples of their Euclidean norm.

    Raises
    ------
    UnsupportedLayerError
        If a layer with stored tensors is of a kind that has no rule in :data:`FACTORS`.
    """
    stored = {name: corrupted(p) for name, p in network.parameters.items()}
    sums = {layer.name: np.zeros(0) for layer in network.layers if layer.parameters}
    for start in range(0, len(inputs), CHUNK):
        tensors = trace(network, inputs[start : start + CHUNK], stored)
        for name in sums:
            source = network.layer(name).inputs[0]
            real = tensors[source] * 2.0 ** -network.spec(source).format.fraction
            part = _factors(network, network.layer(name), real)
            sums[name] = sums[name] + part if start else part
    return np.concatenate([np.empty(0), *(total / len(inputs) for total in sums.values())])


def _factors(network: Network, layer: Layer, x: Floats) -> Floats:
    """Factors of a layer's elements, added up over samples of its input ``x``."""
    if layer.kind not in FACTORS:
        raise UnsupportedLayerError(
            f"layer '{layer.name}' is a {layer.kind}; qpolar knows {', '.join(sorted(FACTORS))}"
        )
    roles = FACTORS[layer.kind](layer, network.spec(layer.inputs[0]), x)
    return np.concatenate([roles[role].reshape(-1) for role in layer.parameters])


def _dense(layer: Layer, spec: TensorSpec, x: Floats) -> dict[str, Floats]:
    """A kernel element ``(i, j)`` multiplies input ``i``; a bias multiplies 1."""
    kernel = np.broadcast_to(x.sum(axis=0)[:, None], layer.parameters["kernel"].codes.shape)
    return {"kernel": kernel, "bias": np.full(layer.output.shape, float(len(x)))}


def _conv(layer: Layer, spec: TensorSpec, x: Floats) -> dict[str, Floats]:
    """A tap multiplies one input at every position: the Euclidean norm of these inputs, as the original."""
    kernel = layer.parameters["kernel"].codes
    size = kernel.shape[: len(spec.shape) - 1]
    window = window_of(layer, spec, size)
    patches = window.patches(x).reshape(len(x), prod(window.positions), *size, spec.shape[-1])
    norms = np.sqrt((patches**2).sum(axis=1)).sum(axis=0)
    factor = norms if kernel.ndim == norms.ndim else np.broadcast_to(norms[..., None], kernel.shape)
    return {"kernel": factor, "bias": _once(layer, x)}


def _batchnorm(layer: Layer, spec: TensorSpec, x: Floats) -> dict[str, Floats]:
    """A scale multiplies its channel at every position."""
    flat = x.reshape(len(x), -1, spec.shape[-1])
    return {"scale": np.sqrt((flat**2).sum(axis=1)).sum(axis=0), "bias": _once(layer, x)}


def _recurrent(layer: Layer, spec: TensorSpec, x: Floats) -> dict[str, Floats]:
    """A kernel element multiplies its input in every step, a recurrent one the state before that step."""
    steps, state = x.shape[1], TensorSpec((x.shape[1], units_of(layer)), layer.output.format)
    codes = (x * 2.0**spec.format.fraction).astype(np.int64)
    stored = {role: corrupted(p) for role, p in layer.parameters.items()}
    after = KINDS[layer.kind].execute(replace(layer, output=state), [codes], [spec], stored)
    before = np.zeros(after.shape)
    before[:, 1:] = after[:, :-1] * 2.0**-state.format.fraction
    factors = {"kernel": x, "recurrent": before}
    norms = {role: np.sqrt((met**2).sum(axis=1)).sum(axis=0)[:, None] for role, met in factors.items()}
    biases = np.full((), len(x) * np.sqrt(steps))
    return {
        role: np.broadcast_to(norms.get(role, biases), parameter.codes.shape)
        for role, parameter in layer.parameters.items()
    }


def _once(layer: Layer, x: Floats) -> Floats:
    """A bias is added once at every position of its channel: the norm of as many ones."""
    positions = prod(layer.output.shape[:-1])
    return np.full(layer.output.shape[-1:], len(x) * np.sqrt(positions))


FACTORS: dict[str, Callable[[Layer, TensorSpec, Floats], dict[str, Floats]]] = {
    "batchnorm": _batchnorm,
    "conv": _conv,
    "dense": _dense,
    "depthwise": _conv,
    "gru": _recurrent,
    "lstm": _recurrent,
}
"""Layer kind to ``rule(layer, input_spec, x)``: role to the factor of each element, added up over samples."""
