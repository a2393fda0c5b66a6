"""What the main job yields as it goes, and what it is run with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.certify.blocks import Block
from netsurf.certify.spec import JobSpec
from netsurf.emit import Accelerator
from netsurf.engine import Agreement, Engine, Outcomes
from netsurf.harden import DesignPoint
from netsurf.ir import Network

LISTED = 20
"""Mismatches that are kept, for each engine."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """How the job makes its engines; tests pass sabotaged ones.

    Parameters
    ----------
    emit
        ``emit(design, architecture)`` returns an accelerator.
    csim, fast
        Make an engine that has no clock: hls4ml's C simulation, the fast injector.
    verilator, icarus
        ``verilator(design, accelerator)`` builds a simulator and returns it as an engine.
    netlist
        The same for the synthesised netlist; None leaves it out.
    """

    emit: Callable[[DesignPoint, str], Accelerator]
    csim: Callable[[DesignPoint], Engine]
    fast: Callable[[DesignPoint], Engine]
    verilator: Callable[[DesignPoint, Accelerator], Engine]
    icarus: Callable[[DesignPoint, Accelerator], Engine]
    netlist: Callable[[DesignPoint, Accelerator], Engine] | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A design point of one micro-architecture was emitted and its simulator built, in ``seconds``."""

    level: float
    architecture: str
    accelerator: Accelerator
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Fault-free decisions of an engine that are correct (regression: within tolerance of the label)."""

    engine: str
    architecture: str
    correct: int
    samples: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one engine agreed on, and the seconds that it ran."""

    engine: str
    version: str
    architecture: str
    agreement: Agreement
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class LevelResult:
    """One protection level: its design point, what faults did to it, and who agreed.

    Parameters
    ----------
    correct
        ``float64 (faults,)``: fraction of the samples of each Bernoulli fault that are decided
        correctly (regression: within tolerance of the label).
    outcomes
        Counts by block name.
    accelerators, build_seconds
        By micro-architecture: what was emitted, and how long it and its simulator took (next to nothing if
        they were there already).
    pairs, disagreeing
        Distinct (fault, sample) pairs that the fast engine and all RTL but Icarus ran, and on how many any
        engine differed.
    """

    level: float
    design: DesignPoint
    blocks: tuple[Block, ...]
    correct: NDArray[np.float64]
    outcomes: Mapping[str, Outcomes]
    accelerators: Mapping[str, Accelerator]
    build_seconds: Mapping[str, float]
    tallies: tuple[Tally, ...]
    pairs: int
    disagreeing: int

    @property
    def mismatches(self) -> int:
        """Mismatches of all engines together, Icarus and transient upsets included."""
        return sum(t.agreement.count for t in self.tallies)


@dataclass(frozen=True, slots=True, eq=False)
class JobResult:
    """Everything the job found, in order; ``layers`` are those under fault in cross-layer mode."""

    network: Network
    spec: JobSpec
    accuracies: tuple[Accuracy, ...]
    levels: tuple[LevelResult, ...]
    layers: tuple[str, ...] = ()

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """One for each engine and micro-architecture, over all levels."""
        return merge_tallies([t for level in self.levels for t in level.tallies])

    @property
    def agreement(self) -> Agreement:
        """Distinct (fault, sample) pairs, and how many of them any engine disagreed on."""
        listed = [m for t in self.tallies for m in t.agreement.mismatches]
        pairs = sum(level.pairs for level in self.levels)
        return Agreement(pairs, tuple(listed[:LISTED]), sum(level.disagreeing for level in self.levels))


Event = Built | Accuracy | LevelResult | JobResult


def merge_tallies(tallies: Sequence[Tally]) -> tuple[Tally, ...]:
    """One tally for each engine and micro-architecture, in order of first appearance."""
    merged: dict[tuple[str, str, str], Tally] = {}
    for t in tallies:
        key = (t.engine, t.version, t.architecture)
        have = merged.get(key, Tally(*key, Agreement(0, (), 0)))
        listed = (*have.agreement.mismatches, *t.agreement.mismatches)[:LISTED]
        pairs, count = have.agreement.pairs + t.agreement.pairs, have.agreement.count + t.agreement.count
        merged[key] = Tally(*key, Agreement(pairs, listed, count), have.seconds + t.seconds)
    return tuple(merged.values())


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network with its test split: what the job is about.

    Parameters
    ----------
    inputs
        Codes of the test split, ``(samples, *network.input.shape)``.
    labels
        Classes ``(samples,)``, or for regression the targets in the network's own unit, ``(samples,)`` or
        ``(samples, outputs)``.
    tolerance
        Regression: largest difference of an output, in the network's own unit, that counts as right.
    """

    network: Network
    inputs: NDArray[np.int64]
    labels: NDArray[Any]
    tolerance: float = 0.0

    def correct(self, outputs: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which outputs ``(..., outputs)`` of the samples ``rows`` are right."""
        if self.network.task == "classification":
            return outputs.argmax(axis=-1) == self.labels[rows]
        labels = self.labels[rows].reshape(*rows.shape, -1)
        real = outputs[..., : labels.shape[-1]] * 2.0**-self.network.output.format.fraction
        return (np.abs(real - labels) <= self.tolerance).all(axis=-1)
