"""Waves: what every single upset of one layer does, in compiled code, sample by sample.

The layer that is upset becomes a *front*, the layers behind it a program of operations
(:mod:`netsurf.inject.lowering`), both as flat tables that ``waves.cpp`` reads. The delta rung in NumPy is the
portable kernel of the same integers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.chain import Chain, chain_of
from netsurf.inject.golden import Golden, downstream
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.kinds.batchnorm import gain
from netsurf.inject.kinds.dense import moves
from netsurf.inject.lowering import codes_of, lower, normalisation, sums_of
from netsurf.inject.operations import (
    EACH,
    FULL,
    INT16,
    INT32,
    Draft,
    Link,
    Operation,
    Refused,
    Rows,
    fits,
    join_pools,
    range_of,
    then,
)
from netsurf.inject.program import Program, padded
from netsurf.inject.rungs import Bounds
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Parameter

Codes = NDArray[np.int64]

KEPT = 1 << 14
"""Pairs whose outputs are kept until they are judged together."""


class _Upsets(ctypes.Structure):
    """As ``Upsets`` in ``waves.cpp``, the front's eleven numbers first."""

    _fields_ = [
        ("front", ctypes.c_int64 * 11),
        *(
            (name, ctypes.c_void_p)
            for name in ("x", "gather", "weights", "starts", "places", "row", "channel", "change")
        ),
        ("faults", ctypes.c_int64),
    ]


class _Sink(ctypes.Structure):
    """As ``Sink`` in ``waves.cpp``."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("labels", "correct", "sdc")),
        *((name, ctypes.c_int64) for name in ("capacity", "kept")),
        *((name, ctypes.c_void_p) for name in ("fault", "sample", "outputs")),
        *((name, ctypes.c_int64) for name in ("sample_at", "fault_at")),
        *((name, ctypes.c_void_p) for name in ("first", "open")),
        ("open_count", ctypes.c_int64),
    ]


@dataclass(eq=False)
class Waves:
    """A unit's front and the program behind it.

    Parameters
    ----------
    gather
        ``int32 (taps of the layer, taps of the pooling, lanes)``: row of the input, or -1 for padding.
    places
        Row of the front's tensor that each lane is.
    """

    bounds: Bounds
    program: Program
    gather: NDArray[np.int32]
    places: NDArray[np.int32]

    @classmethod
    def of(cls, golden: Golden, bounds: Bounds) -> Waves | str:
        """Lower a unit and what follows it, or say why that is not exact or not known."""
        try:
            return _build(golden, bounds)
        except Refused as refused:
            return str(refused)

    @property
    def products(self) -> int:
        """Products of one upset in one sample, if every sum behind it moves: what cannot be shared.

        The front multiplies one plane, the first operation behind it one channel, the others all channels.
        """
        front, operations = self.program.front, self.program.draft.operations
        total = self.places.size * self.gather.shape[1]
        for operation in operations:
            taken = operation.products
            own = operation.kind == FULL and operation.sources == (front.target,)
            total += taken // operation.weights.shape[1] if own else taken
        return total

    def upsets(self, parameters: Sequence[Parameter]) -> tuple[NDArray, NDArray, NDArray]:
        """Row, channel and change of every upset of stored tensors, in site order."""
        parts = [_upsets(self, parameter) for parameter in parameters]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _build(golden: Golden, bounds: Bounds) -> Waves:
    unit, network = bounds.unit, golden.network
    if bounds.summation.mode != "exact":
        raise Refused(bounds.summation.reason)
    low, high = int(bounds.x.min()), int(bounds.x.max())
    *spatial, channels = unit.spec.shape
    rows = Rows(int(np.prod(spatial)), channels, (low, high))
    parts = _front_parts(bounds, rows)
    span = range_of(parts["weights"], parts["starts"], low, high)
    reached = (
        min(span[0], bounds.low) - bounds.summation.change,
        max(span[1], bounds.high) + bounds.summation.change,
    )
    if not fits(low, high, INT16) or not fits(*reached, INT32 >> 2):
        raise Refused(f"layer '{unit.layer.name}': inputs beyond 16 bits, or sums {reached} beyond 30")
    draft = Draft(network)
    target = draft.tensor(unit.layer.output, (bounds.low, bounds.high))
    front = Operation(sources=(), target=target, **parts)
    draft.names[unit.layer.name], draft.writers[target] = target, front
    layers = downstream(network, unit.layer.name)
    inside = {unit.layer.name, *(layer.name for layer in layers)}
    for name in dict.fromkeys(name for layer in layers for name in layer.inputs if name not in inside):
        codes = golden.tensors[name]
        draft.bring(name, int(codes.min()), int(codes.max()))
    own = (bounds.low, bounds.high)
    kind = unit.kind.linear
    then(draft, front, unit.layer, Link(own, kind.steps(unit.layer, unit.spec)))
    lower(draft, layers)
    join_pools(draft, front)
    output = draft.names[network.layers[-1].name]
    program = Program.of(draft, output, front)
    return Waves(bounds, program, *_lanes(front))


def _front_parts(bounds: Bounds, rows: Rows) -> dict[str, object]:
    """Kind, positions, weights and starts of the layer that is upset."""
    layer, spec = bounds.unit.layer, bounds.unit.spec
    if layer.kind == "batchnorm":
        scale, starts, _ = normalisation(layer, spec, codes_of(layer))
        positions = np.arange(rows.positions)[:, None]
        return {"kind": EACH, "positions": positions, "weights": scale[None], "starts": starts}
    if layer.kind not in ("conv", "depthwise", "dense"):
        raise Refused(f"layer '{layer.name}' is a {layer.kind}")
    if layer.kind == "dense":
        return sums_of(layer, Rows(1, spec.size, rows.range), spec)
    return sums_of(layer, rows, spec)


def _lanes(front: Operation) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row of the input under each tap of the layer, in each place of the pooling's windows, in each lane."""
    places = np.flatnonzero(front.needed)
    windows = front.read[places]
    lanes = padded(max(len(places), 1))
    gather = np.full((*windows.shape[:0:-1], lanes), -1, np.int32)
    gather[:, :, : len(places)] = windows.transpose(2, 1, 0)
    return gather, places.astype(np.int32)


