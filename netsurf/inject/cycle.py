"""CycleModel: an accelerator in clock cycles, exactly as its Verilog, for faults that have a cycle.

The fast injector knows a network without a clock, which is all that stored bits need. A register, a voter
input or two replicas that are hit in different cycles need the clock: what is upset depends on what the
register holds then, and a counter or a valid bit that is upset changes what every later cycle does. This
model executes the same registers as the emitted accelerator, under the same names, one cycle after the other
(:mod:`netsurf.inject.portable_cycle`), from the cycle of the first strike until nothing differs any more
from the fault-free run.

The convention of every engine: before the inference that is struck, the accelerator has run the same sample
without a fault and its error flags were cleared; one sample is offered; outputs are taken at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf import __version__
from netsurf.errors import FaultError, UnsupportedLayerError
from netsurf.fault.registers import VOTER_INPUT, RegisterSpace
from netsurf.fault.strikes import StrikeList, StrikeResult, window
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.inject.steps import Step, encode
from netsurf.ir import Layer, check_inputs
from netsurf.ir.network import INPUT

Codes = NDArray[np.int64]

_PARALLEL, _SERIAL, _FEED = range(3)
_ON_REGISTER, _ON_STORED, _ON_VOTER, _ON_FLAG = range(4)
_PORTS = {"inA": 0, "inB": 1, "inC": 2}


class CycleModel:
    """Runs strikes on a chain of dense layers of any reuse factors.

    Parameters
    ----------
    design
        Network and plan.
    registers
        Those of the emitted accelerator, whose numbers the strikes use.
    reuse_factors
        Layer name to reuse factor, as in the emitted architecture.
    latency
        Cycles from the first beat to the output, as the emitter states them.
    copies
        Datapaths: 1, or 3 if it is triplicated (:mod:`netsurf.emit.triplicate`).

    Raises
    ------
    UnsupportedLayerError
        If the network is no chain of dense, relu, linear and flatten layers, or a store has another scheme
        than ``tmr``.
    """

    name = "cycle"
    version = __version__

    def __init__(
        self,
        design: DesignPoint,
        registers: RegisterSpace,
        reuse_factors: Mapping[str, int],
        latency: int,
        copies: int = 1,
    ) -> None:
        if design.plan.schemes:
            raise UnsupportedLayerError(
                f"the cycle model takes stores under tmr or none, not {design.plan.schemes[0].label}; "
                "faults without a cycle run in every engine"
            )
        self.design, self.registers, self.latency, self.copies = design, registers, latency, copies
        self._machine = _machine(design, reuse_factors)
        self._targets = _targets(registers, self._machine, copies)

    def run(self, strikes: StrikeList, inputs: ArrayLike, samples: ArrayLike) -> StrikeResult:
        """Run each fault on one sample.

        Parameters
        ----------
        inputs
            Codes ``(samples, *network.input.shape)``.
        samples
            ``int64 (faults,)``: the row of ``inputs`` that each fault runs.

        Raises
        ------
        FaultError
            If a site does not exist in the design or a sample not in the inputs.
        """
        codes = check_inputs(self.design.network, inputs).reshape(len(np.asarray(inputs)), -1)
        samples = np.asarray(samples, dtype=np.int64)
        if samples.shape != (len(strikes),) or (
            samples.size and not 0 <= samples.min() <= samples.max() < len(codes)
        ):
            raise FaultError(f"samples must be {len(strikes)} rows of 0..{len(codes) - 1}")
        rows, counts = self._rows(strikes), np.zeros(len(strikes), np.int64)
        outputs = np.zeros((len(strikes), self.design.network.output.size), np.int64)
        when, flags = (
            np.zeros(len(strikes), np.int64),
            np.zeros((len(strikes), self._machine.flags), np.int64),
        )
        for sample in np.unique(samples):
            here = np.flatnonzero(samples == sample)
            lengths = np.diff(strikes.offsets)[here]
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            which = np.concatenate(
                [np.empty(0, np.int64)] + [np.arange(*strikes.offsets[i : i + 2]) for i in here]
            ).astype(np.int64)
            found = self._run(codes[sample], rows[which], offsets)
            outputs[here], counts[here], when[here], flags[here] = found
        weights = np.uint64(1) << np.arange(self._machine.flags, dtype=np.uint64)
        return StrikeResult(
            outputs, counts, when, (flags.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
        )

    def golden(self, inputs: ArrayLike, samples: ArrayLike) -> Codes:
        """Fault-free output codes of rows of ``inputs``."""
        samples = np.asarray(samples, dtype=np.int64)
        return self.run(StrikeList.of([()] * len(samples)), inputs, samples).outputs

    def _run(self, sample: Codes, strikes: Codes, offsets: Codes) -> tuple[Codes, Codes, Codes, Codes]:
        from netsurf.inject import portable_cycle

        faults = len(offsets) - 1
        codes = np.zeros((faults, self.design.network.output.size), np.int64)
        counts, when = np.zeros(faults, np.int64), np.full(faults, -1, np.int64)
        flagged = np.zeros((faults, self._machine.flags), np.int64)
        golden = self._trace(sample)
        portable_cycle.run(
            self._machine.tables, self.copies, sample, golden, offsets, strikes, codes, counts, when, flagged
        )
        return codes, counts, when, flagged

    def _trace(self, sample: Codes) -> tuple[Any, ...]:
        """The fault-free run of a sample behind a fault-free run of the same sample."""
        from netsurf.inject import portable_cycle

        cycles, slots = window(self.latency), len(self._machine.tables[6])
        states = np.zeros((cycles + 1, slots), np.int64)
        sent = np.zeros(cycles + 1, np.int64)
        for _ in range(2):
            counts = np.zeros(cycles + 1, np.int64)
            state = states[-1:].copy()
            first, when = portable_cycle.trace(
                self._machine.tables, state, sample, cycles, states, sent, counts
            )
        return states, sent, counts, first, when

    def _rows(self, strikes: StrikeList) -> Codes:
        """Strikes as the kernel reads them: cycle, what, who, where, place, bit plane."""
        rows = np.zeros((len(strikes.sites), 6), np.int64)
        rows[:, 0] = strikes.cycles
        if len(rows) and rows[:, 0].min() < 0:
            raise FaultError(
                "a strike needs a cycle from 0 on; use a fault list for upsets before the inference"
            )
        register, element, bit = self.registers.locate(strikes.sites[~strikes.stored])
        here = self._targets[register].copy()
        moves = here[:, 0] == _ON_REGISTER
        here[moves, 2] += element[moves]
        rows[~strikes.stored, 1:4] = here
        rows[~strikes.stored, 4] = element
        rows[~strikes.stored, 5] = bit
        rows[strikes.stored, 1:] = self._stored(strikes.sites[strikes.stored])
        return rows

    def _stored(self, sites: Codes) -> Codes:
        space = self.design.space
        space.require(sites)
        found = [space.site(int(site)) for site in sites]
        numbers = {name: number for number, name in enumerate(self._machine.tensors)}
        rows = [(_ON_STORED, s.replica, numbers[s.tensor], s.index, s.bit) for s in found]
        return np.array(rows, dtype=np.int64).reshape(-1, 5)


@dataclass(slots=True)
class _Machine:
    """Tables for the kernel, and where things are in them."""

    tables: tuple[Any, ...]
    slots: dict[str, int]
    tensors: tuple[str, ...]
    flags: int


@dataclass(slots=True)
class _Builder:
    """Tables that grow while the layers are walked."""

    stages: list[list[int]]
    steps: list[Step]
    slots: dict[str, int]
    formats: list[tuple[int, int]]
    pending: list[Step]
    gated: bool = False

    def slot(self, name: str, elements: int, width: int, signed: bool = False) -> int:
        """Slots of a register; the number of the first."""
        first = self.slots[name] = len(self.formats)
        self.formats += [(width, int(signed))] * elements
        return first

    def table(self, steps: list[Step]) -> list[int]:
        """First and end row of some steps."""
        first = len(self.steps)
        self.steps += steps
        return [first, len(self.steps)]


def _machine(design: DesignPoint, factors: Mapping[str, int]) -> _Machine:
    """Walk the chain as the emitter does."""
    network = design.network
    tensors = tuple(network.parameters)
    build = _Builder([], [], {}, [], [])
    sizes = _beats(network, factors)
    current, previous, elements, per_beat = network.input.format, INPUT, network.input.size, sizes[0]
    for layer, wanted in zip(network.layers, sizes[1:], strict=True):
        if layer.inputs != (previous,) or layer.kind not in ("dense", "relu", "linear", "flatten"):
            raise UnsupportedLayerError(
                f"{network.name}.{layer.name}: the cycle model takes chains of dense, relu, linear, flatten"
            )
        previous = layer.name
        if layer.kind == "dense":
            factor = factors.get(layer.name, 1)
            current = _dense(build, layer, current, elements, factor, wanted, tensors)
            elements, per_beat = layer.output.size, wanted
            _assign(build, current, layer.output.format)
        elif layer.kind != "flatten":
            _assign(build, current, layer.output.format, rectify=layer.kind == "relu" and current.signed)
        current = layer.output.format
    if not build.stages:  # a network without a dense layer ends in one vector register
        _feed(build, "y", current, elements, per_beat)
    final = np.array([*build.table(build.pending), elements, int(build.gated)], dtype=np.int64)
    weights, table, protected = _tensors(design, build)
    tables = (
        np.array(build.stages, dtype=np.int64),
        encode(build.steps),
        final,
        table,
        weights,
        protected,
        np.array(build.formats, dtype=np.int64).reshape(-1, 2),
    )
    return _Machine(tables, build.slots, tensors, len(tensors) + 1)


def _beats(network: Any, factors: Mapping[str, int]) -> list[int]:
    """Elements a beat in front of each layer and behind the last."""
    sizes = [network.output.size]
    for layer in reversed(network.layers):
        factor = factors.get(layer.name) if layer.kind == "dense" else None
        sizes.append(network.spec(layer.inputs[0]).size // factor if factor else sizes[-1])
    return sizes[::-1]


def _assign(build: _Builder, source: FixedFormat, target: FixedFormat, rectify: bool = False) -> None:
    """An elementwise assignment, unless no code would change (``ns_requantize`` is left out then)."""
    if rectify or source != target:
        build.pending.append(Step(source.fraction, target, rectify))
    build.gated |= not _lossless(source, target)


def _lossless(source: FixedFormat, target: FixedFormat) -> bool:
    """Whether the emitter leaves out ``ns_requantize``, which gives 0 where there is nothing valid."""
    same = (source.width, source.fraction, source.signed) == (target.width, target.fraction, target.signed)
    return source == target or (same and not (target.overflow == "SAT_SYM" and target.signed))


def _dense(
    build: _Builder,
    layer: Layer,
    x: FixedFormat,
    inputs: int,
    factor: int,
    wanted: int,
    tensors: tuple[str, ...],
) -> FixedFormat:
    """The stage of a dense layer, and the vector register behind it if there is one."""
    kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
    accumulator, outputs, per_beat = layer.attributes["accumulator"], layer.output.size, inputs // factor
    fraction, name = x.fraction + kernel.format.fraction, layer.name
    sums = build.slot(f"{name}.acc", outputs, accumulator.width, accumulator.signed)
    done = build.slot(f"{name}.done", 1, 1)
    serial, row_bits = [0] * 6, max(1, (factor - 1).bit_length())
    if factor > 1:
        serial = [
            build.slot(f"{name}.x", per_beat, x.width, x.signed),
            build.slot(f"{name}.w", per_beat * outputs, kernel.format.width, kernel.format.signed),
            build.slot(f"{name}.row", 1, row_bits),
            *(build.slot(f"{name}.{flag}", 1, 1) for flag in ("mac", "first", "last")),
        ]
    exact = accumulator.overflow == "WRAP" and accumulator.fraction >= fraction
    build.stages.append(
        [
            _SERIAL if factor > 1 else _PARALLEL,
            *(inputs, outputs, per_beat, factor, sums, done, *serial),
            *(tensors.index(kernel.name), tensors.index(bias.name)),
            *build.table(build.pending),
            *build.table([Step(fraction, accumulator)]),
            *build.table([Step(accumulator.fraction, accumulator)]),
            *build.table([] if bias.format == accumulator else [Step(bias.format.fraction, accumulator)]),
            *(int(exact), max(accumulator.fraction - fraction, 0), row_bits),
        ]
    )
    build.pending, build.gated = [], False
    if factor > 1 or wanted != outputs:
        _feed(build, name, accumulator, outputs, wanted)
    return accumulator


def _feed(build: _Builder, name: str, sums: FixedFormat, elements: int, per_beat: int) -> None:
    """The stage of a vector register."""
    beats = elements // per_beat
    data = build.slot(f"{name}.feed", elements, sums.width, sums.signed)
    valid = build.slot(f"{name}.feed_valid", 1, 1)
    bits = max(1, (beats - 1).bit_length())
    beat = build.slot(f"{name}.feed_beat", 1, bits) if beats > 1 else 0
    steps = build.table(build.pending)
    build.stages.append(
        [_FEED, elements, elements, per_beat, beats, data, valid, beat, *[0] * 7, *steps, *[0] * 8, bits]
    )
    build.pending, build.gated = [], False


def _tensors(design: DesignPoint, build: _Builder) -> tuple[Codes, Codes, Codes]:
    """All weights in a row; of each tensor offset, width, sign, elements read together and error flag."""
    names = list(design.network.parameters)
    read = {stage[13]: stage[3] * stage[2] for stage in build.stages if stage[0] != _FEED}
    read |= {stage[14]: stage[2] for stage in build.stages if stage[0] != _FEED}
    codes, rows, masks, offset = [np.empty(0, np.int64)], [], [np.empty(0, np.int64)], 0
    for number, name in enumerate(names):
        parameter, first = design.network.parameters[name], design.space.offsets[name]
        width = parameter.format.width
        mask = design.space.is_protected[first : first + parameter.stored_bits].reshape(-1, width)
        rows.append((offset, width, int(parameter.format.signed), read[number], number))
        codes.append(parameter.codes.reshape(-1))
        masks.append((mask.astype(np.int64) << np.arange(width)).sum(axis=1))
        offset += parameter.codes.size
    return np.concatenate(codes), np.array(rows, dtype=np.int64).reshape(-1, 5), np.concatenate(masks)


def _targets(registers: RegisterSpace, machine: _Machine, copies: int) -> Codes:
    """What a strike on each register acts on: ``(what, who, where)``."""
    flags = {f"{name}.error": number for number, name in enumerate((*machine.tensors, "datapath"))}
    rows = []
    for register in registers.registers:
        tensor, _, role = register.name.rpartition(".")
        if register.kind == VOTER_INPUT and tensor in machine.tensors:
            rows.append((_ON_VOTER, _PORTS[role], machine.tensors.index(tensor)))
        elif register.name in flags:
            rows.append((_ON_FLAG, 0, flags[register.name]))
        elif register.name in machine.slots and register.replica < copies:
            rows.append((_ON_REGISTER, register.replica, machine.slots[register.name]))
        else:
            raise UnsupportedLayerError(f"the cycle model does not know the register {register.label}")
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
