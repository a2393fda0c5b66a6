"""Every stored bit upset once, alone, over a whole data set: exact scores of each, by the ladder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import DataError, UnknownNameError
from netsurf.fault import FaultSite, FaultSpace
from netsurf.harden import DesignPoint
from netsurf.inject import delta, interval, memo, waves
from netsurf.inject.golden import Golden, units
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.rungs import RUNGS, Bounds, Choice, choose
from netsurf.inject.workers import KernelName, Kernels
from netsurf.ir import Network, Parameter, check_inputs


@dataclass(frozen=True, slots=True)
class Served:
    """How a stored tensor was served: its rung and why, faults, seconds, and the kernel.

    ``kernel`` is ``native`` where compiled waves ran (:mod:`netsurf.inject.waves`), else ``portable``; the
    seconds of a layer that waves serve stand with its first tensor.
    """

    choice: Choice
    faults: int
    seconds: float
    kernel: str = "portable"


@dataclass(frozen=True, eq=False)
class ExhaustiveResult:
    """Exact effect of each single upset of the ``S`` stored bits, in the order of their numbers.

    Parameters
    ----------
    correct
        ``int64 (S,)``: correct samples under each upset; None for regression.
    sdc
        ``int64 (S,)``: samples whose decision differs from the fault-free one.
    loss
        ``float64 (S,)``: mean cross-entropy, or mean squared error for regression; None if not asked for.
    golden_correct, golden_loss
        The same of the fault-free network.
    samples
        Size of the data set.
    served
        One entry a stored tensor.
    kernel
        ``native`` if compiled waves served any stored tensor, else ``portable``.
    seconds
        All of it, golden run included.
    """

    network: Network
    correct: NDArray[np.int64] | None
    sdc: NDArray[np.int64]
    loss: NDArray[np.float64] | None
    golden_correct: int | None
    golden_loss: float | None
    samples: int
    served: tuple[Served, ...]
    kernel: str
    seconds: float

    @property
    def faults(self) -> int:
        """Number of upsets: stored bits of the unprotected network."""
        return len(self.sdc)

    @property
    def rungs(self) -> dict[str, str]:
        """Rung that served each stored tensor."""
        return {entry.choice.tensor: entry.choice.rung for entry in self.served}

    @property
    def accuracy(self) -> NDArray[np.float64] | None:
        """Accuracy under each upset; None for regression."""
        return None if self.correct is None else self.correct / self.samples

    @property
    def golden_accuracy(self) -> float | None:
        """Fault-free accuracy; None for regression."""
        return None if self.golden_correct is None else self.golden_correct / self.samples

    @cached_property
    def worst(self) -> int:
        """Number of the bit whose upset hurts most: accuracy if there is one, else loss, else SDCs."""
        if self.correct is not None:
            return int(self.correct.argmin())
        return int((self.sdc if self.loss is None else self.loss).argmax())

    @property
    def worst_site(self) -> FaultSite:
        """The bit :attr:`worst` as a fault site."""
        return FaultSpace(self.network, np.empty(0, np.int64)).site(self.worst)


def exhaustive(
    network: Network | DesignPoint,
    inputs: ArrayLike,
    labels: ArrayLike,
    *,
    loss: bool = False,
    scale: float = 1.0,
    tolerance: float = 0.0,
    jobs: int = 2,
    kernel: KernelName = "auto",
    force: Mapping[str, str] | None = None,
) -> ExhaustiveResult:
    """Upset every stored bit of the unprotected network, one at a time, over all inputs.

    Parameters
    ----------
    network
        Network, or a design point whose plan is ignored.
    inputs
        Codes ``(samples, *network.input.shape)``.
    labels
        Classes ``(samples,)``, or for regression real targets ``(samples, outputs)``.
    loss, scale, tolerance
        See :class:`netsurf.inject.judge.Judge`. A regression always gets its loss.
    jobs, kernel
        Threads and kernel family; no result depends on them but the last bits of a loss.
    force
        Stored tensor to rung, **without** proof that the rung is exact there: for tests of the proof.

    Raises
    ------
    NetworkError, DataError
        If inputs or labels do not fit the network, or there are none.
    """
    begin = time.perf_counter()
    network = network.network if isinstance(network, DesignPoint) else network
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if not len(inputs):
        raise DataError(f"{network.name}: no inputs; give at least one sample")
    kernels, force = Kernels(kernel, jobs), _forced(network, force or {})
    classification = network.task == "classification"
    loss = loss or not classification
    total, served = Scores.zeros(network.stored_bits, loss), ()
    right, lost = 0, 0.0
    for rows in _blocks(network, len(check_inputs(network, inputs))):
        golden = Golden.of(network, inputs[rows])
        judge = Judge.of(golden, _rows_of(labels, rows, len(inputs)), loss, scale, tolerance)
        part = Scores.zeros(network.stored_bits, loss)
        served = _joined(served, _serve(golden, judge, kernels, force, part))
        total.add(part)
        right, lost = right + int(judge.correct.sum()), lost + (float(judge.losses.sum()) if loss else 0.0)
    samples = len(inputs)
    return ExhaustiveResult(
        network,
        right + total.correct if classification else None,
        total.sdc,
        (lost + total.loss) / samples if loss else None,
        right if classification else None,
        lost / samples if loss else None,
        samples,
        served,
        "native" if any(entry.kernel == "native" for entry in served) else "portable",
        time.perf_counter() - begin,
    )


MEMORY = 1 << 28
"""Bytes of a golden run's sums; longer data sets are worked through in blocks of samples."""


