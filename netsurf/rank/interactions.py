"""Upsets among upsets: the evidence of ``oracle2``, from exhaustive campaigns on corrupted networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UsageError
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint, faulty_parameters
from netsurf.ir import Layer, Network

Floats = NDArray[np.float64]

_STREAM = 0x50414952
"""Counter that keeps the drawn upsets independent of other draws of the same seed."""


def upset(network: Network, bits: NDArray[np.int64]) -> Network:
    """A network whose stored codes have the given bits inverted; its sites have the same numbers."""
    codes = faulty_parameters(DesignPoint.unprotected(network), bits)
    return replace(network, layers=tuple(_upset(layer, codes) for layer in network.layers))


def _upset(layer: Layer, codes) -> Layer:
    parameters = {
        role: replace(p, codes=codes[p.name]) if p.name in codes else p
        for role, p in layer.parameters.items()
    }
    return replace(layer, parameters=parameters)


def expected_loss_change(
    network: Network, loss_change: Callable[[Network], Floats], ber: float, draws: int, seed: int
) -> Floats:
    """Mean over random upset sets ``F`` of ``L(F with the bit) - L(F without)``, for every stored bit.

    In the network corrupted by ``F``, flipping a bit of ``F`` back is a single upset too, and its change of
    loss counts with the opposite sign. So each ``F`` costs one exhaustive campaign and serves all bits.

    Parameters
    ----------
    loss_change
        ``loss_change(network)`` returns the exact change of loss of every single upset ``(S,)``.
    ber
        Probability with which each stored bit is in ``F``.
    draws
        Number of sets.

    Raises
    ------
    UsageError
        If ``ber`` is no probability or there are no draws.
    """
    if not 0 <= ber <= 1 or draws < 1:
        raise UsageError(f"BER {ber} with {draws} draws; choose 0 to 1, and at least one draw")
    total = np.zeros(network.stored_bits)
    for number in range(draws):
        inside = generator(seed, _STREAM, number).random(network.stored_bits) < ber
        change = loss_change(upset(network, np.flatnonzero(inside)))
        total += np.where(inside, -change, change)
    return total / draws
