"""What the machine can do, and what share of it each kernel reaches: ``netsurf inject --profile``.

Limits are measured now, on this machine, with the same number of threads: multiplications (from registers
alone), byte comparisons (from the first-level cache) and single-precision matrix products (NumPy's BLAS).
A kernel's work is counted as if every (fault, sample) pair and every product had to be taken, so a share
above 1 means that what need not be done was not: samples that no upset can change, inputs that are zero.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.inject import waves
from netsurf.inject.chain import Chain
from netsurf.inject.golden import Golden, units
from netsurf.inject.judge import Judge
from netsurf.inject.many import Models
from netsurf.inject.rungs import Bounds, choose
from netsurf.inject.singles import serve
from netsurf.inject.workers import KernelName, Kernels
from netsurf.ir import Network

SECONDS = 0.1
"""How long a limit is measured, at least, after a warm-up of the same length."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate that the machine reaches at best.

    Parameters
    ----------
    name
        ``multiply``, ``compare`` or ``matrix``.
    rate
        Operations a second on all threads: products with their addition, comparisons.
    how
        What was measured.
    """

    name: str
    rate: float
    how: str


@dataclass(frozen=True, slots=True)
class Reached:
    """A kernel's rate on a task.

    Parameters
    ----------
    task
        What ran: a stored tensor by its rung, or whole models.
    work, seconds
        Operations that the task would take one by one, and the time it took.
    limit
        Name of the limit it is held against; None if there is none to measure.
    share
        ``work / seconds`` as a fraction of the limit, or None.
    """

    task: str
    work: int
    seconds: float
    limit: str | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """Limits of the machine and what the kernels reach of them."""

    limits: tuple[Limit, ...]
    reached: tuple[Reached, ...]
    jobs: int


def profile(
    network: Network, inputs: ArrayLike, labels: ArrayLike, *, jobs: int = 2, kernel: KernelName = "auto"
) -> Profile:
    """Measure the machine, then every rung and the whole-model kernels on a network and its data."""
    kernels = Kernels(kernel, jobs)
    limits = {limit.name: limit for limit in machine_limits(kernels)}
    golden = Golden.of(network, inputs)
    tasks = [*_rungs(golden, labels, kernels), *_models(golden, labels, kernels)]
    reached = []
    for task, work, limit, run in tasks:
        run()  # compiles, and fills caches
        seconds = _timed(run)
        known = limits.get(limit) if limit else None
        share = work / seconds / known.rate if known else None
        reached.append(Reached(task, work, seconds, limit if known else None, share))
    return Profile(tuple(limits.values()), tuple(reached), jobs)


def machine_limits(kernels: Kernels) -> tuple[Limit, ...]:
    """Limits of this machine on ``kernels.jobs`` threads; those that need g++ are left out without it."""
    limits = [Limit("matrix", _matrix_rate(), "float32 matrix product of 1024, all threads of the BLAS")]
    try:
        native = Kernels("native", kernels.jobs, kernels.instructions).native
    except (MissingToolError, ToolFailedError):
        return tuple(limits)
    sink, data = ctypes.c_int64(), np.arange(1 << 14, dtype=np.uint8)

    def multiply(rounds: int) -> int:
        return native.netsurf_limit_multiply(ctypes.c_int64(rounds), ctypes.byref(sink))

    def compare(rounds: int) -> int:
        pointer = ctypes.c_void_p(data.ctypes.data)
        return native.netsurf_limit_compare(
            ctypes.c_int64(rounds), pointer, ctypes.c_int64(len(data)), ctypes.byref(sink)
        )

    rates = _rate(multiply, kernels), _rate(compare, kernels)
    limits.append(Limit("multiply", rates[0], "integer products from registers, best instruction set"))
    limits.append(Limit("compare", rates[1], "bytes compared and counted from the first-level cache"))
    return tuple(limits)


def _rate(work: Callable[[int], int], kernels: Kernels) -> float:
    """Operations a second of ``work(rounds)`` on all threads at once."""
    rounds = 1 << 8
    while _timed(partial(work, rounds)) < SECONDS:
        rounds *= 2
    begin = time.perf_counter()
    done = kernels.each(lambda share: work(rounds), [range(j, j + 1) for j in range(kernels.jobs)])
    return sum(done) / (time.perf_counter() - begin)


def _matrix_rate() -> float:
    size = 1024
    a, b = (np.random.default_rng(seed).random((size, size), dtype=np.float32) for seed in (0, 1))
    a @ b
    return size**3 / min(_timed(lambda: a @ b) for _ in range(5))


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _rungs(golden: Golden, labels: ArrayLike, kernels: Kernels):
    """Each stored tensor by its own rung."""
    judge = Judge.of(golden, labels)
    for unit in units(golden.network):
        for role, parameter in unit.layer.parameters.items():
            bounds = Bounds.of(golden, unit)
            choice = choose(golden, bounds, parameter, judge.loss)
            work = parameter.stored_bits * golden.samples

            def run(unit=unit, role=role, rung=choice.rung) -> None:
                serve(golden, judge, Bounds.of(golden, unit), role, rung, kernels)

            limit = "compare" if choice.rung == "interval" else None
            if found := waves.serve(golden, bounds, choice.rung, kernels):  # all of the unit is found at once
                if parameter is not next(iter(unit.layer.parameters.values())):
                    continue
                upsets = sum(held.stored_bits for held in unit.layer.parameters.values())
                work, limit = found.products * upsets * golden.samples, "multiply"
            yield f"{parameter.name} ({choice.rung})", work, limit, run


def _products(models: Models) -> int:
    """Products of one sample through a network; each weight once in a chain of dense layers."""
    if models.path.startswith("graph"):
        return models.graph.program.multiplications
    return sum(p.codes.size for p in models.golden.network.parameters.values() if p.codes.ndim > 1)


def _models(golden: Golden, labels: ArrayLike, kernels: Kernels):
    """Whole models by every kernel family there is."""
    design, models = DesignPoint.unprotected(golden.network), 4 * kernels.jobs
    faults = FaultList.single(np.arange(models) % max(golden.network.stored_bits, 1))
    for name in dict.fromkeys((kernels.name, "portable")):
        ready = Models(
            design,
            golden.flat("input"),
            labels,
            jobs=kernels.jobs,
            kernel=name,
            golden=golden,
            instructions=kernels.instructions,
        )
        work = models * golden.samples * _products(ready)
        limit = "multiply" if ready.path.startswith(("native", "graph")) else "matrix"
        known = isinstance(ready.chain, Chain) or ready.path.startswith("graph")
        yield (
            f"{models} whole models ({ready.path})",
            work,
            limit if known else None,
            lambda r=ready: r.run(faults),
        )
