"""How long it takes to upset every stored bit once: found from little of the work, before it begins.

Where one call serves all upsets of a unit, the call runs on few samples, and on more as long as that is
quick. Elsewhere the network runs again for every upset, and a few upsets are timed. Neither shares work
between samples as the whole does, so the sum errs on the long side.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fixed import flip_bit
from netsurf.inject import waves
from netsurf.inject.golden import Golden, units
from netsurf.inject.judge import Judge
from netsurf.inject.rungs import Bounds, choose
from netsurf.inject.singles import serve
from netsurf.inject.workers import Kernels
from netsurf.ir import Network, Parameter

SAMPLES = (1, 16, 128)
"""Sizes of what is tried, each where the one before was quick."""

QUICK_S = 0.3
"""Seconds after which nothing larger is tried."""

UPSETS = 2
"""Upsets that are timed where each runs by itself."""


def seconds(
    network: Network, inputs: ArrayLike, labels: ArrayLike, *, loss: bool = False, jobs: int = 2
) -> float:
    """Seconds that :func:`netsurf.inject.exhaustive` takes about with these arguments, on this machine."""
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    kernels, loss = Kernels("auto", jobs), loss or network.task != "classification"
    sizes = sorted({min(size, len(inputs)) for size in SAMPLES})
    tries = [
        (golden, Judge.of(golden, labels[: golden.samples], loss))
        for golden in (Golden.of(network, inputs[:size]) for size in sizes)
    ]
    return sum(_of_unit(tries, number, len(inputs), kernels) for number, _ in enumerate(units(network)))


def _of_unit(tries: list[tuple[Golden, Judge]], number: int, samples: int, kernels: Kernels) -> float:
    """Seconds for all upsets of one unit over all samples."""
    found = 0.0
    for golden, judge in tries:
        begin = time.perf_counter()
        found = _spent(golden, judge, number, kernels) * samples / golden.samples
        if golden.samples > SAMPLES[0] and time.perf_counter() - begin > QUICK_S:
            break  # the first try may have compiled, so there is always a second
    return found


def _spent(golden: Golden, judge: Judge, number: int, kernels: Kernels) -> float:
    """Seconds for all upsets of one unit over the samples of a golden run."""
    bounds, total = Bounds.of(golden, units(golden.network)[number]), 0.0
    for role, parameter in bounds.unit.layer.parameters.items():
        rung = choose(golden, bounds, parameter, judge.loss).rung
        apart = rung in ("delta", "forward") and not waves.serve(golden, bounds, rung, kernels)
        begin = time.perf_counter()
        if apart:
            _few(golden, parameter)
        else:
            _ = serve(golden, judge, bounds, role, rung, kernels)
        took = time.perf_counter() - begin
        total += took * parameter.stored_bits / (UPSETS * kernels.jobs) if apart else took
    return total


def _few(golden: Golden, parameter: Parameter) -> None:
    """Run the network again for some upsets, from the upset layer on."""
    rows = np.arange(golden.samples)
    for index in np.linspace(0, parameter.codes.size - 1, UPSETS).astype(np.int64):
        codes: NDArray[np.int64] = parameter.codes.copy()
        codes.flat[index] = flip_bit(codes.flat[index], 0, parameter.format)
        golden.rerun({parameter.name: codes}, rows)
