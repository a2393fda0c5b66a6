"""AVF: which part of the upsets of a kind of flip-flop changes a decision, and when.

The architectural vulnerability factor of a structure is the fraction of upsets in it, uniform over its bits
and over time, that end in a visible error (Mukherjee et al., MICRO-36, 2003). Here a visible error is an SDC
(another decision) or a hang (no output, or several). Registers are upset at a cycle of the inference and run
in the cycle model; stored bits are upset before it and run in the fast injector.

Both kinds of numbers are put together by what an upset of a stored bit is: it stays until the store is loaded
again or scrubbed. With ``r`` upsets a bit and cycle, an inference that takes ``L`` cycles sees
``r * L * bits * AVF`` errors from the datapath. A stored bit was upset before it with probability
``r * T / 2`` on average, if the store is loaded every ``T`` cycles, so the weights give
``r * T / 2 * bits * AVF``. Both are first order in ``r``: two upsets in one bit's replicas are neglected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.problem import Problem
from netsurf.campaign.statistics import Interval, census, proportion
from netsurf.emit import Accelerator
from netsurf.engine import EngineResult, classify
from netsurf.errors import UsageError
from netsurf.fault import FaultList
from netsurf.fault.registers import KINDS, VOTER_INPUT, Register
from netsurf.fault.sample import generator
from netsurf.fault.strikes import StrikeList, StrikeResult
from netsurf.harden import DesignPoint
from netsurf.inject import FastEngine
from netsurf.inject import exhaustive as injected
from netsurf.inject.cycle import CycleModel

Codes = NDArray[np.int64]
Progress = Callable[[int, int, str], None]

WEIGHT = "weight"
"""Stored bits, replicas included."""

OUTCOMES = ("masked", "benign", "sdc", "detected", "hang")
"""As :data:`netsurf.engine.outcome.OUTCOMES`; ``hang``: no output or several, whatever else happened."""

# Apart from the streams of other drawings.
_STREAM = 1 << 35


@dataclass(frozen=True, slots=True)
class Draw:
    """How much is drawn.

    Parameters
    ----------
    faults
        Upsets of each kind.
    bins
        Parts of the inference in which they are counted.
    seed
        Of all randomness: upset ``i`` of a kind depends on (seed, kind, ``i``) alone.
    """

    faults: int = 2000
    bins: int = 16
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of bits.

    Parameters
    ----------
    kind
        ``weight`` or a kind of register.
    bits
        How many there are in the design.
    outcomes
        Number of upsets of each of :data:`OUTCOMES`.
    avf
        Fraction of upsets that are an SDC or a hang.
    by_cycle
        The same in each part of the inference; empty for weights.
    by_register
        Name of a register to its upsets and its visible errors.
    """

    kind: str
    bits: int
    outcomes: tuple[int, ...]
    avf: Interval
    by_cycle: tuple[Interval | None, ...] = ()
    by_register: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Avf:
    """The table of one design point in one micro-architecture."""

    latency: int
    interval: int
    rows: tuple[Row, ...]

    @property
    def weight(self) -> float:
        """Visible errors an upset rate and cycle of exposure, from stored bits: ``bits * AVF``."""
        return sum(row.bits * row.avf.estimate for row in self.rows if row.kind == WEIGHT)

    @property
    def datapath(self) -> float:
        """The same from everything else."""
        return sum(row.bits * row.avf.estimate for row in self.rows if row.kind != WEIGHT)

    def share(self, reload: float) -> float:
        """Part of the visible errors that comes from stored bits, if they are loaded every ``reload`` cycles.

        0 if there is no error at all.
        """
        weights, rest = self.weight * reload / 2, self.datapath * self.latency
        return weights / (weights + rest) if weights + rest else 0.0

    @property
    def break_even(self) -> float:
        """Cycles between two loads of the store at which weights and datapath give as many errors."""
        return 2 * self.datapath * self.latency / self.weight if self.weight else np.inf


