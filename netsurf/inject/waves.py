"""Waves: what every single upset of one layer does, in compiled code, sample by sample.

The layer that is upset becomes a *front*, the layers behind it a program of operations
(:mod:`netsurf.inject.lowering`), both as flat tables that ``waves.cpp`` reads. The delta rung in NumPy is the
portable kernel of the same integers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsurf.fixed import flip_bit
from netsurf.inject.chain import Chain, chain_of
from netsurf.inject.golden import Golden, downstream
from netsurf.inject.judge import Judge, Scores
from netsurf.inject.kinds.dense import moves
from netsurf.inject.lowering import (
    AVERAGE,
    COPY,
    EACH,
    FULL,
    INT16,
    INT32,
    MAXIMUM,
    Draft,
    Link,
    Operation,
    Refused,
    Rows,
    fits,
    lower,
    mark_needed,
    normalisation,
    range_of,
    short,
    sums_of,
)
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import encode, image
from netsurf.inject.workers import Kernels, shares
from netsurf.ir import Parameter

Codes = NDArray[np.int64]

LANES = 16
"""Channels of a row are padded to a multiple of this many; ``waves.cpp`` has the same number."""

MEMO = 1 << 18
"""Most (element, value) pairs of a tensor whose outcomes are kept while a sample is worked on."""

TOUCH = 1 << 27
"""Most (source row, target row) pairs of an operation: bits of a table of which row reads which."""

KEPT = 1 << 14
"""Pairs whose outputs are kept until they are judged together."""


def _padded(channels: int) -> int:
    return -(-channels // LANES) * LANES


class _Program(ctypes.Structure):
    """As ``Program`` in ``waves.cpp``."""

    _fields_ = [
        *(
            (name, ctypes.c_int64)
            for name in ("tensors_count", "ops_count", "elements", "memo_size", "outsides_count", "output")
        ),
        *(
            (name, ctypes.c_void_p)
            for name in (
                *("tensors", "ops", "links", "steps", "tables", "affine", "lists", "entries", "touch"),
                *("weights", "each", "starts", "outsides", "outside_codes"),
            )
        ),
    ]


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
    ]


class _Pool:
    """Arrays that grow by pieces, and where each piece begins."""

    def __init__(self, kind: type) -> None:
        self.kind, self.pieces, self.size = kind, [], 0

    def put(self, piece: object) -> int:
        """Append; the place of the first element."""
        piece = np.asarray(piece).astype(self.kind).reshape(-1)
        at, self.size = self.size, self.size + piece.size
        self.pieces.append(piece)
        return at

    def array(self) -> NDArray:
        """All of it, never empty."""
        return np.concatenate([*self.pieces, np.zeros(1, self.kind)])


@dataclass(eq=False)
class Program:
    """A draft as ``waves.cpp`` reads it.

    Parameters
    ----------
    arrays
        What the structure points to, kept alive.
    output
        Number of the tensor that is the network's output.
    front_links
        Place and number of the front's links; none without a front.
    """

    draft: Draft
    output: int
    front: Operation | None = None
    arrays: dict[str, NDArray] = field(default_factory=dict)
    front_links: tuple[int, int] = (0, 0)
    memo_size: int = 0
    elements: int = 0

    @classmethod
    def of(cls, draft: Draft, output: int, front: Operation | None = None) -> Program:
        """Lay out a draft.

        Raises
        ------
        Refused
            If its tables would be too long.
        """
        mark_needed(draft, output)
        program = cls(draft, output, front)
        program._encode()
        return program

    @property
    def multiplications(self) -> int:
        """Products of one sample through all operations, rows that nothing reads left out."""
        return sum(_products(operation) for operation in self.draft.operations)

    def structure(self, outside: Sequence[NDArray]) -> tuple[_Program, list]:
        """The structure, and what must live as long as it does."""
        draft = self.draft
        pointers = (ctypes.c_void_p * max(len(outside), 1))(*(codes.ctypes.data for codes in outside))
        numbers = np.array([*draft.outside.values(), 0], np.int64)
        sizes = len(draft.tensors), len(draft.operations), self.elements, self.memo_size, len(outside)
        tables = [self.arrays[name].ctypes.data for name, _ in _Program._fields_[6:-2]]
        made = _Program(*sizes, self.output, *tables, numbers.ctypes.data, ctypes.addressof(pointers))
        return made, [pointers, numbers, *outside, self]

    def _encode(self) -> None:
        pools = {name: _Pool(kind) for name, kind in _POOLS.items()}
        self._tensors()
        ops = [self._operation(operation, pools) for operation in self.draft.operations]
        if self.front is not None:
            self.front_links = _links(self.front, self.draft, pools), len(self.front.links)
        self.arrays |= {name: pool.array() for name, pool in pools.items()}
        self.arrays["ops"] = np.array([*ops, [0] * 15], np.int64)

    def _tensors(self) -> None:
        rows, cuts = [], _cuts(self.draft, self.front)
        for number, tensor in enumerate(self.draft.tensors):
            low, high = tensor.range
            values, padded = high - low + 1, _padded(tensor.channels)
            size = tensor.positions * tensor.channels * values
            memo = self.memo_size if number in cuts and size <= MEMO else -1
            rows.append((tensor.positions, tensor.channels, padded, self.elements, low, values, memo))
            self.memo_size += size if memo >= 0 else 0
            self.elements += tensor.positions * padded
        self.arrays["tensors"] = np.array(rows, np.int64)

    def _operation(self, operation: Operation, pools: dict[str, _Pool]) -> tuple[int, ...]:
        """The fields of ``Op``."""
        source = self.draft.tensors[operation.sources[0]]
        target = self.draft.tensors[operation.target]
        count = len(operation.positions)
        if source.positions * count > TOUCH:
            raise Refused(f"an operation of {source.positions} on {count} rows is too large")
        weight_at, stride = _put_weights(operation, pools)
        start_at = 0
        if operation.starts is not None:
            padding = 0 if operation.kind == AVERAGE else _padded(target.channels) - target.channels
            start_at = pools["starts"].put(np.pad(operation.starts, (0, padding)))
        sources = (*operation.sources, -1)[:2]
        lists, touch = _put_positions(operation, source.positions, pools)
        place = lists, touch, -(-count // 64), weight_at, stride, start_at
        links = _links(operation, self.draft, pools), len(operation.links)
        return operation.kind, *sources, operation.target, count, *place, *links, *operation.lifts


_POOLS = {
    "links": np.int64,
    "steps": np.int64,
    "tables": np.int32,
    "affine": np.int32,
    "lists": np.int64,
    "entries": np.int32,
    "touch": np.uint64,
    "weights": np.int16,
    "each": np.int32,
    "starts": np.int32,
}

LINK = 10
"""Fields of ``Link`` in ``waves.cpp``."""


def _products(operation: Operation) -> int:
    """Products of one operation on the rows that are needed."""
    if operation.kind not in (FULL, EACH):
        return 0
    taps = int((operation.positions[operation.needed] >= 0).sum())
    return taps * (operation.weights[0].size)


def _cuts(draft: Draft, front: Operation | None) -> set[int]:
    """Tensors through which alone everything behind them depends on an upset."""
    if front is None:
        return set()
    cuts, writers = set(), [front, *draft.operations]
    for place, writer in enumerate(writers):
        moved = {earlier.target for earlier in writers[:place]}
        if not any(moved & set(later.sources) for later in writers[place + 1 :]):
            cuts.add(writer.target)
    return cuts


def _put_weights(operation: Operation, pools: dict[str, _Pool]) -> tuple[int, int]:
    """Weights in pairs of source channels, or channel by channel; their place, and the length of a tap's."""
    if operation.kind == FULL:
        packed = pack(operation.weights)
        return pools["weights"].put(packed), packed[0].size
    if operation.kind == EACH:
        channels = operation.weights.shape[-1]
        wide = np.pad(operation.weights, ((0, 0), (0, _padded(channels) - channels)))
        return pools["each"].put(wide), wide.shape[1]
    return 0, 0


