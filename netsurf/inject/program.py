"""Program: operations as the flat tables that ``waves.cpp`` reads."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.lowering import normalisation, products
from netsurf.inject.operations import (
    AVERAGE,
    EACH,
    FULL,
    INT16,
    Draft,
    Link,
    Operation,
    Refused,
    Rows,
    fits,
    mark_needed,
    short,
)
from netsurf.inject.steps import encode
from netsurf.ir import Layer, TensorSpec

Codes = NDArray[np.int64]

LANES = 16
"""Channels of a row are padded to a multiple of this many; ``waves.cpp`` has the same number."""

MEMO = 1 << 18
"""Most (element, value) pairs of a tensor whose outcomes are kept while a sample is worked on."""

ROW = 64
"""Longest row whose outcome is kept as a whole while a sample is worked on."""

TOUCH = 1 << 27
"""Most (source row, target row) pairs of an operation: bits of a table of which row reads which."""


def padded(channels: int) -> int:
    """Lanes of a row."""
    return -(-channels // LANES) * LANES


class Structure(ctypes.Structure):
    """As ``Program`` in ``waves.cpp``."""

    _fields_ = [
        *(
            (name, ctypes.c_int64)
            for name in (
                "tensors_count",
                "ops_count",
                "elements",
                "sums_size",
                "memo_size",
                "outsides_count",
                "output",
                "remembered",
            )
        ),
        *(
            (name, ctypes.c_void_p)
            for name in (
                *("tensors", "ops", "links", "steps", "tables", "affine", "lists", "entries", "touch"),
                *("weights", "each", "starts", "outsides", "outside_codes"),
            )
        ),
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
    stored
        What to write where if a layer stores other codes: one entry a pool, place and layer.
    """

    draft: Draft
    output: int
    front: Operation | None = None
    arrays: dict[str, NDArray] = field(default_factory=dict)
    front_links: tuple[int, int] = (0, 0)
    memo_size: int = 0
    elements: int = 0
    sums_size: int = 0
    remembered: int = -1
    stored: list[Stored] = field(default_factory=list)

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
        return sum(operation.products for operation in self.draft.operations)

    def structure(
        self, outside: Sequence[NDArray], arrays: Mapping[str, NDArray] | None = None
    ) -> tuple[Structure, list]:
        """The structure, with these arrays or its own, and what must live as long as it does."""
        arrays = self.arrays if arrays is None else arrays
        draft = self.draft
        pointers = (ctypes.c_void_p * max(len(outside), 1))(*(codes.ctypes.data for codes in outside))
        numbers = np.array([*draft.outside.values(), 0], np.int64)
        sizes = len(draft.tensors), len(draft.operations), self.elements, self.sums_size, self.memo_size
        tables = [arrays[name].ctypes.data for name, _ in Structure._fields_[8:-2]]
        made = Structure(
            *sizes,
            len(outside),
            self.output,
            self.remembered,
            *tables,
            numbers.ctypes.data,
            ctypes.addressof(pointers),
        )
        return made, [pointers, numbers, arrays, *outside]

    def _encode(self) -> None:
        pools = {name: _Pool(kind) for name, kind in _POOLS.items()}
        self._tensors()
        ops = [self._operation(operation, pools) for operation in self.draft.operations]
        if self.front is not None:
            self.front_links = _links(self.front, self.draft, pools, self.stored), len(self.front.links)
        self.arrays |= {name: pool.array() for name, pool in pools.items()}
        self.arrays["ops"] = np.array([*ops, [0] * 16], np.int64)

    def _tensors(self) -> None:
        rows, cuts = [], _cuts(self.draft, self.front)
        self.remembered = next((n for n in cuts if n != self.output and self._is_short_row(n)), -1)
        for number, tensor in enumerate(self.draft.tensors):
            low, high = tensor.range
            values, lanes = high - low + 1, padded(tensor.channels)
            size = tensor.positions * tensor.channels * values
            memo = self.memo_size if number in cuts and size <= MEMO else -1
            rows.append((tensor.positions, tensor.channels, lanes, self.elements, low, values, memo))
            self.memo_size += size if memo >= 0 else 0
            self.elements += tensor.positions * lanes
        self.arrays["tensors"] = np.array(rows, np.int64)

    def holding(self, parameters: Mapping[str, Codes]) -> dict[str, NDArray]:
        """The arrays, with other codes in some stored tensors."""
        network = self.draft.network
        arrays = dict(self.arrays)
        for held in self.stored:
            if not any(p.name in parameters for p in held.layer.parameters.values()):
                continue
            codes = {role: parameters.get(p.name, p.codes) for role, p in held.layer.parameters.items()}
            pieces = held.pieces(network.spec(held.layer.inputs[0]), codes)
            for (name, at), piece in zip((held.first, held.second), pieces, strict=True):
                if arrays[name] is self.arrays[name]:
                    arrays[name] = arrays[name].copy()
                arrays[name][at : at + piece.size] = piece.reshape(-1)
        return arrays

    def _is_short_row(self, number: int) -> bool:
        """Whether a tensor is one row that an operation writes, short enough to be remembered as a whole."""
        tensor = self.draft.tensors[number]
        behind = self.front is not None and number != self.front.target
        return behind and tensor.positions == 1 and tensor.channels <= ROW and fits(*tensor.range, INT16)

    def _operation(self, operation: Operation, pools: dict[str, _Pool]) -> tuple[int, ...]:
        """The fields of ``Op``."""
        source = self.draft.tensors[operation.sources[0]]
        target = self.draft.tensors[operation.target]
        count, window, _ = operation.read.shape
        if source.positions * count > TOUCH:
            raise Refused(f"an operation of {source.positions} on {count} rows is too large")
        pool, weight_at, stride = _put_weights(operation, pools)
        start_at = 0
        if operation.starts is not None:
            padding = 0 if operation.kind == AVERAGE else padded(target.channels) - target.channels
            start_at = pools["starts"].put(np.pad(operation.starts, (0, padding)))
        if operation.layer is not None:
            self.stored.append(Stored(operation.layer, operation, (pool, weight_at), ("starts", start_at)))
        sources = (*operation.sources, -1)[:2]
        lists, touch = _put_positions(operation, source, stride, pools)
        place = window, self.sums_size, lists, touch, -(-count // 64), weight_at, start_at
        self.sums_size += count * window * padded(target.channels) if operation.kind in (FULL, EACH) else 0
        links = _links(operation, self.draft, pools, self.stored), len(operation.links)
        return operation.kind, *sources, operation.target, count, *place, *links, *operation.lifts


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Where a program holds what a layer stores.

    Parameters
    ----------
    operation
        The operation whose weights the layer stores; None if it stores a link's scale and start.
    first, second
        Pool and place of the weights or scales, and of the starts.
    """

    layer: Layer
    operation: Operation | None
    first: tuple[str, int]
    second: tuple[str, int]

    def pieces(self, spec: TensorSpec, codes: Mapping[str, Codes]) -> tuple[NDArray, NDArray]:
        """What other codes make of both."""
        if self.operation is None:
            return normalisation(self.layer, spec, codes)[:2]
        weights, starts = products(self.layer, spec, self.operation.positions.shape[1], codes)
        return (pack(weights) if self.operation.kind == FULL else _wide(weights)), starts


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

LINK = 11
"""Fields of ``Link`` in ``waves.cpp``."""


def _cuts(draft: Draft, front: Operation | None) -> list[int]:
    """Tensors through which alone everything behind them depends on an upset, in order."""
    if front is None:
        return []
    cuts, writers = [], [front, *draft.operations]
    for place, writer in enumerate(writers):
        moved = {earlier.target for earlier in writers[:place]}
        if not any(moved & set(later.sources) for later in writers[place + 1 :]):
            cuts.append(writer.target)
    return cuts


def _put_weights(operation: Operation, pools: dict[str, _Pool]) -> tuple[str, int, int]:
    """Weights in pairs of source channels, or channel by channel; pool, place, and length of a tap's."""
    if operation.kind == FULL:
        packed = pack(operation.weights)
        return "weights", pools["weights"].put(packed), packed[0].size
    if operation.kind == EACH:
        wide = _wide(operation.weights)
        return "each", pools["each"].put(wide), wide.shape[1]
    return "", 0, 0


def _wide(weights: Codes) -> Codes:
    """``(taps, channels)``, channels padded."""
    return np.pad(weights, ((0, 0), (0, padded(weights.shape[1]) - weights.shape[1])))


def pack(weights: Codes) -> NDArray[np.int16]:
    """``(taps, sources, targets)`` as ``(taps, pairs of sources, padded targets, 2)``."""
    taps, sources, targets = weights.shape
    wide = np.zeros((taps, padded(sources), padded(targets)), np.int16)
    wide[:, :sources, :targets] = weights
    pairs = wide.reshape(taps, wide.shape[1] // 2, 2, wide.shape[2])
    return np.ascontiguousarray(pairs.transpose(0, 1, 3, 2))


def _put_positions(
    operation: Operation, source: Rows, stride: int, pools: dict[str, _Pool]
) -> tuple[int, int]:
    """Lists of what each row reads, and bits of which rows read each."""
    count, window, _ = operation.read.shape
    positions, needed = operation.read.reshape(count * window, -1), operation.needed
    sums, taps = np.nonzero(positions >= 0)
    read, rows = positions[sums, taps], sums // window
    base = pools["entries"].size // 2
    lists = pools["lists"].put(base + np.searchsorted(sums, np.arange(len(positions) + 1)))
    pools["entries"].put(np.stack([read * padded(source.channels), taps * stride], axis=1))
    words = -(-count // 64)
    bits = np.zeros((source.positions + 1, words * 64), dtype=bool)
    bits[read[needed[rows]], rows[needed[rows]]] = True
    bits[source.positions, :count] = needed
    packed = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
    return lists, pools["touch"].put(packed)


def _links(operation: Operation, draft: Draft, pools: dict[str, _Pool], stored: list[Stored]) -> int:
    """Append the links of an operation; the number of the first."""
    first = pools["links"].size // LINK
    channels = draft.tensors[operation.target].channels
    for link in operation.links:
        fields = _link(link, channels, pools)
        pools["links"].put(fields)
        if link.layer is not None:
            stored.append(Stored(link.layer, None, ("affine", fields[0]), ("affine", fields[1])))
    return first


def _link(link: Link, channels: int, pools: dict[str, _Pool]) -> tuple[int, ...]:
    """The fields of ``Link``."""
    if link.scale is not None:
        places = [
            pools["affine"].put(np.pad(part, (0, padded(channels) - channels)))
            for part in (link.scale, link.start)
        ]
        return *places, 0, 0, 0, 0, 0, 0, 0, -1, 0
    if link.table is not None:
        low, high = link.range
        return -1, 0, 0, 0, 0, low, high, 0, 0, pools["tables"].put(link.table), low
    if (found := short(link.steps, *link.range)) is not None:
        return -1, 0, *found, 0, 0, -1, 0
    steps = encode(link.steps)
    return -1, 0, 0, 0, 0, 0, 0, pools["steps"].put(steps) // steps.shape[1], len(steps), -1, 0
