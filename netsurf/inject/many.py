"""Many faulty models: whole fault lists, every fault over every input, reduced as they run."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import DataError, NetworkError
from netsurf.fault import FaultList
from netsurf.harden import DesignPoint, faulty_parameters
from netsurf.harden.resolve import stored_values
from netsurf.inject.chain import Chain, Packed, chain_of
from netsurf.inject.golden import MEMORY, Golden, samples_at_once, units
from netsurf.inject.judge import Judge
from netsurf.inject.vote import Votes, require_persistent, vote
from netsurf.inject.workers import KernelName, Kernels, shares
from netsurf.ir.network import INPUT

if TYPE_CHECKING:
    from netsurf.inject.forward import Forward
    from netsurf.inject.native import Layout

Codes = NDArray[np.int64]
Each = Callable[[int, Codes], None]


@dataclass(frozen=True, slots=True, eq=False)
class ManyResult:
    """What each fault of a list did.

    Parameters
    ----------
    correct
        ``int64 (faults,)`` correct samples; None for regression or without labels.
    sdc
        ``int64 (faults,)`` samples whose decision differs from the fault-free one.
    detected
        ``bool (faults,)``: a voter raised its flag.
    golden_correct
        Correct samples without a fault.
    samples
        Size of the data set.
    path
        ``native``, ``portable``, ``graph`` or ``layers`` (and why no whole-model kernel serves), as it ran.
    """

    correct: Codes | None
    sdc: Codes
    detected: NDArray[np.bool_]
    golden_correct: int | None
    samples: int
    path: str


class Models:
    """A design point and inputs, ready to run many fault lists.

    Parameters
    ----------
    labels
        Classes, or targets of a regression; None if only decisions against the golden run matter.
    ideal
        Protected bits cannot be upset (comparison mode).
    tolerance
        See :class:`netsurf.inject.judge.Judge`.
    jobs, kernel, instructions
        See :class:`netsurf.inject.workers.Kernels`; or ``kernels``, ready made.
    golden
        The golden run of ``inputs``, if there is one; they are not looked at then.

    Raises
    ------
    NetworkError, DataError
        If inputs or labels do not fit the network, or there are none.
    """

    def __init__(
        self,
        design: DesignPoint,
        inputs: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        ideal: bool = False,
        tolerance: float = 0.0,
        jobs: int = 2,
        kernel: KernelName = "auto",
        instructions: str | None = None,
        golden: Golden | None = None,
        kernels: Kernels | None = None,
    ) -> None:
        self.design, self.ideal = design, ideal
        self.kernels = kernels or Kernels(kernel, jobs, instructions)
        self.golden = golden or self._golden(inputs)
        if not self.golden.samples:
            raise DataError(f"{design.network.name}: no inputs; give at least one sample")
        self.labelled = labels is not None
        known = (
            self.golden.outputs.argmax(axis=1)
            if design.network.task == "classification"
            else self.golden.outputs
        )
        self.judge = Judge.of(self.golden, known if labels is None else labels, tolerance=tolerance)
        self.chain = chain_of(self.golden)
        self._protected = design.space.is_protected.astype(np.uint8)

    def _golden(self, inputs: ArrayLike) -> Golden:
        """The golden run; no more than its outputs where compiled operations find all that is asked for."""
        network = self.design.network
        if all(unit.kind.linear is not None and unit.kind.linear.matrix for unit in units(network)):
            return Golden.of(network, inputs)
        golden = self.golden = Golden.outside(network, inputs)
        outputs = np.empty((golden.samples, network.output.size), np.int64)
        if isinstance(self.graph, str):
            if len(self._parts) == 1:
                return Golden.of(network, inputs)
            for part in self._parts:
                outputs[part] = self._golden_of(part).outputs
            return golden.with_outputs(outputs)
        self.kernels.each(
            lambda share: self.graph.run({}, outputs, share), shares(golden.samples, self.kernels.jobs)
        )
        return golden.with_outputs(outputs)

    @property
    def _parts(self) -> list[slice]:
        """Samples whose golden run is kept at a time where layers run one by one."""
        samples, step = self.golden.samples, samples_at_once(self.design.network)
        return [slice(first, min(first + step, samples)) for first in range(0, samples, step)]

    def _golden_of(self, part: slice) -> Golden:
        return Golden.of(self.design.network, self.golden.tensors[INPUT][part])

    def at(self, design: DesignPoint) -> Models:
        """The same inputs at another design point of the same network; nothing expensive is made again.

        Raises
        ------
        NetworkError
            If the design point is of another network.
        """
        if design.network.digest != self.design.network.digest:
            raise NetworkError(
                f"{design.network.name} is not the network {self.design.network.name} of the inputs"
            )
        if not isinstance(self.chain, Chain):  # made here, it is shared by all design points
            _ = self.graph
        else:
            _ = self._values, self._layout if isinstance(self.pair, int) else self._lines
        other = copy(self)
        other.design, other._protected = design, design.space.is_protected.astype(np.uint8)
        return other

    @cached_property
    def pair(self) -> int | str:
        """How the native kernel multiplies, or why it does not serve."""
        from netsurf.inject.native import instruction_sets, pair_of

        if not isinstance(self.chain, Chain):
            return self.chain
        if self.kernels.name == "portable":
            return "portable kernels were asked for"
        if self.kernels.native is None:
            return "there is no g++ to compile the native ones: slower"
        return pair_of(self.chain, self.kernels.instructions or instruction_sets()[0])

    @property
    def path(self) -> str:
        """Which kernel runs the models, and why no faster one does."""
        from netsurf.inject.native import instruction_sets

        instructions = self.kernels.instructions or instruction_sets()[0]
        if not isinstance(self.chain, Chain):
            why = f"layers ({self.chain}; {self.graph})"
            return why if isinstance(self.graph, str) else f"graph ({instructions})"
        return f"portable ({self.pair})" if isinstance(self.pair, str) else f"native ({instructions})"

    @cached_property
    def graph(self) -> Forward | str:
        """The network as compiled operations, or why it is none."""
        from netsurf.inject.forward import Forward

        if self.kernels.name == "portable":
            return "portable kernels were asked for"
        if self.kernels.waves is None:
            return "there is no g++ to compile native ones"
        return Forward.of(self.golden, self.kernels.waves)

    def run(self, faults: FaultList, each: Each | None = None) -> ManyResult:
        """Run every fault over all inputs.

        Parameters
        ----------
        each
            Called as ``each(fault, outputs)`` with ``int64 (samples, outputs)`` of every fault, from a
            worker's thread, in no particular order; the array is reused afterwards.

        Raises
        ------
        FaultError
            If a site does not exist in the design point, or a fault has a clock cycle.
        """
        require_persistent(faults)
        correct, sdc = (np.zeros(len(faults), np.int64) for _ in range(2))
        detected = np.zeros(len(faults), dtype=bool)
        ways = {
            "native": self._native,
            "portable": self._portable,
            "graph": self._graph,
            "layers": self._layers,
        }
        work = ways[self.path.split()[0]]
        self.kernels.each(
            lambda share: work(faults, share, correct, sdc, detected, each),
            shares(len(faults), self.kernels.jobs),
        )
        known = self.judge.classifies and self.labelled
        golden = int(self.judge.correct.sum()) if known else None
        return ManyResult(correct if known else None, sdc, detected, golden, self.golden.samples, self.path)

    def _layers(self, faults, share, correct, sdc, detected, each) -> None:
        """Model after model, layer after layer, from the first upset one on."""
        votes = vote(self.design, faults.slice(share.start, share.stop), self.ideal)
        detected[share.start : share.stop] = votes.detected
        whole = len(self.golden.tensors) > 1
        size = 1 if whole else max(MEMORY // (8 * self.golden.outputs.size), 1)
        for first in range(0, len(share), size):
            places = range(first, min(first + size, len(share)))
            found = np.empty((len(places), *self.golden.outputs.shape), np.int64)
            for part in [slice(0, self.golden.samples)] if whole else self._parts:
                golden = self.golden if whole else self._golden_of(part)
                rows = np.arange(golden.samples)
                for row, place in enumerate(places):
                    upset = faulty_parameters(self.design, votes.of(place))
                    found[row, part] = golden.rerun(upset, rows)
            for row, place in enumerate(places):
                self._reduce(share[place], found[row], correct, sdc, each)

    def _graph(self, faults, share, correct, sdc, detected, each) -> None:
        """Model after model, sample after sample, all operations at once, in C++."""
        votes = vote(self.design, faults.slice(share.start, share.stop), self.ideal)
        detected[share.start : share.stop] = votes.detected
        outputs = np.empty(self.golden.outputs.shape, np.int64)
        for place, fault in enumerate(share):
            self.graph.run(faulty_parameters(self.design, votes.of(place)), outputs)
            self._reduce(fault, outputs, correct, sdc, each)

    def _native(self, faults, share, correct, sdc, detected, each) -> None:
        """Model after model, sample after sample, all layers at once, in C++."""
        from netsurf.inject.native import NativeModel

        known = (self.judge.labels, self.judge.decisions) if self.judge.classifies else (None, None)
        votes = self._checked(faults, share, detected)
        model = NativeModel(
            self._layout, self.kernels.native, self._protected, self._values, self.ideal, *known
        )
        wanted = each is not None or not self.judge.classifies
        outputs = np.empty(self.golden.outputs.shape, np.int64) if wanted else None
        for fault in share:
            sites = faults.sites[faults.offsets[fault] : faults.offsets[fault + 1]]
            if votes is not None:
                bits = votes.of(fault - share.start)
            else:
                bits, detected[fault] = model.vote(sites, int(faults.kinds[fault]))
                if bits is None:
                    self.design.space.require(sites)
            correct[fault], sdc[fault] = model.run(bits, outputs)
            if not self.judge.classifies:
                sdc[fault] = self.judge.outcome(outputs, np.arange(len(outputs)))[1].sum()
            if each is not None:
                each(fault, outputs)

    def _portable(self, faults, share, correct, sdc, detected, each) -> None:
        """Model after model, sample after sample, all layers at once."""
        from netsurf.inject import portable_chain as kernel

        votes = self._checked(faults, share, detected)
        packed, lines = Packed.of(self.chain), self._lines
        first = np.zeros(len(packed.biases), np.int64)
        total = np.zeros(int(packed.shape[:, 2].max()), np.int32 if self.chain.fits_int32 else np.int64)
        row, outputs = np.zeros(len(total), np.int64), np.empty(self.golden.outputs.shape, np.int64)
        marks, values = np.zeros(self.design.space.stored_bits, np.uint8), lines[2].astype(total.dtype)
        weights, biases = packed.weights.astype(total.dtype), packed.biases.copy()
        model = packed.shape, weights
        for fault in share:
            sites = faults.sites[faults.offsets[fault] : faults.offsets[fault + 1]]
            if votes is not None:
                bits = votes.of(fault - share.start)
                found = len(bits)
            else:
                bits = np.empty(len(sites), np.int64)
                state = self._protected, self._values, self.ideal, marks, bits
                found, detected[fault] = kernel.vote_one(sites, faults.kinds[fault], len(marks), *state)
                if found < 0:
                    self.design.space.require(sites)
            kernel.invert(bits, found, self.chain.tensors, *model, biases)
            kernel.starts_of(packed.shape, biases, packed.bias_steps, first)
            kernel.run_model(*lines[:2], values, *model, first, packed.steps, total, row, outputs)
            self._reduce(fault, outputs, correct, sdc, each)
            weights[:], biases[:] = packed.weights, packed.biases

    def _checked(self, faults: FaultList, share: range, detected: NDArray[np.bool_]) -> Votes | None:
        """What checkers make of a share; None where kernels vote by themselves: there is no code word."""
        if not self.design.guard:
            return None
        votes = vote(self.design, faults.slice(share.start, share.stop), self.ideal)
        detected[share.start : share.stop] = votes.detected
        return votes

    def _reduce(self, fault: int, outputs: Codes, correct: Codes, sdc: Codes, each: Each | None) -> None:
        from netsurf.inject.portable_chain import tally

        if self.judge.classifies:
            correct[fault], sdc[fault] = tally(outputs, self.judge.labels, self.judge.decisions)
        else:
            sdc[fault] = self.judge.outcome(outputs, np.arange(len(outputs)))[1].sum()
        if each is not None:
            each(fault, outputs)

    @cached_property
    def _values(self) -> NDArray[np.uint8]:
        """Fault-free value of every stored bit, which the kernels of chains vote with."""
        return stored_values(self.design.space, np.arange(self.design.space.stored_bits)).astype(np.uint8)

    @cached_property
    def _layout(self) -> Layout:
        """The chain as the native kernel reads it."""
        from netsurf.inject.native import Layout

        alike = self.judge.decisions if self.judge.classifies else np.zeros(self.golden.samples)
        return Layout.of(self.chain, self._x, self.pair, alike)

    @cached_property
    def _lines(self) -> tuple[NDArray, NDArray, NDArray]:
        """Non-zero inputs of the chain, row by row, as the portable kernel reads them."""
        rows, columns = np.nonzero(self._x)
        starts = np.searchsorted(rows, np.arange(len(self._x) + 1))
        return starts, columns.astype(np.int64), self._x[rows, columns].astype(np.int64)

    @property
    def _x(self) -> NDArray:
        return self.golden.flat(self.chain.stages[0].unit.layer.inputs[0])


def forward_many(
    design: DesignPoint,
    faults: FaultList,
    inputs: ArrayLike,
    labels: ArrayLike | None = None,
    **options: object,
) -> ManyResult:
    """Run every fault of a list over all inputs; options as for :class:`Models`."""
    return Models(design, inputs, labels, **options).run(faults)  # type: ignore[arg-type]