def pack(weights: Codes) -> NDArray[np.int16]:
    """``(taps, sources, targets)`` as ``(taps, pairs of sources, padded targets, 2)``."""
    taps, sources, targets = weights.shape
    wide = np.zeros((taps, _padded(sources), _padded(targets)), np.int16)
    wide[:, :sources, :targets] = weights
    pairs = wide.reshape(taps, wide.shape[1] // 2, 2, wide.shape[2])
    return np.ascontiguousarray(pairs.transpose(0, 1, 3, 2))


def _put_positions(operation: Operation, sources: int, pools: dict[str, _Pool]) -> tuple[int, int]:
    """Lists of what each row reads, and bits of which rows read each."""
    positions, needed = operation.positions, operation.needed
    rows, taps = np.nonzero(positions >= 0)
    read = positions[rows, taps]
    base = pools["entries"].size // 2
    lists = pools["lists"].put(base + np.searchsorted(rows, np.arange(len(positions) + 1)))
    pools["entries"].put(np.stack([read, taps], axis=1))
    words = -(-len(positions) // 64)
    bits = np.zeros((sources + 1, words * 64), dtype=bool)
    bits[read[needed[rows]], rows[needed[rows]]] = True
    bits[sources, : len(positions)] = needed
    packed = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
    return lists, pools["touch"].put(packed)


def _links(operation: Operation, draft: Draft, pools: dict[str, _Pool]) -> int:
    """Append the links of an operation; the number of the first."""
    first = pools["links"].size // LINK
    channels = draft.tensors[operation.target].channels
    for link in operation.links:
        pools["links"].put(_link(link, channels, pools))
    return first


def _link(link: Link, channels: int, pools: dict[str, _Pool]) -> tuple[int, ...]:
    """The fields of ``Link``."""
    if link.scale is not None:
        places = [
            pools["affine"].put(np.pad(part, (0, _padded(channels) - channels)))
            for part in (link.scale, link.start)
        ]
        return *places, 0, 0, 0, 0, 0, 0, -1, 0
    if link.table is not None:
        low, high = link.range
        return -1, 0, 0, 0, low, high, 0, 0, pools["tables"].put(link.table), low
    if (found := short(link.steps, *link.range)) is not None:
        return -1, 0, *found, 0, 0, -1, 0
    steps = encode(link.steps)
    return -1, 0, 0, 0, 0, 0, pools["steps"].put(steps) // steps.shape[1], len(steps), -1, 0


@dataclass(eq=False)
class Waves:
    """A unit's front and the program behind it.

    Parameters
    ----------
    gather
        ``int32 (taps of the layer, taps of the pooling, lanes)``: row of the input, or -1 for padding.
    places
        Row of the front's tensor that each lane is.
    channels
        Input channels of a tap.
    """

    bounds: Bounds
    program: Program
    gather: NDArray[np.int32]
    places: NDArray[np.int32]
    channels: int

    @classmethod
    def of(cls, golden: Golden, bounds: Bounds) -> Waves | str:
        """Lower a unit and what follows it, or say why that is not exact or not known."""
        try:
            return _build(golden, bounds)
        except Refused as refused:
            return str(refused)

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
    reached = min(span[0], bounds.low) - bounds.summation.change, max(span[1], bounds.high) + bounds.summation.change
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
    from netsurf.inject.lowering import then

    kind = unit.kind.linear
    then(draft, front, unit.layer, Link(own, kind.steps(unit.layer, unit.spec)))
    lower(draft, layers)
    pooled = _join_pool(draft, front)
    output = draft.names[network.layers[-1].name]
    program = Program.of(draft, output, front)
    return Waves(bounds, program, *_lanes(front, pooled), rows.channels)


def _front_parts(bounds: Bounds, rows: Rows) -> dict[str, object]:
    """Kind, positions, weights and starts of the layer that is upset."""
    layer, spec = bounds.unit.layer, bounds.unit.spec
    if layer.kind == "batchnorm":
        scale, starts, _ = normalisation(layer, spec)
        positions = np.arange(rows.positions)[:, None]
        return {"kind": EACH, "positions": positions, "weights": scale[None], "starts": starts}
    if layer.kind not in ("conv", "depthwise", "dense"):
        raise Refused(f"layer '{layer.name}' is a {layer.kind}")
    if layer.kind == "dense":
        return sums_of(layer, Rows(1, spec.size, rows.range), spec)
    return sums_of(layer, rows, spec)


def _join_pool(draft: Draft, front: Operation) -> Codes | None:
    """Make a pooling that alone reads the front part of it; source row under each tap of each window."""
    readers = [op for op in draft.operations if front.target in op.sources]
    if len(readers) != 1 or readers[0].kind != MAXIMUM or readers[0] is not draft.operations[0]:
        return None
    pool = readers[0]
    for link in pool.links:  # what is monotone may as well come before the largest is taken
        if not link.steps or image(link.steps, *link.range).broken:
            return None
    if pool.links and front.links[-1].steps:
        front.links[-1] = Link(front.links[-1].range, front.links[-1].steps + pool.links[0].steps)
    else:
        front.links += pool.links
    draft.operations.remove(pool)
    draft.tensors[front.target].positions = 0
    del draft.writers[front.target]
    front.target = pool.target
    draft.writers[pool.target] = front
    first = np.take_along_axis(pool.positions, (pool.positions >= 0).argmax(axis=1)[:, None], axis=1)
    return np.where(pool.positions >= 0, pool.positions, first)  # the largest of one twice is the same


def _lanes(front: Operation, pooled: Codes | None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row of the input under each tap of the layer, in each place of the pooling's windows, in each lane."""
    places = np.flatnonzero(front.needed)
    windows = places[:, None] if pooled is None else pooled[places]
    lanes = _padded(max(len(places), 1))
    gather = np.full((front.positions.shape[1], windows.shape[1], lanes), -1, np.int32)
    gather[:, :, : len(places)] = front.positions[windows].transpose(2, 1, 0)
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
        from netsurf.inject.kinds.batchnorm import _gain

        change = (new - old) << _gain(layer, spec, role)
    else:
        change = np.broadcast_to(moves(layer, spec, role, 1, old, new), new.shape)
    if not fits(int(change.min()), int(change.max())):
        raise Refused(f"'{parameter.name}': an upset changes sums by more than 32 bits")
    rows = np.prod(front.weights.shape[:-1]) * (channels if front.kind == EACH else 1)
    if role == "bias":
        row = np.full(new.shape, rows)
    else:
        row = index if front.kind == EACH else index // channels
    return tuple(part.reshape(-1).astype(np.int32) for part in (row, index % channels, change))


def _sink_rows(waves: Waves) -> int:
    output = waves.program.draft.tensors[waves.program.output]
    return output.positions * output.channels


class Run:
    """Waves, the data they run on, and a compiled library."""

    def __init__(self, golden: Golden, waves: Waves, parameters: Sequence[Parameter], kernels: Kernels) -> None:
        self.waves, self.kernels = waves, kernels
        self.library = kernels.waves
        bounds, front, program = waves.bounds, waves.program.front, waves.program
        outside = [
            np.ascontiguousarray(golden.flat(name).astype(np.int32)) for name in program.draft.outside
        ]
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
        """Fault, sample and outputs of every pair whose outputs may differ from golden ones, some at a time."""
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
"""Waves serve an element of a dense layer for which the memo rung's table has no more than so many rows an upset."""


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
    """Whether waves beat the tables of the memo rung: those of a chain are compiled, and those of few upsets long."""
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
        result[parameter.name] = Scores(*(None if p is None else p[part] for p in (total.correct, total.sdc, total.loss)))
    return result


def _judged(golden: Golden, judge: Judge, run: Run, kernels: Kernels) -> Scores:
    def part(share: range) -> Scores:
        total = Scores.zeros(run.faults, judge.loss)
        for fault, sample, outputs in run.changed(share):
            tally = judge.tally(outputs, sample, fault, run.faults)
            for mine, theirs in zip(total.parts(), tally.parts(), strict=True):
                mine += theirs
        return total

    total = Scores.zeros(run.faults, judge.loss)
    for share in kernels.each(part, shares(golden.samples, kernels.jobs)):
        for mine, theirs in zip(total.parts(), share.parts(), strict=True):
            mine += theirs
    return total