def _upsets(waves: Waves, parameter: Parameter) -> tuple[NDArray, NDArray, NDArray]:
    layer, spec = waves.bounds.unit.layer, waves.bounds.unit.spec
    front = waves.program.front
    channels = front.weights.shape[-1]
    old = parameter.codes.reshape(-1)[:, None]
    new = flip_bit(old, np.arange(parameter.format.width), parameter.format)
    index = np.broadcast_to(np.arange(len(old))[:, None], new.shape)
    role = next(role for role, held in layer.parameters.items() if held is parameter)
    if layer.kind == "batchnorm":
        change = (new - old) << gain(layer, spec, role)
    else:
        change = np.broadcast_to(moves(layer, spec, role, 1, old, new), new.shape)
    if not fits(int(change.min()), int(change.max())):
        raise Refused(f"'{parameter.name}': an upset changes sums by more than 32 bits")
    rows = np.prod(front.weights.shape[:-1]) * (channels if front.kind == EACH else 1)
    row = index if front.kind == EACH else index // channels
    row = np.full(new.shape, rows) if role == "bias" else row
    return tuple(part.reshape(-1).astype(np.int32) for part in (row, index % channels, change))


def _sink_rows(waves: Waves) -> int:
    output = waves.program.draft.tensors[waves.program.output]
    return output.positions * output.channels


class Run:
    """Waves, the data they run on, and a compiled library."""

    def __init__(
        self, golden: Golden, waves: Waves, parameters: Sequence[Parameter], kernels: Kernels
    ) -> None:
        self.waves, self.kernels = waves, kernels
        self.library = kernels.waves
        bounds, front, program = waves.bounds, waves.program.front, waves.program
        outside = [np.ascontiguousarray(golden.flat(name).astype(np.int32)) for name in program.draft.outside]
        self.program, self.held = program.structure(outside)
        row, channel, change = waves.upsets(parameters)
        self.faults = len(row)
        each = front.kind == EACH
        weights = front.weights.astype(np.int32).reshape(-1)
        rows = weights.size if each else weights.size // front.weights.shape[-1]
        inputs = bounds.x.shape[1]
        arrays = {
            "x": np.ascontiguousarray(bounds.x.astype(np.int16)),
            "gather": waves.gather,
            "weights": weights,
            "starts": front.starts.astype(np.int32),
            "places": waves.places,
            "row": row,
            "channel": channel,
            "change": change,
        }
        groups = rows // waves.gather.shape[0]
        taps, lanes = waves.gather.shape[1:]
        shape = front.target, inputs, front.weights.shape[-1], rows, groups, taps, lanes, len(waves.places)
        numbers = (ctypes.c_int64 * 11)(*shape, *program.front_links, each)
        self.upsets = _Upsets(numbers, *(array.ctypes.data for array in arrays.values()), self.faults)
        self.held.append(arrays)

    def count(self, judge: Judge, samples: int) -> tuple[Codes, Codes, Codes]:
        """Change of correct, and SDCs, of every fault; and how many pairs changed, and ran to the end."""
        labels = np.ascontiguousarray(judge.labels)

        def part(share: range) -> NDArray:
            totals, work = np.zeros((2, max(self.faults, 1)), np.int64), np.zeros(2, np.int64)
            data = labels.ctypes.data, totals[0].ctypes.data, totals[1].ctypes.data
            sink = _Sink(*data, 0, 0, None, None, None, share.start, 0)
            self._call(share.stop, sink, work)
            return np.concatenate([totals.reshape(-1), work])

        parts = np.sum(self.kernels.each(part, shares(samples, self.kernels.jobs)), axis=0)
        return parts[: self.faults], parts[-2 - self.faults : -2], parts[-2:]

    def changed(self, share: range) -> Iterator[tuple[Codes, Codes, Codes]]:
        """Fault, sample and outputs of every pair whose outputs differ from golden ones, some at a time."""
        size = _sink_rows(self.waves)
        fault, sample = np.empty(KEPT, np.int64), np.empty(KEPT, np.int64)
        outputs, work = np.empty((KEPT, size), np.int64), np.zeros(2, np.int64)
        data = fault.ctypes.data, sample.ctypes.data, outputs.ctypes.data
        sink = _Sink(None, None, None, KEPT, 0, *data, share.start, 0)
        more = True
        while more:
            sink.kept = 0
            more = self._call(share.stop, sink, work)
            kept = sink.kept
            yield fault[:kept], sample[:kept], outputs[:kept]

    def first(self, samples: int) -> Codes:
        """The first sample in which each fault changes an output, or -1."""
        first, work = np.full(max(self.faults, 1), -1, np.int64), np.zeros(2, np.int64)

        def part(share: range) -> None:
            open_ = np.arange(share.start, share.stop, dtype=np.int64)
            sink = _Sink(first=first.ctypes.data, open=open_.ctypes.data, open_count=len(open_))
            self._call(samples, sink, work)

        self.kernels.each(part, shares(self.faults, self.kernels.jobs))
        return first[: self.faults]

    def _call(self, end: int, sink: _Sink, work: Codes) -> int:
        return int(
            self.library.netsurf_waves(
                ctypes.byref(self.program),
                ctypes.byref(self.upsets),
                ctypes.c_int64(end),
                ctypes.byref(sink),
                ctypes.c_void_p(work.ctypes.data),
            )
        )


