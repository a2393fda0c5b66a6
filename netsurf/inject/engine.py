"""FastEngine: any list of persistent faults, integer for integer as the reference engine has it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf import __version__
from netsurf.engine.base import EngineResult, all_samples
from netsurf.fault import FaultList
from netsurf.fixed import flip_bit
from netsurf.harden import DesignPoint, faulty_parameters
from netsurf.inject.golden import Golden, samples_at_once, units
from netsurf.inject.kinds.dense import moves
from netsurf.inject.many import Models
from netsurf.inject.rungs import Bounds
from netsurf.inject.steps import apply
from netsurf.inject.vote import Votes, vote
from netsurf.inject.workers import KernelName, Kernels, shares
from netsurf.ir import Network, Parameter, check_inputs

Codes = NDArray[np.int64]

PAIRS = 1 << 16
"""(Fault, sample) pairs that are worked on together."""


class FastEngine:
    """Runs persistent faults by what they change: nothing, one sum, or some layers and all behind them.

    A fault whose voters mask it costs nothing. One inverted bit moves one sum by a known change, and the
    rest of the network runs only on the samples where the value behind that sum differs. Several inverted
    bits run the layers from the first upset one on, everything before it being the golden run.

    Parameters
    ----------
    jobs, kernel
        Threads and kernel family; see :class:`netsurf.inject.workers.Kernels`.
    ideal
        Protected bits cannot be upset (comparison mode); see :func:`netsurf.inject.vote.vote`.
    """

    name = "fast"
    version = __version__

    def __init__(
        self, design: DesignPoint, jobs: int = 2, kernel: KernelName = "auto", ideal: bool = False
    ) -> None:
        self.design = design
        self.kernels = Kernels(kernel, jobs)
        self.ideal = ideal

    def run(self, faults: FaultList, inputs: ArrayLike, samples: ArrayLike | None = None) -> EngineResult:
        """See :class:`netsurf.engine.Engine`; a fault with a cycle is refused, the network has no clock."""
        network = self.design.network
        inputs = check_inputs(network, inputs)
        rows = all_samples(faults, inputs, None if samples is None else np.asarray(samples))
        if samples is not None and len(np.unique(rows)) > samples_at_once(network):
            return self._in_halves(faults, inputs, rows)
        votes = vote(self.design, faults, self.ideal)
        golden, rows = _golden(network, inputs, rows)
        outputs = (
            golden.outputs[rows] if rows.size else np.empty((*rows.shape, network.output.size), np.int64)
        )
        if rows.size:
            left = self._singles(golden, votes, rows, outputs)
            left = np.sort(np.concatenate([*left, np.flatnonzero(votes.counts > 1)]))
            if samples is None and len(left):
                self._whole(golden, faults, left, outputs)
            else:
                self._rerun(golden, votes, left, rows, outputs)
        return EngineResult(outputs, np.repeat(votes.detected[:, None], rows.shape[1], axis=1))

    def _in_halves(self, faults: FaultList, inputs: Codes, rows: Codes) -> EngineResult:
        """One half of the faults, or of the samples of one, after the other: golden runs have room."""
        axis = int(len(faults) == 1)
        middle = rows.shape[axis] // 2
        if axis:
            runs = [(faults, rows[:, :middle]), (faults, rows[:, middle:])]
        else:
            lists = faults.slice(0, middle), faults.slice(middle, len(faults))
            runs = list(zip(lists, (rows[:middle], rows[middle:]), strict=True))
        parts = [self.run(part, inputs, here) for part, here in runs]
        outputs, detected = zip(*((part.outputs, part.detected) for part in parts), strict=True)
        return EngineResult(np.concatenate(outputs, axis), np.concatenate(detected, axis))

    def _singles(self, golden: Golden, votes: Votes, rows: Codes, outputs: Codes) -> list[Codes]:
        """Faults that invert one bit, tensor by tensor; returns those that move several sums."""
        left = []
        single = np.flatnonzero(votes.counts == 1)
        bits = votes.bits[votes.offsets[single]]
        for unit in units(self.design.network):
            bounds = None
            for parameter in unit.layer.parameters.values():
                first = self.design.space.offsets[parameter.name]
                here = (bits >= first) & (bits < first + parameter.stored_bits)
                if not here.any():
                    continue
                bounds = bounds or Bounds.of(golden, unit)
                numbers, index, plane = _sorted(single[here], bits[here] - first, parameter)
                if bounds.summation.mode == "replay" or not unit.kind.linear.matrix:
                    left.append(numbers)
                    continue
                step = max(1, PAIRS // rows.shape[1])
                parts = [range(a, min(a + step, len(numbers))) for a in range(0, len(numbers), step)]
                self.kernels.each(
                    lambda part, b=bounds, p=parameter, n=numbers, i=index, e=plane: _moved(
                        golden,
                        b,
                        p,
                        n[part.start : part.stop],
                        i[part.start : part.stop],
                        e[part.start : part.stop],
                        rows,
                        outputs,
                    ),
                    parts,
                )
        return left

    def _whole(self, golden: Golden, faults: FaultList, several: Codes, outputs: Codes) -> None:
        """Faults that move several sums, over all inputs: by whole-model kernels if any serve."""
        models = Models(self.design, (), ideal=self.ideal, kernels=self.kernels, golden=golden)

        def keep(number: int, values: Codes) -> None:
            outputs[several[number]] = values

        models.run(FaultList.of(faults[int(fault)] for fault in several), keep)

    def _rerun(self, golden: Golden, votes: Votes, faults: Codes, rows: Codes, outputs: Codes) -> None:
        def part(share: range) -> None:
            for fault in faults[share.start : share.stop]:
                parameters = faulty_parameters(self.design, votes.of(fault))
                outputs[fault] = golden.rerun(parameters, rows[fault])

        self.kernels.each(part, shares(len(faults), self.kernels.jobs))


def _golden(network: Network, inputs: Codes, rows: Codes) -> tuple[Golden, Codes]:
    """The golden run of the rows that are asked for, and ``rows`` as its rows."""
    used = np.zeros(len(inputs), dtype=bool)
    used[rows] = True
    if used.all():
        return Golden.of(network, inputs), rows
    place = np.cumsum(used) - 1
    return Golden.of(network, inputs[used]), place[rows]


def _sorted(faults: Codes, bits: Codes, parameter: Parameter) -> tuple[Codes, Codes, Codes]:
    """Faults, element and bit in element, in order of the element."""
    order = np.argsort(bits, kind="stable")
    return faults[order], *np.divmod(bits[order], parameter.format.width)


def _moved(
    golden: Golden,
    bounds: Bounds,
    parameter: Parameter,
    faults: Codes,
    index: Codes,
    plane: Codes,
    rows: Codes,
    outputs: Codes,
) -> None:
    """Write the outputs of faults that invert one bit of a matrix product's kernel or bias."""
    unit = bounds.unit
    old = parameter.codes.reshape(-1)[index][:, None]
    new = flip_bit(old, plane[:, None], parameter.format)
    role = "bias" if parameter is unit.layer.parameters["bias"] else "kernel"
    element, column = np.divmod(index, bounds.sums.shape[1])
    here = rows[faults]
    x = bounds.x[here, element[:, None]] if role == "kernel" else np.ones((1, 1), np.int64)
    values = apply(
        unit.steps, bounds.sums[here, column[:, None]] + moves(unit.layer, unit.spec, role, x, old, new)
    )
    base = golden.flat(unit.tensor)
    fault, place = np.nonzero(values != base[here, column[:, None]])
    if len(fault):
        sample = here[fault, place]
        changed = base[sample]
        changed[np.arange(len(fault)), column[fault]] = values[fault, place]
        outputs[faults[fault], place] = golden.suffix(unit.tensor, changed, sample)