def measure(
    design: DesignPoint,
    accelerator: Accelerator,
    problem: Problem,
    draw: Draw,
    progress: Progress | None = None,
    singles: Codes | None = None,
) -> Avf:
    """AVF of every kind of bits of a design point.

    Parameters
    ----------
    singles
        What :func:`single_upsets` found: the AVF of weights is then exact, and only its outcomes are drawn.

    Raises
    ------
    UnsupportedLayerError
        If the network is no chain of dense layers.
    UsageError
        If nothing is to be drawn.
    """
    if draw.faults < 1 or draw.bins < 1:
        raise UsageError("AVF needs at least one upset of each kind and one part of the inference")
    model = cycle_model(design, accelerator)
    populations = populations_of(design, accelerator)
    rows = []
    for number, (kind, sites) in enumerate(populations.items()):
        if progress is not None:
            progress(number, len(populations) + 1, kind)
        rows.append(_registers(model, accelerator, problem, draw, kind, sites))
    if progress is not None:
        progress(len(populations), len(populations) + 1, WEIGHT)
    rows.append(_weights(design, problem, draw, singles))
    return Avf(accelerator.latency, accelerator.interval, tuple(rows))


def cycle_model(design: DesignPoint, accelerator: Accelerator) -> CycleModel:
    """The cycle model of an emitted accelerator."""
    copies = 1 + max((register.replica for register in accelerator.register_list), default=0)
    factors = accelerator.architecture["reuse_factors"]
    return CycleModel(design, accelerator.register_space, factors, accelerator.latency, copies)


def populations_of(design: DesignPoint, accelerator: Accelerator) -> dict[str, Codes]:
    """Register sites of each kind; of voter inputs only those of columns that some row protects."""
    space = accelerator.register_space
    found = {kind: space.of_kind(kind) for kind in KINDS}
    found[VOTER_INPUT] = voter_sites(design, accelerator)
    return {kind: sites for kind, sites in found.items() if len(sites)}


def voter_sites(design: DesignPoint, accelerator: Accelerator) -> Codes:
    """Voter inputs that synthesis keeps: a voter whose column no row protects is a wire."""
    space, kept = accelerator.register_space, [np.empty(0, np.int64)]
    for store in accelerator.stores:
        ports = [r for r in space.registers if r.kind == VOTER_INPUT and _tensor(r) == store.tensor]
        first = design.space.offsets[store.tensor]
        mask = design.space.is_protected[first : first + store.bits]
        columns = np.flatnonzero(mask.reshape(-1, store.words_per_read * store.word_width).any(axis=0))
        kept += [space.number(port.name) + columns for port in ports]
    return np.sort(np.concatenate(kept))


def _tensor(register: Register) -> str:
    return register.name.rpartition(".")[0]


def _registers(
    model: CycleModel, accelerator: Accelerator, problem: Problem, draw: Draw, kind: str, sites: Codes
) -> Row:
    cycles = accelerator.latency
    picks = _draws(draw, kind, (len(sites), cycles, problem.samples))
    strikes = StrikeList.registers(sites[picks[:, 0]], picks[:, 1])
    result = model.run(strikes, problem.inputs, picks[:, 2])
    outcomes = strike_outcomes(problem, result, picks[:, 2])
    visible = np.isin(outcomes, (2, 4))
    part = picks[:, 1] * draw.bins // cycles
    names = [register.label for register in model.registers.registers]
    index = model.registers.locate(strikes.sites)[0]
    return Row(
        kind,
        len(sites),
        tuple(np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()),
        _interval(visible),
        tuple(_interval(visible[part == p]) if (part == p).any() else None for p in range(draw.bins)),
        tuple((names[i], int((index == i).sum()), int(visible[index == i].sum())) for i in np.unique(index)),
    )


def strike_outcomes(problem: Problem, result: StrikeResult, samples: Codes) -> Codes:
    """Index into :data:`OUTCOMES` of each struck inference."""
    seen = EngineResult(result.outputs[:, None], (result.errors != 0)[:, None])
    codes, _ = classify(problem.network, seen, problem.golden[samples][:, None], _tolerance(problem))
    return np.where(result.counts != 1, 4, codes[:, 0])


