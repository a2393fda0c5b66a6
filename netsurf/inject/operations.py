"""Operations: what compiled waves know, and what is proved about it before they run.

An operation turns rows (all channels of one position) of a tensor into rows of another: sums of products
(``FULL`` for convolutions and dense layers, ``EACH`` for what works channel by channel), the largest or the
average of a window, the sum of two tensors, a copy. Behind it comes a chain of links, element by element: a
scale and a start, steps, a table. A dense layer is a convolution with one window.

What is proved, for every value that the tensor under an upset can take and whatever follows from it: every
intermediate is a 32-bit integer, and codes, their differences and weights that are multiplied are 16-bit
integers. What does not fit is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from netsurf.inject.steps import Step, apply, image
from netsurf.ir import Layer, Network, TensorSpec

Codes = NDArray[np.int64]
Range = tuple[int, int]

INT32, INT16 = (1 << 31) - 1, (1 << 15) - 1

CANONICAL = 1 << 20
"""Longest range of sums on which steps are compared with their short form."""

FULL, EACH, MAXIMUM, AVERAGE, ADD, COPY = range(6)
"""Kinds of operation, as ``waves.cpp`` counts them."""


class Refused(Exception):
    """Layers that compiled waves do not serve, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """What happens to one element behind an operation: exactly one of three things.

    Parameters
    ----------
    range
        Codes that come in.
    steps
        Assignments.
    scale, start
        ``code * scale + start``, one of each a channel.
    table
        Code that each of the codes of ``range`` becomes.
    contents
        Other scales and starts to prove: the ends of what the layer can store. Empty for golden codes alone.
    layer
        The layer that stores scale and start.
    """

    range: Range
    steps: tuple[Step, ...] = ()
    scale: Codes | None = None
    start: Codes | None = None
    table: Codes | None = None
    contents: tuple[tuple[Codes, Codes], ...] = ()
    layer: Layer | None = None


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a program.

    Parameters
    ----------
    kind
        :data:`FULL` and so on.
    sources
        Tensors that are read: one, or two for an addition.
    target
        The tensor that is written.
    positions
        ``int64 (rows, taps)``: source row under each tap of each target row, or -1 for padding.
    weights
        ``FULL``: ``(taps, source channels, target channels)``; ``EACH``: ``(taps, channels)``; with gains.
    starts
        Sums that biases start, one a channel; for an average, positions of each window.
    lifts
        Zero bits appended to each source.
    links
        In order.
    layer
        The layer that stores the weights.
    windows
        ``int64 (target rows, taps)``: rows of ``positions`` of whose sums the largest is taken before the
        links; None if each is a target row of its own.
    needed
        Target rows that the output depends on.
    """

    kind: int
    sources: tuple[int, ...]
    target: int
    positions: Codes
    weights: Codes | None = None
    starts: Codes | None = None
    lifts: tuple[int, ...] = (0, 0)
    links: list[Link] = field(default_factory=list)
    layer: Layer | None = None
    windows: Codes | None = None
    needed: NDArray[np.bool_] | None = None

    @property
    def read(self) -> Codes:
        """Source rows ``(target rows, window, taps)``."""
        return self.positions[:, None] if self.windows is None else self.positions[self.windows]

    @property
    def products(self) -> int:
        """Products of one sample, rows that nothing needs left out."""
        if self.weights is None:
            return 0
        return int((self.read[self.needed] >= 0).sum()) * self.weights[0].size


@dataclass(slots=True)
class Rows:
    """A tensor: rows, channels, and the range of its codes."""

    positions: int
    channels: int
    range: Range


@dataclass(eq=False)
class Draft:
    """Tensors and operations so far.

    Parameters
    ----------
    names
        Layer (or input) to number of the tensor that holds its codes.
    outside
        Numbers of the tensors that no operation writes, by name.
    anything
        Whether what is proved must hold for whatever the layers store, and not for golden codes alone.
    """

    network: Network
    tensors: list[Rows] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    outside: dict[str, int] = field(default_factory=dict)
    writers: dict[int, Operation] = field(default_factory=dict)
    anything: bool = False

    def bring(self, name: str, low: int, high: int) -> int:
        """A tensor from outside."""
        number = self.tensor(self.network.spec(name), (low, high))
        self.names[name] = self.outside[name] = number
        return number

    def tensor(self, spec: TensorSpec, span: Range) -> int:
        """A new tensor."""
        *spatial, channels = spec.shape
        self.tensors.append(Rows(prod(spatial), channels, span))
        return len(self.tensors) - 1

    def put(self, name: str, operation: Operation) -> None:
        """Add an operation that writes the tensor of a layer."""
        self.operations.append(operation)
        self.names[name], self.writers[operation.target] = operation.target, operation

    def read(self, layer: Layer, place: int = 0) -> tuple[int, Rows, TensorSpec]:
        """An input of a layer whose rows are as its shape says: number, tensor, and its spec."""
        number, spec = self.names[layer.inputs[place]], self.network.spec(layer.inputs[place])
        rows = self.tensors[number]
        if (rows.positions, rows.channels) != (prod(spec.shape[:-1]), spec.shape[-1]):
            raise Refused(f"layer '{layer.name}' reads rows that were flattened")
        return number, rows, spec

    def alone(self, number: int) -> bool:
        """Whether an operation here writes a tensor that no more than one layer reads."""
        names = [name for name, held in self.names.items() if held == number]
        return number in self.writers and all(len([*self.network.consumers(name)]) < 2 for name in names)


def fits(low: int, high: int, limit: int = INT32) -> bool:
    """Whether a range lies in ``-limit .. limit``."""
    return -limit <= low and high <= limit


def largest(steps: Sequence[Step], low: int, high: int) -> int:
    """No intermediate of the steps on the codes ``low .. high`` is larger, either way."""
    most = max(abs(low), abs(high))
    for step in steps:
        after = image([step], low, high)
        lifted = [abs(edge) << max(-step.shift, 0) for edge in (low, high, after.low, after.high)]
        wrapped = (1 << step.target.width) - 1 if after.broken else 0
        most = max(most, *lifted, wrapped) + (1 << max(step.shift, 0))
        low, high = after.low, after.high
    return most


def then(draft: Draft, operation: Operation, layer: Layer, link: Link) -> None:
    """Append a link to an operation, and prove it; steps are joined to steps before them."""
    low, high = link.range
    before = operation.links[-1] if operation.links and operation.links[-1].steps and link.steps else None
    if link.table is not None:
        span = int(link.table.min()), int(link.table.max())
    elif link.scale is not None:
        contents = link.contents or ((link.scale, link.start),)
        edges = [scale * edge + start for scale, start in contents for edge in (low, high)]
        span = int(np.min(edges)), int(np.max(edges))
        reach = max(abs(low), abs(high))
        most = max(int(np.abs(part).max()) for scale, start in contents for part in (scale * reach, start))
        if not fits(*span) or most > INT32:
            raise Refused(f"layer '{layer.name}': sums reach {span[0]}..{span[1]}, beyond 32 bits")
    else:
        if (most := largest(link.steps, low, high)) > INT32:
            raise Refused(f"layer '{layer.name}': codes reach {most}, beyond 32 bits")
        after = image(link.steps, low, high)
        span = after.low, after.high
    if before:
        operation.links[-1] = Link(before.range, before.steps + link.steps)
    elif link.steps or link.scale is not None or link.table is not None:
        operation.links.append(link)
    draft.tensors[operation.target].range = span


def range_of(weights: Codes, starts: Codes, low: int, high: int) -> Range:
    """Range of the sums of any codes in ``low .. high``, some of them left out."""
    low, high = min(low, 0), max(high, 0)
    terms = weights.reshape(-1, weights.shape[-1])
    bottom = np.minimum(terms * low, terms * high).sum(axis=0) + starts
    top = np.maximum(terms * low, terms * high).sum(axis=0) + starts
    return int(min(bottom.min(), starts.min())), int(max(top.max(), starts.max()))


def require_words(layer: Layer, span: Range, weight: int, sums: Range) -> None:
    """Refuse codes, differences or weights beyond 16 bits, and sums beyond 32."""
    low, high = span
    if not fits(low, high, INT16) or high - low > INT16:
        raise Refused(f"layer '{layer.name}' reads codes in {low}..{high}: differences are beyond 16 bits")
    if weight > INT16:
        raise Refused(f"layer '{layer.name}': weights and their gain are beyond 16 bits")
    if not fits(*sums, INT32 >> 2):  # a golden sum, and any part of what is added to it and taken away
        raise Refused(f"layer '{layer.name}': sums reach {sums[0]}..{sums[1]}, beyond 30 bits")


def monotone(link: Link) -> bool:
    """Whether a larger code never becomes a smaller one."""
    if link.scale is not None:
        return all((scale >= 0).all() for scale, _ in link.contents or ((link.scale, link.start),))
    if link.table is not None:
        return bool((np.diff(link.table) >= 0).all())
    return not image(link.steps, *link.range).broken


def join_pools(draft: Draft, front: Operation | None = None) -> None:
    """Make a pooling that alone reads sums part of them: behind monotone links, the largest sum is enough."""
    writers = [front, *draft.operations] if front is not None else list(draft.operations)
    for writer in writers:
        readers = [op for op in draft.operations if writer.target in op.sources]
        if writer.kind in (FULL, EACH) and len(readers) == 1 and readers[0].kind == MAXIMUM:
            _join_pool(draft, writer, readers[0])


def _join_pool(draft: Draft, writer: Operation, pool: Operation) -> None:
    links = [*writer.links, *pool.links]
    inside = pool.positions[pool.positions >= 0]
    if not all(map(monotone, links)) or len(np.unique(inside)) < len(inside):
        return
    if pool.links and writer.links and writer.links[-1].steps and pool.links[0].steps:
        joined = Link(writer.links[-1].range, writer.links[-1].steps + pool.links[0].steps)
        links = [*writer.links[:-1], joined, *pool.links[1:]]
    first = np.take_along_axis(pool.positions, (pool.positions >= 0).argmax(axis=1)[:, None], axis=1)
    writer.windows = np.where(
        pool.positions >= 0, pool.positions, first
    )  # of one twice, the largest is the same
    draft.operations.remove(pool)
    draft.tensors[writer.target].positions = 0
    del draft.writers[writer.target]
    writer.target, writer.links = pool.target, links
    draft.writers[pool.target] = writer


def short(steps: Sequence[Step], low: int, high: int) -> tuple[int, int, int, int, int] | None:
    """Steps as ``clip((s + add + (s >> shift & even)) >> shift, least, most)``, if that is what they are.

    Returns ``(shift, add, even, least, most)``. Compared on every sum in ``low .. high``, so what is found is
    proved.

    >>> from netsurf.fixed import FixedFormat
    >>> short([Step(2, FixedFormat(4, 4, overflow="SAT"), rectify=True)], -99, 99)
    (2, 0, 0, 0, 7)
    """
    shift = sum(step.shift for step in steps)
    if not 0 <= shift < 31 or high - low >= CANONICAL:
        return None
    sums = np.arange(low, high + 1)
    after = apply(steps, sums)
    least, most = int(after.min()), int(after.max())
    half = 1 << shift >> 1
    for add, even in dict.fromkeys(((0, 0), (half, 0), (max(half - 1, 0), 0), (max(half - 1, 0), 1))):
        if (np.clip((sums + add + (sums >> shift & even)) >> shift, least, most) == after).all():
            return shift, add, even, least, most
    return None


def mark_needed(draft: Draft, output: int) -> None:
    """Mark the rows of each operation that the output, or a row that is needed, reads."""
    needed = [np.zeros(rows.positions, dtype=bool) for rows in draft.tensors]
    needed[output][:] = True
    for operation in reversed(draft.operations):
        operation.needed = needed[operation.target]
        read = operation.read[operation.needed]
        for source in operation.sources:
            needed[source][read[read >= 0]] = True
    for number, writer in draft.writers.items():
        if writer.needed is None:
            writer.needed = needed[number]
