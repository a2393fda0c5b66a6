"""The main job, one event after the other: build, accuracies, levels, result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.events import Accuracy, Built, Event, JobResult, LevelResult, Subject, Toolbox
from netsurf.certify.level import Machine, Made, run_level
from netsurf.certify.spec import JobSpec
from netsurf.engine import Engine, ReferenceEngine
from netsurf.fault import Fault, FaultList
from netsurf.harden import DesignPoint, ProtectionPlan, plan_by_level

Progress = Callable[[int, int, str], None]


def _silent(done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


def certify(
    subject: Subject,
    ranking: NDArray[np.int64],
    spec: JobSpec,
    tools: Toolbox,
    *,
    jobs: int = 2,
    progress: Progress = _silent,
    plans: Sequence[ProtectionPlan] = (),
) -> Iterator[Event]:
    """Run the main job, yielding each result as soon as it is there; the last one is a JobResult.

    Parameters
    ----------
    ranking
        Stored bits, most critical first.
    jobs
        Simulators that are built at the same time, ahead of their use.
    progress
        Called with the levels done, all levels, and what is under way.
    plans
        Plans to certify instead of those of a ranking, one for each of ``spec.levels``.
    """
    notes = {"ranker": spec.ranker, "seed": spec.seed}
    plans = plans or [plan_by_level(subject.network, ranking, level, notes) for level in spec.levels]
    designs = [DesignPoint(subject.network, plan) for plan in plans]
    accuracies: list[Accuracy] = []
    levels: list[LevelResult] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        builds = [{a: _build(pool, tools, d, a) for a in spec.architectures} for d in designs]
        for level, design, build in zip(spec.levels, designs, builds, strict=True):
            progress(len(levels), len(designs), f"building the simulators at {level:.0%} protection")
            made = {architecture: future.result() for architecture, future in build.items()}
            yield from (Built(level, a, m.accelerator, m.seconds) for a, m in made.items())
            if not levels:
                progress(0, len(designs), "fault-free accuracy in every engine")
                for accuracy in _accuracies(subject, design, made, spec, tools):
                    accuracies.append(accuracy)
                    yield accuracy
            progress(len(levels), len(designs), f"faults at {level:.0%} protection")
            levels.append(run_level(subject, level, design, made, spec, tools))
            yield levels[-1]
    finally:
        pool.shutdown(cancel_futures=True)
    yield JobResult(subject.network, spec, tuple(accuracies), tuple(levels))


def _build(
    pool: ThreadPoolExecutor, tools: Toolbox, design: DesignPoint, architecture: str
) -> Future[Machine]:
    def build() -> Machine:
        start = perf_counter()
        accelerator = tools.emit(design, architecture)
        engine = tools.verilator(design, accelerator)
        return Machine(accelerator, engine, perf_counter() - start)

    return pool.submit(build)


def _accuracies(
    subject: Subject, design: DesignPoint, made: Made, spec: JobSpec, tools: Toolbox
) -> Iterator[Accuracy]:
    """Fault-free decisions of every engine over the test split, or as much of it as the spec says."""
    every = np.arange(len(subject.inputs))
    for engine in (ReferenceEngine(design), tools.fast(design), tools.csim(design)):
        yield fault_free(subject, engine, "", every[: spec.fault_free.get(engine.name)])
    for architecture, machine in made.items():
        yield fault_free(subject, machine.engine, architecture, every[: spec.fault_free.get(architecture)])
        few = every[: prod(spec.icarus[architecture])]
        yield fault_free(subject, tools.icarus(design, machine.accelerator), architecture, few)


def fault_free(subject: Subject, engine: Engine, architecture: str, rows: NDArray[np.int64]) -> Accuracy:
    """Accuracy of a run without upset on ``rows``, cut into pieces so that parallel engines share it."""
    pieces = np.array_split(rows, min(len(rows), 8))
    longest = max(map(len, pieces))
    samples = np.array([np.resize(piece, longest) for piece in pieces])  # a short piece repeats its start
    nothing = FaultList.of([Fault(())] * len(pieces))
    outputs = engine.run(nothing, subject.inputs, samples).outputs
    right = subject.correct(outputs, samples)
    correct = sum(int(r[: len(piece)].sum()) for r, piece in zip(right, pieces, strict=True))
    return Accuracy(engine.name, architecture, correct, len(rows))
