"""One protection level: the same faults through every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.events import LevelResult, Subject, Tally, Toolbox, merge_tallies
from netsurf.certify.spec import JobSpec
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.emit import Accelerator
from netsurf.engine import Engine, EngineResult, Outcomes, ReferenceEngine, classify, compare
from netsurf.harden import DesignPoint
from netsurf.ir import execute

Made = Mapping[str, tuple[Accelerator, Engine]]
"""Micro-architecture to its accelerator and the engine that simulates it."""


def run_level(
    subject: Subject, level: float, design: DesignPoint, made: Made, spec: JobSpec, tools: Toolbox
) -> LevelResult:
    """Run every block of the level in every engine and compare with the reference executor."""
    blocks = draw_blocks(design, spec, len(subject.inputs))
    tallies: list[Tally] = []
    outcomes, correct, wrong = {}, np.empty(0), 0
    for block in blocks:
        expected = ReferenceEngine(design).run(block.faults, subject.inputs, block.samples)
        outcomes[block.name] = _outcomes(subject, block, expected)
        if block.name == "ber":
            correct = subject.correct(expected.outputs, block.samples).mean(axis=1)
        agreed, differing = _everywhere(subject, design, block, expected, made, tools)
        tallies += [*agreed, *_icarus(subject, design, block, expected, made, spec, tools)]
        wrong += differing
    tallies += _transient(subject, design, made, spec)
    return LevelResult(
        level,
        design,
        blocks,
        correct,
        outcomes,
        {name: accelerator for name, (accelerator, _) in made.items()},
        merge_tallies(tallies),
        sum(block.pairs for block in blocks),
        wrong,
    )


def _outcomes(subject: Subject, block: Block, expected: EngineResult) -> Outcomes:
    golden = execute(subject.network, subject.inputs[block.samples.reshape(-1)])
    golden = golden.reshape(expected.outputs.shape)
    return classify(subject.network, expected, golden, subject.tolerance)[1]


def _everywhere(
    subject: Subject, design: DesignPoint, block: Block, expected: EngineResult, made: Made, tools: Toolbox
) -> tuple[list[Tally], int]:
    """Tallies of the engines that run the whole block, and the pairs on which any of them differs."""
    engines = [("", tools.fast(design)), ("", tools.csim(design))]
    engines += [(architecture, engine) for architecture, (_, engine) in made.items()]
    tallies, wrong = [], np.zeros(block.samples.shape, dtype=bool)
    for architecture, engine in engines:
        got = engine.run(block.faults, subject.inputs, block.samples)
        tallies.append(_tally(engine, architecture, expected, got))
        wrong |= (got.outputs != expected.outputs).any(axis=-1) | (got.detected != expected.detected)
    return tallies, int(wrong.sum())


def _icarus(
    subject: Subject,
    design: DesignPoint,
    block: Block,
    expected: EngineResult,
    made: Made,
    spec: JobSpec,
    tools: Toolbox,
) -> Sequence[Tally]:
    """Tallies of Icarus, which is slow and repeats a corner of the block."""
    corner = block.corner(spec.icarus_faults, spec.icarus_samples)
    faults, samples = corner.samples.shape
    part = EngineResult(expected.outputs[:faults, :samples], expected.detected[:faults, :samples])
    tallies = []
    for architecture, (accelerator, _) in made.items():
        engine = tools.icarus(design, accelerator)
        got = engine.run(corner.faults, subject.inputs, corner.samples)
        tallies.append(_tally(engine, architecture, part, got))
    return tallies


def _transient(subject: Subject, design: DesignPoint, made: Made, spec: JobSpec) -> Sequence[Tally]:
    """Upsets in the middle of an inference, against the reference told which words were read before."""
    if not spec.transients:
        return []
    tallies = []
    for architecture, (accelerator, engine) in made.items():
        faults, samples = draw_transients(design, accelerator, spec, len(subject.inputs))
        expected = expected_transients(design, accelerator, faults, subject.inputs, samples)
        got = engine.run(faults, subject.inputs, samples)
        tallies.append(_tally(engine, architecture, expected, got, " transient"))
    return tallies


def _tally(
    engine: Engine, architecture: str, expected: EngineResult, got: EngineResult, suffix: str = ""
) -> Tally:
    name = engine.name + suffix
    return Tally(name, engine.version, architecture, compare(name, expected, got))
