"""One protection level: the same faults through every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.events import LevelResult, Subject, Tally, Toolbox, merge_tallies
from netsurf.certify.spec import JobSpec
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.emit import Accelerator
from netsurf.engine import Engine, EngineResult, Outcomes, ReferenceEngine, classify, compare
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.ir import execute

_NETLIST = "serial"
"""Micro-architecture whose netlist is run."""

Made = Mapping[str, tuple[Accelerator, Engine]]
"""Micro-architecture to its accelerator and the engine that simulates it."""


def run_level(
    subject: Subject, level: float, design: DesignPoint, made: Made, spec: JobSpec, tools: Toolbox
) -> LevelResult:
    """Run every block of the level in every engine and compare with the reference executor."""
    blocks = draw_blocks(design, spec, len(subject.inputs))
    reference = ReferenceEngine(design)
    expected = {b.name: reference.run(b.faults, subject.inputs, b.samples) for b in blocks}
    tallies: list[Tally] = []
    wrong = 0
    for block in blocks:
        agreed, differing = _everywhere(subject, design, block, expected[block.name], made, tools)
        tallies += agreed
        wrong += differing
    tallies += _icarus(subject, design, blocks, expected, made, spec, tools)
    tallies += _netlist(subject, design, blocks, expected, made, spec, tools)
    tallies += _transient(subject, design, made, spec)
    many = blocks[-1]
    return LevelResult(
        level,
        design,
        blocks,
        subject.correct(expected[many.name].outputs, many.samples).mean(axis=1),
        {b.name: _outcomes(subject, b, expected[b.name]) for b in blocks},
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
    blocks: Sequence[Block],
    expected: Mapping[str, EngineResult],
    made: Made,
    spec: JobSpec,
    tools: Toolbox,
) -> Sequence[Tally]:
    """Tallies of Icarus, which is slow: one simulation of a corner of every block an architecture."""

    def tally(architecture: str) -> Tally:
        engine = tools.icarus(design, made[architecture][0])
        return _corner_tally(subject, blocks, expected, architecture, engine, spec.icarus[architecture])

    with ThreadPoolExecutor(max(len(made), 1)) as pool:
        return list(pool.map(tally, made))


def _netlist(
    subject: Subject,
    design: DesignPoint,
    blocks: Sequence[Block],
    expected: Mapping[str, EngineResult],
    made: Made,
    spec: JobSpec,
    tools: Toolbox,
) -> Sequence[Tally]:
    """Tallies of the synthesised netlist, if there is one: a corner of every block, and transient upsets."""
    if tools.netlist is None or _NETLIST not in made:
        return []
    accelerator = made[_NETLIST][0]
    engine = tools.netlist(design, accelerator)
    tally = _corner_tally(subject, blocks, expected, _NETLIST, engine, spec.netlist)
    return [tally, *_transient(subject, design, {_NETLIST: (accelerator, engine)}, spec)]


def _corner_tally(
    subject: Subject,
    blocks: Sequence[Block],
    expected: Mapping[str, EngineResult],
    architecture: str,
    engine: Engine,
    corner: tuple[int, int],
) -> Tally:
    corners = [b.corner(*corner) for b in blocks]
    faults = FaultList.of([fault for corner in corners for fault in corner.faults])
    samples = np.concatenate([corner.samples for corner in corners])
    parts = [expected[c.name].corner(*c.samples.shape) for c in corners]
    wanted = EngineResult(
        np.concatenate([part.outputs for part in parts]), np.concatenate([part.detected for part in parts])
    )
    return _tally(engine, architecture, wanted, engine.run(faults, subject.inputs, samples))


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
