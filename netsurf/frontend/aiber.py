"""The flip probabilities of the ranker ``aiber``, learnt by gradient descent (no TensorFlow in here)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.ir import Network
from netsurf.rank.bits import deltas, elements, reals

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set, with the first NetSurf's values."""

    epochs: int = 10
    samples: int = 100
    rate: float = 0.01
    start: float = -4.0
    penalty: float = 0.01
    frozen: float = 0.05


def flip_probability(
    network: Network,
    slope: Callable[[Floats], Floats],
    settings: Settings = Settings(),
) -> Floats:
    """Learn the flip probabilities of ``aiber`` (see :mod:`netsurf.rank.aiber`).

    Parameters
    ----------
    slope
        ``slope(weights)`` returns ``(E,)``, the gradient at ``weights`` of minus the mean squared
        difference between the outputs there and at the stored weights.

    Returns
    -------
    ``(S,)`` probabilities, plus the number of epochs left for bits that were frozen.
    """
    change, element, tensor = deltas(network), elements(network), _tensor_of_bits(network)
    logit = np.full(len(change), settings.start)
    first, second = np.zeros(len(change)), np.zeros(len(change))
    left = np.zeros(len(change))
    for epoch in range(1, settings.epochs + 1):
        chance = 1 / (1 + np.exp(-logit))
        moved = np.bincount(element, weights=chance * change, minlength=element.max() + 1)
        pull = slope(reals(network) + moved)[element] * change + settings.penalty
        pull *= chance * (1 - chance)
        first, second = 0.9 * first + 0.1 * pull, 0.999 * second + 0.001 * pull**2
        step = first / (1 - 0.9**epoch) / (np.sqrt(second / (1 - 0.999**epoch)) + 1e-7)
        logit = np.where(left > 0, logit, logit - settings.rate * step)
        _freeze(logit, tensor, left, settings.frozen, settings.epochs - epoch)
    return 1 / (1 + np.exp(-logit)) + left


def _freeze(logit: Floats, tensor: NDArray[np.int64], left: Floats, part: float, epochs: int) -> None:
    """Mark, in each tensor, the ``part`` of its free bits that is likeliest, with ``epochs`` left."""
    for number in range(tensor.max(initial=-1) + 1):
        free = np.flatnonzero((tensor == number) & (left == 0))
        likeliest = free[np.argsort(-logit[free], kind="stable")[: int(part * len(free))]]
        left[likeliest] = epochs


def _tensor_of_bits(network: Network) -> NDArray[np.int64]:
    bits = [p.stored_bits for p in network.parameters.values()]
    return np.repeat(np.arange(len(bits)), bits)
