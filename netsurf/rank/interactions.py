"""Upsets among upsets: the evidence of ``oracle2``, from exhaustive campaigns on corrupted networks.

Why single upsets are not enough: their exact order protects last the bits whose upset *lowers* the loss.
What is then left unprotected pushes all weights down the gradient together, and the many upsets of a high
error rate add up to a step that overshoots. So what a bit is worth depends on what else is protected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UsageError
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint, faulty_parameters
from netsurf.ir import Layer, Network
from netsurf.rank.bits import planes, positions

Floats = NDArray[np.float64]
LossChange = Callable[[Network, NDArray[np.int64]], Floats]
Rows = Sequence[NDArray[np.int64]]

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


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What each stored bit adds to the loss among random other upsets.

    Parameters
    ----------
    mean
        ``(S,)`` mean over the drawn upset sets.
    variance
        ``(S,)`` variance of that mean.
    """

    mean: Floats
    variance: Floats


def expected_loss_change(
    network: Network, loss_change: LossChange, rows: Rows, rates: Floats, seed: int, first: int = 0
) -> Expectation:
    """Mean over random upset sets ``F`` of ``L(F with the bit) - L(F without)``, for every stored bit.

    In the network corrupted by ``F``, flipping a bit of ``F`` back is a single upset too, and its change of
    loss counts with the opposite sign. So one exhaustive campaign a set serves all bits. Each set has
    samples of its own: a campaign costs in proportion to its samples, and what varies most is the set.

    Parameters
    ----------
    loss_change
        ``loss_change(network, rows)`` returns ``(S,)``, the exact change of the mean loss over the samples
        ``rows`` by every single upset.
    rows
        Numbers of the samples of each set; two sets at least.
    rates
        ``(S,)`` probability with which each stored bit is in ``F``.
    first
        Counter of the first set, so that further sets are others.
    """
    total, squares = np.zeros(network.stored_bits), np.zeros(network.stored_bits)
    for number, chosen in enumerate(rows):
        inside = generator(seed, _STREAM, first + number).random(network.stored_bits) < rates
        change = loss_change(upset(network, np.flatnonzero(inside)), chosen)
        change = np.where(inside, -change, change)
        total += change
        squares += change**2
    mean = total / len(rows)
    spread = np.maximum(squares / len(rows) - mean**2, 0.0) / (len(rows) - 1)
    return Expectation(mean, spread)


@dataclass(frozen=True, slots=True)
class Plan:
    """How upsets among upsets are sampled.

    Parameters
    ----------
    ber
        Probability with which an unprotected stored bit is upset.
    steps
        Times that what is protected is decided anew.
    draws
        Upset sets of each step; at least two, and fewer where there are fewer samples.
    level
        Part of the stored bits that each step protects.
    """

    ber: float = 0.001
    steps: int = 20
    draws: int = 25
    level: float = 0.2

    def __post_init__(self) -> None:
        if not (0 <= self.ber <= 1 and 0 <= self.level <= 1 and self.steps >= 1 and self.draws >= 2):
            raise UsageError(
                f"{self}: choose a BER and a level of 0 to 1, one step or more, and two draws or more"
            )


def continuous_greedy(
    network: Network, loss_change: LossChange, samples: int, plan: Plan, seed: int
) -> Floats:
    """What every stored bit is worth among the others, while others are being protected.

    Expected loss is a function of the probability ``x_n`` that bit ``n`` is protected; its slope is what
    :func:`expected_loss_change` measures where bit ``m`` is upset at the rate ``ber (1 - x_m)``. From
    ``x = 0``, each of ``T`` steps protects the ``level`` of the bits with the steepest slopes a little more,
    by ``1 / T`` (continuous greedy: Calinescu, Chekuri, Pal and Vondrak, SIAM J. Comput. 40, 2011; with one
    step it is the slope among unprotected bits).

    Returns
    -------
    ``(S,)`` mean slope over the steps, each shrunk (:func:`shrunk`).

    Raises
    ------
    UsageError
        If there are fewer than two samples a step.
    """
    draws = min(plan.draws, samples // plan.steps)
    if draws < 2:
        raise UsageError(f"{plan.steps} steps need {2 * plan.steps} samples at least, not {samples}")
    protected, total = np.zeros(network.stored_bits), np.zeros(network.stored_bits)
    for step in range(plan.steps):
        rows = [np.arange(step * draws + d, samples, plan.steps * draws) for d in range(draws)]
        rates = plan.ber * (1 - protected)
        found = expected_loss_change(network, loss_change, rows, rates, seed, step * draws)
        slope = shrunk(network, found)
        total += slope
        steepest = np.argsort(-slope, kind="stable")[: round(plan.level * network.stored_bits)]
        protected[steepest] += 1 / plan.steps
    return total / plan.steps


def shrunk(network: Network, found: Expectation) -> Floats:
    """Means drawn towards what bits of the same tensor and plane have on average, as far as they are noise.

    Empirical Bayes (Efron and Morris, JASA 70, 1975): with the mean ``m`` of a group, the variance ``t`` of
    its true values and the variance ``s`` of one bit's mean, the bit gets ``m + t / (t + s) (x - m)``, where
    ``t`` is the variance of the group's means less the average ``s``. Without it an important bit whose
    mean comes out negative by chance would be protected last.
    """
    group = _groups(network)
    count = np.maximum(np.bincount(group), 1)
    centre = np.bincount(group, found.mean) / count
    scatter = np.bincount(group, (found.mean - centre[group]) ** 2) / count
    true = np.maximum(scatter - np.bincount(group, found.variance) / count, 0.0)[group]
    noise = found.variance
    trust = np.where(noise > 0, true / np.where(noise > 0, true + noise, 1.0), 1.0)
    return centre[group] + trust * (found.mean - centre[group])


def _groups(network: Network) -> NDArray[np.int64]:
    """``(S,)`` number of the tensor and plane of each bit."""
    bits = [p.stored_bits for p in network.parameters.values()]
    return np.repeat(np.arange(len(bits)), bits) * planes(network) + positions(network)
