"""One protection level: the same faults through every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.events import LevelResult, Subject, Tally, Toolbox, merge_tallies
from netsurf.certify.spec import JobSpec
from netsurf.certify.transients import draw_transients, expected_transients
from netsurf.emit import Accelerator
from netsurf.engine import Engine, EngineResult, Outcomes, ReferenceEngine, classify, compare
from netsurf.engine.base import Codes
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint
from netsurf.ir import execute

_NETLIST = "serial"
"""Micro-architecture whose netlist is run."""


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """An emitted accelerator, the engine that simulates it, and the seconds that making both took."""

    accelerator: Accelerator
    engine: Engine
    seconds: float = 0.0


Made = Mapping[str, Machine]
"""Machines by micro-architecture."""


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
        agreed, differing = _everywhere(subject, design, block, expected[block.name], made, spec, tools)
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
        {name: machine.accelerator for name, machine in made.items()},
        {name: machine.seconds for name, machine in made.items()},
        merge_tallies(tallies),
        sum(block.pairs for block in blocks),
        wrong,
    )


def _outcomes(subject: Subject, block: Block, expected: EngineResult) -> Outcomes:
    golden = execute(subject.network, subject.inputs[block.samples.reshape(-1)])
    golden = golden.reshape(expected.outputs.shape)
    return classify(subject.network, expected, golden, subject.tolerance)[1]


def _everywhere(
    subject: Subject,
    design: DesignPoint,
    block: Block,
    expected: EngineResult,
    made: Made,
    spec: JobSpec,
    tools: Toolbox,
) -> tuple[list[Tally], int]:
    """Tallies of the engines that run the block, and the pairs on which any of them differs.

    The C simulation may run a corner of the block only.
    """
    whole = block.samples.shape
    engines = [("", tools.fast(design), whole), ("", tools.csim(design), spec.csim or whole)]
    engines += [(architecture, machine.engine, whole) for architecture, machine in made.items()]
    tallies, wrong = [], np.zeros(whole, dtype=bool)
    for architecture, engine, corner in engines:
        part = block.corner(*corner)
        wanted = expected.corner(*part.samples.shape)
        tally, got = _run(engine, architecture, part.faults, subject.inputs, part.samples, wanted)
        tallies.append(tally)
        differs = wanted.differs(got)
        wrong[: differs.shape[0], : differs.shape[1]] |= differs
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
        engine = tools.icarus(design, made[architecture].accelerator)
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
    accelerator = made[_NETLIST].accelerator
    engine = tools.netlist(design, accelerator)
    tally = _corner_tally(subject, blocks, expected, _NETLIST, engine, spec.netlist)
    return [tally, *_transient(subject, design, {_NETLIST: Machine(accelerator, engine)}, spec)]


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
    wanted = EngineResult.joined(expected[c.name].corner(*c.samples.shape) for c in corners)
    return _run(engine, architecture, faults, subject.inputs, samples, wanted)[0]


def _transient(subject: Subject, design: DesignPoint, made: Made, spec: JobSpec) -> Sequence[Tally]:
    """Upsets in the middle of an inference, against the reference told which words were read before."""
    if not spec.transients:
        return []
    tallies = []
    for architecture, machine in made.items():
        accelerator, engine = machine.accelerator, machine.engine
        faults, samples = draw_transients(design, accelerator, spec, len(subject.inputs))
        expected = expected_transients(design, accelerator, faults, subject.inputs, samples)
        tallies.append(_run(engine, architecture, faults, subject.inputs, samples, expected, " transient")[0])
    return tallies


def _run(
    engine: Engine,
    architecture: str,
    faults: FaultList,
    inputs: Codes,
    samples: Codes,
    expected: EngineResult,
    suffix: str = "",
) -> tuple[Tally, EngineResult]:
    """Run an engine, and count on how much it agrees and how long it took."""
    name, start = engine.name + suffix, perf_counter()
    got = engine.run(faults, inputs, samples)
    seconds = perf_counter() - start
    return Tally(name, engine.version, architecture, compare(name, expected, got), seconds), got