def _blocks(network: Network, samples: int) -> list[slice]:
    """Samples that are worked on together: effects add up over samples, so blocks change no number."""
    sums = sum(8 * layer.output.size for layer in network.layers if layer.parameters)
    count = -(-samples * sums // MEMORY)
    step = -(-samples // max(count, 1))
    return [slice(first, min(first + step, samples)) for first in range(0, samples, step)]


def _rows_of(labels: NDArray, rows: slice, samples: int) -> NDArray:
    """Labels of a block; all of them if their number is wrong, so that the message says what was given."""
    return labels[rows] if labels.ndim and len(labels) == samples else labels


def _joined(before: tuple[Served, ...], now: tuple[Served, ...]) -> tuple[Served, ...]:
    """Two blocks' service as one: the lower of two rungs, and seconds added up."""
    if not before:
        return now
    return tuple(
        Served(
            max(a.choice, b.choice, key=lambda c: RUNGS.index(c.rung)),
            a.faults,
            a.seconds + b.seconds,
            max(a.kernel, b.kernel),
        )
        for a, b in zip(before, now, strict=True)
    )


def _forced(network: Network, force: Mapping[str, str]) -> Mapping[str, str]:
    for tensor, rung in force.items():
        if tensor not in network.parameters:
            raise UnknownNameError("tensor", tensor, network.parameters)
        if rung not in RUNGS:
            raise UnknownNameError("rung", rung, RUNGS)
    return force


def _serve(
    golden: Golden, judge: Judge, kernels: Kernels, force: Mapping[str, str], total: Scores
) -> tuple[Served, ...]:
    """Fill ``total`` tensor by tensor."""
    offsets = FaultSpace(golden.network, np.empty(0, np.int64)).offsets
    served = []
    for unit in units(golden.network):
        bounds = Bounds.of(golden, unit)
        for role, parameter in unit.layer.parameters.items():
            begin = time.perf_counter()
            choice = choose(golden, bounds, parameter, judge.loss)
            used = kernels
            if parameter.name in force:
                choice = Choice(parameter.name, force[parameter.name], "forced")
                used = Kernels("portable", kernels.jobs)  # waves prove for themselves what they serve
            scores = serve(golden, judge, bounds, role, choice.rung, used)
            kernel = "native" if waves.serve(golden, bounds, choice.rung, used) else "portable"
            first = offsets[parameter.name]
            total.put(slice(first, first + parameter.stored_bits), scores.reshape(-1))
            seconds = time.perf_counter() - begin
            served.append(Served(choice, parameter.stored_bits, seconds, kernel))
    return tuple(served)


def serve(golden: Golden, judge: Judge, bounds: Bounds, role: str, rung: str, kernels: Kernels) -> Scores:
    """Scores of every upset of one stored tensor by one rung, in site order."""
    parameter: Parameter = bounds.unit.layer.parameters[role]
    if found := waves.serve(golden, bounds, rung, kernels):
        return waves.scores(golden, judge, found, kernels)[parameter.name]
    arguments = golden, judge, bounds, parameter, kernels
    if rung == "interval":
        return interval.scores(*arguments)
    if rung == "memo":
        return memo.scores(*arguments)
    return delta.scores(*arguments, delta.delta_change if rung == "delta" else delta.forward_change)
