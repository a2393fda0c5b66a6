"""Witnesses: for every stored bit, one sample on which its upset can be seen, or the proof that none can.

An upset that changes no output on any sample of a set is not worth simulating there; for all others one
sample suffices to see that hardware and model agree that it is there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.fault import FaultSpace
from netsurf.fixed import flip_bit
from netsurf.harden import DesignPoint
from netsurf.inject import waves
from netsurf.inject.delta import forward_change, upsets_of
from netsurf.inject.golden import Golden, units
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import encode
from netsurf.inject.terms import Terms
from netsurf.inject.workers import KernelName, Kernels, shares
from netsurf.ir import Network, Parameter

Codes = NDArray[np.int64]

PAIRS = 1 << 16
"""(Fault, sample) pairs that run through the rest of the network together."""


def witness(
    network: Network | DesignPoint, inputs: ArrayLike, *, jobs: int = 2, kernel: KernelName = "auto"
) -> Codes:
    """The first sample whose output vector each upset of a stored bit changes, or -1 if none does.

    Parameters
    ----------
    network
        Network, or a design point whose plan is ignored.
    inputs
        Codes ``(samples, *network.input.shape)``.
    jobs, kernel
        Threads and kernel family; the result does not depend on them.

    Returns
    -------
    ``int64 (S,)``: row of ``inputs`` for each of the ``S`` stored bits of the unprotected network.
    """
    network = network.network if isinstance(network, DesignPoint) else network
    golden, kernels = Golden.of(network, inputs), Kernels(kernel, jobs)
    offsets = FaultSpace(network, np.empty(0, np.int64)).offsets
    result = np.full(network.stored_bits, -1, dtype=np.int64)
    if not golden.samples:
        return result
    for unit in units(network):
        bounds = Bounds.of(golden, unit)
        for parameter in unit.layer.parameters.values():
            first = offsets[parameter.name]
            part = result[first : first + parameter.stored_bits]
            if found := waves.serve(golden, bounds, _rung(bounds), kernels):
                run = waves.Run(golden, found, [parameter], kernels)
                part[:] = run.first(golden.samples)
                continue
            simple = bounds.summation.mode != "replay" and unit.kind.linear.matrix
            (_by_candidates if simple else _by_layer)(golden, bounds, parameter, kernels, part)
    return result


def _rung(bounds: Bounds) -> str:
    """The rung in whose place waves may serve a unit."""
    if bounds.summation.mode == "replay":
        return "forward"
    return "interval" if bounds.unit.kind.linear.matrix else "delta"


def _by_layer(golden: Golden, bounds: Bounds, parameter: Parameter, kernels: Kernels, result: Codes) -> None:
    """Each upset executes its layer again, and the rest of the network on the rows that it changed."""

    def part(share: range) -> None:
        for index in share:
            for bit, upset in enumerate(upsets_of(parameter, index)):
                rows, values = forward_change(golden, bounds, upset)
                outputs = golden.suffix(bounds.unit.tensor, values, rows)
                seen = rows[(outputs != golden.outputs[rows]).any(axis=1)]
                if len(seen):
                    result[index * parameter.format.width + bit] = seen[0]

    kernels.each(part, shares(parameter.codes.size, kernels.jobs))


def _by_candidates(
    golden: Golden, bounds: Bounds, parameter: Parameter, kernels: Kernels, result: Codes
) -> None:
    """Each upset walks through the samples whose one changed value it is, in doubling strides."""
    lists = Terms.of(bounds, parameter)
    search = _Search(golden, bounds, parameter, lists.by_column(), lists.steps, kernels)

    def part(share: range) -> None:
        for faults, rows in search.run(np.arange(share.start, share.stop)):
            result[faults] = rows

    step = max(1, min(PAIRS, -(-len(result) // kernels.jobs)))
    kernels.each(part, [range(a, min(a + step, len(result))) for a in range(0, len(result), step)])


class _Search:
    """The state that every share of a stored tensor's faults reads."""

    def __init__(self, golden, bounds, parameter, columns, term, kernels) -> None:
        self.golden, self.bounds, self.parameter, self.kernels = golden, bounds, parameter, kernels
        self.columns, self.term, self.steps = columns, term, encode(bounds.unit.steps)
        self.sums = np.ascontiguousarray(bounds.sums.T)
        self.base = np.ascontiguousarray(golden.flat(bounds.unit.tensor).T.astype(np.int64))

    def run(self, faults: Codes) -> Iterator[tuple[Codes, Codes]]:
        """Faults and their first witness, as they are found."""
        index, bit = np.divmod(faults, self.parameter.format.width)
        before = self.parameter.codes.reshape(-1)[index]
        after = flip_bit(before, bit, self.parameter.format)
        joins = np.stack(np.divmod(index, len(self.sums)), axis=1)
        place = self.columns[0][joins[:, 0]].copy()
        stride = 1
        while len(faults):
            found, moved = (np.empty((len(faults), stride), np.int64) for _ in range(2))
            self.kernels.portable.next_changes(
                *self.columns,
                joins,
                self.sums,
                self.base,
                before,
                after,
                self.term,
                self.steps,
                place,
                found,
                moved,
            )
            first = self._first_seen(joins[:, 1], found, moved)
            yield faults[first >= 0], first[first >= 0]
            open_ = (first < 0) & (found[:, -1] >= 0)
            faults, before, after, joins, place = (
                array[open_] for array in (faults, before, after, joins, place)
            )
            stride = max(1, min(2 * stride, PAIRS // max(len(faults), 1)))

    def _first_seen(self, element: Codes, found: Codes, moved: Codes) -> Codes:
        """First candidate of each fault whose output vector differs from the golden one, or -1."""
        fault, place = np.nonzero(found >= 0)
        rows = found[fault, place]
        changed = self.golden.flat(self.bounds.unit.tensor)[rows]
        changed[np.arange(len(rows)), element[fault]] = moved[fault, place]
        outputs = self.golden.suffix(self.bounds.unit.tensor, changed, rows)
        seen = (outputs != self.golden.outputs[rows]).any(axis=1)
        first = np.full(len(found), -1, dtype=np.int64)
        first[fault[seen][::-1]] = rows[seen][::-1]  # the earliest is written last
        return first