def single_upsets(problem: Problem) -> Codes | None:
    """Samples whose decision each single upset of a stored bit changes; None for regression."""
    if problem.network.task != "classification":
        return None
    return injected(problem.network, problem.inputs, problem.labels).sdc


def _exact(design: DesignPoint, problem: Problem, singles: Codes | None) -> Interval | None:
    """AVF of the stored bits of a plan of voters, whose bits no single upset gets through."""
    space = design.space
    if singles is None or space.size != space.stored_bits + 2 * len(space.protected):
        return None
    return census(int(singles[~space.is_protected].sum()), space.size * problem.samples)


def _weights(design: DesignPoint, problem: Problem, draw: Draw, singles: Codes | None) -> Row:
    sites = design.space.sites
    picks = _draws(draw, WEIGHT, (len(sites), 1, problem.samples))
    faults = FaultList.single(sites[picks[:, 0]])
    rows = picks[:, 2:]
    result = FastEngine(design).run(faults, problem.inputs, rows)
    codes, _ = classify(problem.network, result, problem.golden[rows], _tolerance(problem))
    # A voter's flag says nothing of the outputs: what is wrong and detected is wrong.
    plain = EngineResult(result.outputs, np.zeros_like(result.detected))
    wrong, _ = classify(problem.network, plain, problem.golden[rows], _tolerance(problem))
    outcomes = tuple(np.bincount(codes[:, 0], minlength=len(OUTCOMES)).tolist())
    avf = _exact(design, problem, singles) or _interval(wrong[:, 0] == 2)
    return Row(WEIGHT, len(sites), outcomes, avf)


def _tolerance(problem: Problem) -> float:
    return problem.tolerance if problem.network.task == "regression" else 0.0


def _draws(draw: Draw, kind: str, sizes: tuple[int, ...]) -> Codes:
    """Upset ``i``: one number below each size."""
    stream = (*KINDS, WEIGHT).index(kind)
    random = (generator(draw.seed, _STREAM, stream, i) for i in range(draw.faults))
    return np.array([[r.integers(size) for size in sizes] for r in random], dtype=np.int64)


def _interval(visible: NDArray[np.bool_]) -> Interval:
    return proportion(int(visible.sum()), len(visible))


def exhaustive(
    design: DesignPoint, accelerator: Accelerator, problem: Problem, kind: str, sample: int
) -> Row:
    """Every bit of a kind at every cycle, on one sample: no sampling, the interval is a point."""
    sites, cycles = populations_of(design, accelerator)[kind], accelerator.latency
    strikes = StrikeList.registers(np.repeat(sites, cycles), np.tile(np.arange(cycles), len(sites)))
    samples = np.full(len(strikes), sample, np.int64)
    result = cycle_model(design, accelerator).run(strikes, problem.inputs, samples)
    outcomes = strike_outcomes(problem, result, samples)
    visible = np.isin(outcomes, (2, 4)).reshape(len(sites), cycles)
    return Row(
        kind,
        len(sites),
        tuple(np.bincount(outcomes, minlength=len(OUTCOMES)).tolist()),
        census(int(visible.sum()), visible.size),
        tuple(census(int(column.sum()), len(sites)) for column in visible.T),
    )


def document(avf: Avf) -> dict[str, Any]:
    """The table as plain values for ``--json`` and the report."""
    return {
        "latency": avf.latency,
        "interval": avf.interval,
        "break_even_cycles": None if np.isinf(avf.break_even) else avf.break_even,
        "weight_bits_at_risk": avf.weight,
        "datapath_bits_at_risk": avf.datapath,
        "rows": [
            {
                "kind": row.kind,
                "bits": row.bits,
                "outcomes": dict(zip(OUTCOMES, row.outcomes, strict=True)),
                "avf": row.avf.estimate,
                "low": row.avf.low,
                "high": row.avf.high,
                "by_cycle": [
                    None if part is None else [part.estimate, part.low, part.high] for part in row.by_cycle
                ],
                "by_register": [list(entry) for entry in row.by_register],
            }
            for row in avf.rows
        ],
    }
