"""The main job, one event after the other: build, accuracies, levels, agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.spec import JobSpec
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.engine import (
    Agreement,
    Engine,
    EngineResult,
    Outcomes,
    ReferenceEngine,
    classify,
    compare,
    decide,
)
from netsurf.fault import Fault, FaultList
from netsurf.harden import DesignPoint, plan_by_level
from netsurf.ir import Network, execute

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """How the job makes its engines; tests pass sabotaged ones.

    Parameters
    ----------
    emit
        ``emit(design, architecture)`` returns an accelerator.
    csim
        ``csim(design)`` returns hls4ml's C simulation as an engine.
    verilator, icarus
        ``verilator(design, accelerator)`` builds a simulator and returns it as an engine.
    """

    emit: Callable[[DesignPoint, str], Any]
    csim: Callable[[DesignPoint], Engine]
    verilator: Callable[[DesignPoint, Any], Engine]
    icarus: Callable[[DesignPoint, Any], Engine]


@dataclass(frozen=True, slots=True)
class Built:
    """A design point of one micro-architecture was emitted and its simulator built."""

    level: float
    architecture: str
    accelerator: Any


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Fault-free accuracy (or, for regression, mean absolute error in codes) of an engine."""

    engine: str
    architecture: str
    correct: int
    samples: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one engine agreed on at one level."""

    engine: str
    version: str
    architecture: str
    agreement: Agreement


@dataclass(frozen=True, slots=True, eq=False)
class LevelResult:
    """One protection level: its design point, what faults did to it, and who agreed.

    Parameters
    ----------
    correct
        ``float (faults,)``: fraction of the samples of each Bernoulli fault that are decided
        correctly; for regression, that are within tolerance of the fault-free output.
    outcomes
        Counts by block name.
    accelerators
        By micro-architecture.
    """

    level: float
    design: DesignPoint
    blocks: tuple[Block, ...]
    correct: NDArray[np.float64]
    outcomes: dict[str, Outcomes]
    accelerators: dict[str, Any]
    tallies: tuple[Tally, ...]
    pairs: int
    disagreeing: int


@dataclass(frozen=True, slots=True, eq=False)
class JobResult:
    """Everything the job found, in order."""

    network: Network
    spec: JobSpec
    accuracies: tuple[Accuracy, ...] = ()
    levels: tuple[LevelResult, ...] = field(default=())

    @property
    def agreement(self) -> Agreement:
        """Distinct (fault, sample) pairs, and how many of them any engine disagreed on."""
        mismatches = [m for level in self.levels for t in level.tallies for m in t.agreement.mismatches]
        return Agreement(
            sum(level.pairs for level in self.levels),
            tuple(mismatches[:20]),
            sum(level.disagreeing for level in self.levels),
        )


Event = Built | Accuracy | LevelResult | JobResult


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    network: Network
    inputs: Codes
    labels: NDArray[Any]
    tolerance: float
    spec: JobSpec
    tools: Toolbox


def certify(
    network: Network,
    inputs: Codes,
    labels: NDArray[Any],
    ranking: Codes,
    spec: JobSpec,
    tools: Toolbox,
    *,
    tolerance: float = 0.0,
    jobs: int = 2,
) -> Iterator[Event]:
    """Run the main job, yielding each result as soon as it is there; the last one is a JobResult.

    Parameters
    ----------
    inputs
        Codes of the test split, ``(samples, *network.input.shape)``.
    labels
        True classes ``(samples,)``; unused for regression.
    ranking
        Stored bits, most critical first.
    tolerance
        For regression: largest change of an output, in real units, that counts as correct.
    jobs
        Simulators that are built at the same time.
    """
    subject = _Subject(network, inputs, labels, tolerance, spec, tools)
    designs = [
        DesignPoint(network, plan_by_level(network, ranking, level, {"ranker": spec.ranker, "seed": spec.seed}))
        for level in spec.levels
    ]
    accuracies: list[Accuracy] = []
    levels: list[LevelResult] = []
    with ThreadPoolExecutor(jobs) as pool:
        builds = [[_start_build(pool, tools, d, a) for a in spec.architectures] for d in designs]
        try:
            for level, design, build in zip(spec.levels, designs, builds, strict=True):
                made = dict(zip(spec.architectures, (b.result() for b in build), strict=True))
                yield from (Built(level, a, accelerator) for a, (accelerator, _) in made.items())
                if not accuracies:
                    for accuracy in _accuracies(subject, design, made):
                        accuracies.append(accuracy)
                        yield accuracy
                levels.append(_run_level(subject, level, design, made))
                yield levels[-1]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    yield JobResult(network, spec, tuple(accuracies), tuple(levels))


def _start_build(
    pool: ThreadPoolExecutor, tools: Toolbox, design: DesignPoint, architecture: str
) -> Future[tuple[Any, Engine]]:
    def build() -> tuple[Any, Engine]:
        accelerator = tools.emit(design, architecture)
        return accelerator, tools.verilator(design, accelerator)

    return pool.submit(build)


def _accuracies(
    subject: _Subject, design: DesignPoint, made: dict[str, tuple[Any, Engine]]
) -> Iterator[Accuracy]:
    """Fault-free decisions of every engine over the test split (Icarus: the first few samples)."""
    few = np.arange(min(len(subject.inputs), subject.spec.icarus_samples * subject.spec.icarus_faults))
    every = np.arange(len(subject.inputs))
    yield _accuracy(subject, ReferenceEngine(design), "", every)
    yield _accuracy(subject, subject.tools.csim(design), "", every)
    for architecture, (accelerator, engine) in made.items():
        yield _accuracy(subject, engine, architecture, every)
        yield _accuracy(subject, subject.tools.icarus(design, accelerator), architecture, few)


def _accuracy(subject: _Subject, engine: Engine, architecture: str, rows: Codes) -> Accuracy:
    nothing = FaultList.of([Fault(())])
    outputs = engine.run(nothing, subject.inputs, rows[None]).outputs[0]
    return Accuracy(engine.name, architecture, int(_correct(subject, outputs, rows).sum()), len(rows))


def _correct(subject: _Subject, outputs: Codes, rows: Codes) -> NDArray[np.bool_]:
    """Which outputs are decided as labelled; for regression, are near the fault-free output."""
    if subject.network.task == "classification":
        return decide(subject.network, outputs) == subject.labels[rows]
    golden = execute(subject.network, subject.inputs[rows.reshape(-1)]).reshape(outputs.shape)
    limit = subject.tolerance * 2.0**subject.network.output.format.fraction
    return (np.abs(outputs - golden) <= limit).all(axis=-1)


def _run_level(
    subject: _Subject, level: float, design: DesignPoint, made: dict[str, tuple[Any, Engine]]
) -> LevelResult:
    blocks = draw_blocks(design, subject.spec, len(subject.inputs))
    reference, csim = ReferenceEngine(design), subject.tools.csim(design)
    tallies: list[Tally] = []
    outcomes: dict[str, Outcomes] = {}
    correct = np.empty(0)
    wrong = 0
    for block in blocks:
        expected = reference.run(block.faults, subject.inputs, block.samples)
        golden = execute(subject.network, subject.inputs[block.samples.reshape(-1)])
        outcomes[block.name] = classify(
            subject.network, expected, golden.reshape(expected.outputs.shape), subject.tolerance
        )[1]
        if block.name == "ber":
            correct = _correct(subject, expected.outputs, block.samples).mean(axis=1)
        results = [(csim, "", csim.run(block.faults, subject.inputs, block.samples))]
        results += [(e, a, e.run(block.faults, subject.inputs, block.samples)) for a, (_, e) in made.items()]
        tallies += [Tally(e.name, e.version, a, compare(e.name, expected, got)) for e, a, got in results]
        wrong += _disagreeing(expected, [got for _, _, got in results])
        corner = block.corner(subject.spec.icarus_faults, subject.spec.icarus_samples)
        tallies += [_icarus(subject, design, a, m[0], corner, expected) for a, m in made.items()]
    tallies += [_transient(subject, design, a, *m) for a, m in made.items() if subject.spec.transients]
    accelerators = {architecture: accelerator for architecture, (accelerator, _) in made.items()}
    pairs = sum(block.pairs for block in blocks)
    return LevelResult(
        level, design, blocks, correct, outcomes, accelerators, merge_tallies(tallies), pairs, wrong
    )


def _disagreeing(expected: EngineResult, results: Sequence[EngineResult]) -> int:
    """Pairs on which at least one engine differs from the reference."""
    wrong = np.zeros(expected.detected.shape, dtype=bool)
    for got in results:
        wrong |= (got.outputs != expected.outputs).any(axis=-1) | (got.detected != expected.detected)
    return int(wrong.sum())


def _icarus(
    subject: _Subject, design: DesignPoint, architecture: str, accelerator: Any, corner: Block, full: EngineResult
) -> Tally:
    engine = subject.tools.icarus(design, accelerator)
    faults, samples = corner.samples.shape
    expected = EngineResult(full.outputs[:faults, :samples], full.detected[:faults, :samples])
    got = engine.run(corner.faults, subject.inputs, corner.samples)
    return Tally(engine.name, engine.version, architecture, compare(engine.name, expected, got))


def _transient(
    subject: _Subject, design: DesignPoint, architecture: str, accelerator: Any, engine: Engine
) -> Tally:
    """Upsets in the middle of an inference, against the reference told which words were read before."""
    faults, samples = draw_transients(design, accelerator, subject.spec, len(subject.inputs))
    expected = expected_transients(design, accelerator, faults, subject.inputs, samples)
    got = engine.run(faults, subject.inputs, samples)
    return Tally(f"{engine.name} (transient)", engine.version, architecture, compare(engine.name, expected, got))


def merge_tallies(tallies: Sequence[Tally]) -> tuple[Tally, ...]:
    """One tally for each engine and micro-architecture, in order of first appearance."""
    merged: dict[tuple[str, str, str], Agreement] = {}
    for t in tallies:
        key = (t.engine, t.version, t.architecture)
        have = merged.get(key, Agreement(0, (), 0))
        listed = (*have.mismatches, *t.agreement.mismatches)[:20]
        merged[key] = Agreement(have.pairs + t.agreement.pairs, listed, have.count + t.agreement.count)
    return tuple(Tally(*key, agreement) for key, agreement in merged.items())
