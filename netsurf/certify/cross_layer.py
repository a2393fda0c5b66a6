"""Cross-layer certification: the layer under fault in RTL, what comes before and behind it in software.

For networks whose Verilog as a whole would be too large to simulate. Each chosen layer is cut out with what
is fused to it (:mod:`netsurf.ir.cut`), emitted as an accelerator of its own, and upset at the same fault
numbers as the network. Two comparisons are made of every (fault, sample) pair: the integers that leave the
layer, with those of the reference executor; and the network's outputs after the RTL's integers went through
the rest of it, with the reference. The fast engine and hls4ml's C simulation run the whole network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.cut_sites import design_of, faults_to_cut, faults_to_whole
from netsurf.certify.events import (
    Accuracy,
    Built,
    Event,
    JobResult,
    LevelResult,
    Subject,
    Tally,
    Toolbox,
    merge_tallies,
)
from netsurf.certify.job import fault_free
from netsurf.certify.level import Machine
from netsurf.certify.spec import JobSpec
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.engine import Engine, EngineResult, Outcomes, ReferenceEngine, classify, compare
from netsurf.fault import Fault, FaultList
from netsurf.fault.sample import generator
from netsurf.harden import DesignPoint, ProtectionPlan, faulty_parameters, plan_by_level, resolve
from netsurf.ir import Cut, beside, cut, resume, trace

Codes = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

POPULATION = 256
"""Samples of the test split whose codes at the boundaries are kept; faults draw theirs from these."""

_BLOCK = 16
"""Samples of which all tensors are kept at once."""

# Apart from the streams of blocks.py and transients.py.
_STREAM = 1 << 34


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A layer under fault at one protection level: its cut, the cut's design point, and its machine."""

    layer: str
    cut: Cut
    design: DesignPoint
    machine: Machine
    tools: Toolbox


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What is known of the samples without a fault: rows of the test split, and codes of some tensors."""

    rows: Codes
    inputs: Codes
    golden: Mapping[str, Codes]

    def resumed(self, cut: Cut, codes: Codes, samples: Codes) -> Codes:
        """Outputs of the network for boundary codes ``(faults, k, size)`` of samples ``(faults, k)``."""
        around, shape = beside(cut.whole, cut.tensor), cut.whole.spec(cut.tensor).shape
        outputs = np.empty((*samples.shape, cut.whole.output.size), dtype=np.int64)
        for number, rows in enumerate(samples):
            tensors = {name: self.golden[name][rows] for name in around}
            boundary = codes[number].reshape(len(rows), *shape)
            outputs[number] = resume(cut.whole, tensors, {cut.tensor: boundary})
        return outputs


def certify_layers(
    subject: Subject,
    ranking: NDArray[np.int64],
    spec: JobSpec,
    layers: Sequence[str],
    tools: Toolbox,
    tools_of: Callable[[str, float], Toolbox],
    *,
    jobs: int = 2,
    progress: Progress = lambda done, total, note="": None,
    plans: Sequence[ProtectionPlan] = (),
) -> Iterator[Event]:
    """Run the main job layer by layer, yielding each result as soon as it is there, as :func:`certify` does.

    Parameters
    ----------
    layers
        Names of the layers under fault.
    tools, tools_of
        Engines of the whole network (fast and C simulation are used), and of a layer's cut at a level.
    """
    notes = {"ranker": spec.ranker, "seed": spec.seed}
    plans = plans or [plan_by_level(subject.network, ranking, level, notes) for level in spec.levels]
    designs = [DesignPoint(subject.network, plan) for plan in plans]
    cuts = {name: cut(subject.network, name) for name in layers}
    progress(0, len(designs), "codes at the boundaries of the layers")
    stage = stage_of(subject, spec, cuts.values())
    accuracies: list[Accuracy] = []
    levels: list[LevelResult] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        builds = [_builds(pool, cuts, design, spec, tools_of) for design in designs]
        for level, design, build in zip(spec.levels, designs, builds, strict=True):
            progress(len(levels), len(designs), f"building the simulators at {level:.0%} protection")
            slices = [future.result() for future in build]
            yield from (
                Built(level, _label(s, spec), s.machine.accelerator, s.machine.seconds) for s in slices
            )
            if not levels:
                progress(0, len(designs), "fault-free accuracy in every engine")
                for accuracy in _accuracies(subject, design, stage, slices, spec, tools):
                    accuracies.append(accuracy)
                    yield accuracy
            progress(len(levels), len(designs), f"faults at {level:.0%} protection")
            levels.append(_level(subject, level, design, stage, slices, spec, tools))
            yield levels[-1]
    finally:
        pool.shutdown(cancel_futures=True)
    yield JobResult(subject.network, spec, tuple(accuracies), tuple(levels), tuple(layers))


def stage_of(subject: Subject, spec: JobSpec, cuts: Iterable[Cut]) -> Stage:
    """The samples that faults draw from, and what the layers and the rest of the network read for them."""
    network = subject.network
    wanted = {network.layers[-1].name}
    for piece in cuts:
        wanted |= {piece.source, *beside(network, piece.tensor)}
    count = min(POPULATION, len(subject.inputs))
    rows = np.sort(generator(spec.seed, _STREAM).choice(len(subject.inputs), count, replace=False))
    inputs = subject.inputs[rows]
    parts = []
    for start in range(0, count, _BLOCK):
        tensors = trace(network, inputs[start : start + _BLOCK])
        parts.append({name: tensors[name] for name in wanted})
    golden = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    return Stage(rows, inputs, golden)


def _builds(
    pool: ThreadPoolExecutor,
    cuts: Mapping[str, Cut],
    design: DesignPoint,
    spec: JobSpec,
    tools_of: Callable[[str, float], Toolbox],
) -> list[Future[Slice]]:
    def build(name: str) -> Slice:
        start, piece = perf_counter(), design_of(design, cuts[name])
        tools = tools_of(name, design.plan.level)
        accelerator = tools.emit(piece, spec.architectures[0])
        engine = tools.verilator(piece, accelerator)
        machine = Machine(accelerator, engine, perf_counter() - start)
        return Slice(name, cuts[name], piece, machine, tools)

    return [pool.submit(build, name) for name in cuts]


def _label(piece: Slice, spec: JobSpec) -> str:
    return f"{piece.layer} {spec.architectures[0]}"


def _accuracies(
    subject: Subject,
    design: DesignPoint,
    stage: Stage,
    slices: Sequence[Slice],
    spec: JobSpec,
    tools: Toolbox,
) -> Iterator[Accuracy]:
    """Fault-free decisions: whole network in software, and with one layer in RTL."""
    every = np.arange(len(subject.inputs))
    for engine in (ReferenceEngine(design), tools.fast(design), tools.csim(design)):
        yield fault_free(subject, engine, "", every[: spec.fault_free.get(engine.name)])
    nothing, samples = FaultList.of([Fault(())]), np.arange(len(stage.rows))[None]
    for piece in slices:
        engine = piece.machine.engine
        got = engine.run(nothing, stage.golden[piece.cut.source], samples)
        outputs = stage.resumed(piece.cut, got.outputs, samples)[0]
        correct = int(subject.correct(outputs, stage.rows).sum())
        yield Accuracy(engine.name, _label(piece, spec), correct, len(stage.rows))


def _level(
    subject: Subject,
    level: float,
    design: DesignPoint,
    stage: Stage,
    slices: Sequence[Slice],
    spec: JobSpec,
    tools: Toolbox,
) -> LevelResult:
    """Every block of every layer at one level; the blocks of a level hold those of its layers in a row."""
    tallies: list[Tally] = []
    wrong = 0
    parts: list[Block] = []
    results: list[EngineResult] = []
    engines = [(tools.fast(design), None), (tools.csim(design), spec.csim)]
    for piece in slices:
        for block in draw_blocks(piece.design, spec, len(stage.rows)):
            found, differing, expected = _block(design, stage, piece, block, spec, engines)
            tallies += found
            wrong += differing
            whole = Block(block.name, faults_to_whole(block.faults, piece.cut), stage.rows[block.samples])
            parts.append(whole)
            results.append(expected)
        tallies += _transients(stage, piece, spec)
    names = list(dict.fromkeys(part.name for part in parts))
    blocks = tuple(_joined([part for part in parts if part.name == name]) for name in names)
    outputs = {
        name: EngineResult.joined(r for part, r in zip(parts, results, strict=True) if part.name == name)
        for name in names
    }
    return LevelResult(
        level,
        design,
        blocks,
        subject.correct(outputs[names[-1]].outputs, blocks[-1].samples).mean(axis=1),
        {b.name: _outcomes(subject, stage, b, outputs[b.name]) for b in blocks},
        {_label(piece, spec): piece.machine.accelerator for piece in slices},
        {_label(piece, spec): piece.machine.seconds for piece in slices},
        merge_tallies(tallies),
        sum(block.pairs for block in blocks),
        wrong,
    )


def _block(
    design: DesignPoint,
    stage: Stage,
    piece: Slice,
    block: Block,
    spec: JobSpec,
    engines: Sequence[tuple[Engine, tuple[int, int] | None]],
) -> tuple[list[Tally], int, EngineResult]:
    """Tallies of one block of a layer, the pairs on which any engine differs, and the reference's outputs.

    ``block`` numbers bits of the cut and rows of the stage.
    """
    faults, label = faults_to_whole(block.faults, piece.cut), _label(piece, spec)
    boundary, expected = reference(design, stage, piece.cut, faults, block.samples)
    tallies, wrong = [], np.zeros(block.samples.shape, dtype=bool)

    def compared(
        engine: Engine, name: str, label: str, wanted: EngineResult, got: EngineResult, s: float
    ) -> None:
        tallies.append(Tally(engine.name + name, engine.version, label, compare(engine.name, wanted, got), s))
        differs = wanted.differs(got)
        wrong[: differs.shape[0], : differs.shape[1]] |= differs

    for engine, corner in engines:
        part = block.corner(*(corner or block.samples.shape))
        start = perf_counter()
        got = engine.run(faults.slice(0, len(part.faults)), stage.inputs, part.samples)
        compared(engine, "", "", expected.corner(*part.samples.shape), got, perf_counter() - start)
    icarus = piece.tools.icarus(piece.design, piece.machine.accelerator)
    for engine, corner in ((piece.machine.engine, None), (icarus, spec.icarus[spec.architectures[0]])):
        part = block.corner(*(corner or block.samples.shape))
        size, start = part.samples.shape, perf_counter()
        mapped = faults_to_cut(faults, piece.cut).slice(0, len(part.faults))
        got = engine.run(mapped, stage.golden[piece.cut.source], part.samples)
        seconds = perf_counter() - start
        compared(engine, " boundary", label, boundary.corner(*size), got, seconds)
        final = EngineResult(stage.resumed(piece.cut, got.outputs, part.samples), got.detected)
        compared(engine, "", label, expected.corner(*size), final, 0.0)
    return tallies, int(wrong.sum()), expected


def reference(
    design: DesignPoint, stage: Stage, cut: Cut, faults: FaultList, samples: Codes
) -> tuple[EngineResult, EngineResult]:
    """The reference executor at the boundary behind the cut, and at the output of the whole network."""
    size = cut.network.output.size
    boundary = np.empty((*samples.shape, size), dtype=np.int64)
    outputs = np.empty((*samples.shape, design.network.output.size), dtype=np.int64)
    detected = np.zeros(samples.shape, dtype=bool)
    for number, fault in enumerate(faults):
        upset = resolve(design, fault)
        tensors = trace(design.network, stage.inputs[samples[number]], faulty_parameters(design, upset.bits))
        boundary[number] = tensors[cut.tensor].reshape(samples.shape[1], size)
        outputs[number] = tensors[design.network.layers[-1].name].reshape(samples.shape[1], -1)
        detected[number] = upset.detected
    return EngineResult(boundary, detected), EngineResult(outputs, detected)


def _transients(stage: Stage, piece: Slice, spec: JobSpec) -> list[Tally]:
    """Upsets in the middle of a sample of the layer, at its boundary."""
    if not spec.transients:
        return []
    engine, accelerator = piece.machine.engine, piece.machine.accelerator
    codes, start = stage.golden[piece.cut.source], perf_counter()
    faults, samples = draw_transients(piece.design, accelerator, spec, len(codes))
    expected = expected_transients(piece.design, accelerator, faults, codes, samples)
    got = engine.run(faults, codes, samples)
    name = f"{engine.name} transient"
    agreement = compare(name, expected, got)
    return [Tally(name, engine.version, _label(piece, spec), agreement, perf_counter() - start)]


def _joined(blocks: Sequence[Block]) -> Block:
    faults = FaultList.of([fault for block in blocks for fault in block.faults])
    return Block(blocks[0].name, faults, np.concatenate([block.samples for block in blocks]))


def _outcomes(subject: Subject, stage: Stage, block: Block, expected: EngineResult) -> Outcomes:
    place = np.searchsorted(stage.rows, block.samples)
    last = stage.golden[subject.network.layers[-1].name].reshape(len(stage.rows), -1)
    return classify(subject.network, expected, last[place], subject.tolerance)[1]
