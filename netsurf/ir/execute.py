"""The reference executor: plain integers, one layer after the other."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import NetworkError
from netsurf.ir.kinds import kind_of
from netsurf.ir.network import INPUT, Network

Codes = NDArray[np.int64]


def trace(
    network: Network, inputs: ArrayLike, parameters: Mapping[str, Codes] | None = None
) -> dict[str, Codes]:
    """Codes of every tensor of the network.

    Parameters
    ----------
    inputs
        Integer codes ``(samples, *network.input.shape)``.
    parameters
        Codes that replace stored tensors, by name (``fc1.kernel``): how an upset is applied.

    Returns
    -------
    Tensor name (``input`` included) to ``int64`` codes ``(samples, *shape)``.

    Raises
    ------
    NetworkError
        If the inputs have another shape, are no integers, or do not fit the input format.
    """
    tensors = {INPUT: check_inputs(network, inputs)}
    stored = {name: p.codes for name, p in network.parameters.items()} | dict(parameters or {})
    for layer in network.layers:
        tensors[layer.name] = kind_of(layer).execute(
            layer,
            [tensors[name] for name in layer.inputs],
            [network.spec(name) for name in layer.inputs],
            {role: stored[p.name] for role, p in layer.parameters.items()},
        )
    return tensors


def execute(network: Network, inputs: ArrayLike, parameters: Mapping[str, Codes] | None = None) -> Codes:
    """Output codes ``(samples, outputs)`` of the network; arguments as for :func:`trace`.

    Samples are worked through in blocks, so that memory does not grow with their number.
    """
    codes = check_inputs(network, inputs)
    rows, last = _block(network), network.layers[-1].name
    starts = range(0, max(len(codes), 1), rows)
    outputs = [trace(network, codes[start : start + rows], parameters)[last] for start in starts]
    return np.concatenate(outputs).reshape(len(codes), prod(network.output.shape))


_ELEMENTS = 1 << 21
"""Elements of the largest tensor in one block; a convolution holds a patch for each."""


def _block(network: Network) -> int:
    """Samples that are run at once."""
    largest = max(prod(network.spec(name).shape) for name in (INPUT, *(x.name for x in network.layers)))
    return max(_ELEMENTS // largest, 1)


def check_inputs(network: Network, inputs: ArrayLike) -> Codes:
    """``inputs`` as contiguous ``int64``; NetworkError as for :func:`trace` if they are no input codes."""
    spec, asked = network.input, ", ".join(map(str, network.input.shape))
    try:
        codes = np.asarray(inputs)
    except ValueError as error:
        raise NetworkError(
            f"{network.name}: inputs must be (samples, {asked}), not of several shapes"
        ) from error
    if codes.dtype.kind not in "iu":
        raise NetworkError(
            f"{network.name}: inputs must be integer codes, not {codes.dtype}; "
            f"netsurf.fixed.quantize makes codes of {spec.format} of real numbers"
        )
    if codes.shape[1:] != spec.shape or not codes.ndim:
        raise NetworkError(f"{network.name}: inputs must be (samples, {asked}), not {codes.shape}")
    if codes.size and not spec.format.minimum <= codes.min() <= codes.max() <= spec.format.maximum:
        raise NetworkError(
            f"{network.name}: input codes {codes.min()}..{codes.max()} do not fit {spec.format}"
        )
    return np.ascontiguousarray(codes, dtype=np.int64)