WORTH = 32
"""Waves serve dense layers in which one element has no more upsets than so many times its values."""


def serve(golden: Golden, bounds: Bounds, rung: str, kernels: Kernels) -> Waves | None:
    """The waves that serve a unit in place of a rung; None if they cannot or are not worth it."""
    if rung not in ("memo", "delta") or kernels.waves is None:
        return None
    if rung == "memo" and not _worth(golden, bounds):
        return None
    found = of_unit(golden, bounds)
    return None if isinstance(found, str) else found


def of_unit(golden: Golden, bounds: Bounds) -> Waves | str:
    """The waves of a unit, lowered once, or why there are none."""
    if "waves" not in bounds.memory:
        bounds.memory["waves"] = Waves.of(golden, bounds)
    return bounds.memory["waves"]


def _worth(golden: Golden, bounds: Bounds) -> bool:
    """Whether waves beat the memo rung's tables, which are compiled for a chain, and pay with many upsets."""
    if "chain" not in bounds.memory:
        bounds.memory["chain"] = isinstance(chain_of(golden), Chain)
    values = bounds.image.high - bounds.image.low + 1
    upsets = bounds.x.shape[1] * bounds.unit.layer.parameters["kernel"].format.width
    return not bounds.memory["chain"] and upsets <= WORTH * values


def scores(golden: Golden, judge: Judge, waves: Waves, kernels: Kernels) -> dict[str, Scores]:
    """Scores of every upset of every stored tensor of a unit, in site order; found once a unit."""
    memory = waves.bounds.memory
    if "wave scores" not in memory:
        memory["wave scores"] = _scores(golden, judge, waves, kernels)
    return memory["wave scores"]


def _scores(golden: Golden, judge: Judge, waves: Waves, kernels: Kernels) -> dict[str, Scores]:
    parameters = list(waves.bounds.unit.layer.parameters.values())
    run = Run(golden, waves, parameters, kernels)
    if judge.classifies and not judge.loss:
        correct, sdc, _ = run.count(judge, golden.samples)
        total = Scores(correct, sdc, None)
    else:
        total = _judged(golden, judge, run, kernels)
    result, first = {}, 0
    for parameter in parameters:
        part = slice(first, first := first + parameter.stored_bits)
        result[parameter.name] = Scores(
            *(None if p is None else p[part] for p in (total.correct, total.sdc, total.loss))
        )
    return result


def _judged(golden: Golden, judge: Judge, run: Run, kernels: Kernels) -> Scores:
    def part(share: range) -> Scores:
        total = Scores.zeros(run.faults, judge.loss)
        for fault, sample, outputs in run.changed(share):
            total.add(judge.tally(outputs, sample, fault, run.faults))
        return total

    total = Scores.zeros(run.faults, judge.loss)
    for share in kernels.each(part, shares(golden.samples, kernels.jobs)):
        total.add(share)
    return total
