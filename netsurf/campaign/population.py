"""Populations: which stored bits a campaign draws from; printed with every result.

A population is written as terms joined by commas, all of which must hold; ``+`` inside a term means *or*:

========================  =============================================================
``all``                   every stored bit of kernels and biases
``fc1`` or ``fc1.kernel``  bits of a layer, or of one tensor
``bit=5``, ``bit=msb``    one bit plane (``bit=4+5`` two; ``msb`` and ``lsb`` of each tensor)
``unpruned``              bits of weights that pruning left
========================  =============================================================

Replicas of protected bits belong to the population of the bit that they protect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import FaultError, UnknownNameError
from netsurf.ir import Network, Parameter

Mask = NDArray[np.bool_]


def population_bits(network: Network, text: str) -> NDArray[np.int64]:
    """Numbers (below ``S``) of the stored bits of a population, ascending.

    Raises
    ------
    UnknownNameError
        If a term names no layer, tensor or keyword.
    FaultError
        If no stored bit is left.
    """
    mask = np.ones(network.stored_bits, dtype=bool)
    for term in (part.strip() for part in text.split(",")):
        mask &= _term(network, term)
    if not mask.any():
        raise FaultError(
            f"population '{text}' of {network.name} is empty: no stored bit satisfies all its terms; "
            "try --population all"
        )
    return np.flatnonzero(mask).astype(np.int64)


def _term(network: Network, term: str) -> Mask:
    if term == "all":
        return np.ones(network.stored_bits, dtype=bool)
    if term == "unpruned":
        return ~_each(network, _pruned)
    if term.startswith("bit="):
        planes = term.removeprefix("bit=").split("+")
        return np.logical_or.reduce([_each(network, _plane(network, plane)) for plane in planes])
    return np.logical_or.reduce([_named(network, name) for name in term.split("+")])


def _each(network: Network, column) -> Mask:
    return np.concatenate([np.empty(0, bool), *(column(p) for p in network.parameters.values())])


def _pruned(parameter: Parameter) -> Mask:
    mask = np.zeros(parameter.codes.size, bool) if parameter.pruned is None else parameter.pruned.reshape(-1)
    return np.repeat(mask, parameter.format.width)


def _plane(network: Network, plane: str):
    widest = max(p.format.width for p in network.parameters.values())
    if plane not in ("msb", "lsb") and not (plane.isdigit() and int(plane) < widest):
        raise FaultError(f"bit plane '{plane}' does not exist; choose 0 to {widest - 1}, msb or lsb")

    def column(parameter: Parameter) -> Mask:
        width = parameter.format.width
        wanted = int(plane) if plane.isdigit() else {"msb": width - 1, "lsb": 0}[plane]
        return np.tile(np.arange(width) == wanted, parameter.codes.size)

    return column


def _named(network: Network, name: str) -> Mask:
    layers = {layer.name: {p.name for p in layer.parameters.values()} for layer in network.layers}
    tensors = layers.get(name) or ({name} if name in network.parameters else set())
    if not tensors:
        stored = [layer for layer, held in layers.items() if held]
        raise UnknownNameError("population", name, ["all", "unpruned", "bit=N", *stored, *network.parameters])
    return _each(network, lambda p: np.full(p.stored_bits, p.name in tensors))
