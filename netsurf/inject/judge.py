"""Judge: what a changed output vector costs, and the totals that one fault adds up to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import DataError
from netsurf.inject.golden import Golden
from netsurf.ir import Network

Codes = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Per fault, relative to the golden run unless said otherwise.

    Parameters
    ----------
    correct
        Change of the number of correct samples (0 for regression).
    sdc
        Number of samples whose decision differs from the golden one.
    loss
        Change of the summed loss, or None if it was not asked for.
    """

    correct: Codes
    sdc: Codes
    loss: Reals | None

    @classmethod
    def zeros(cls, shape: int | tuple[int, ...], loss: bool) -> Scores:
        """No effect."""
        lost = np.zeros(shape) if loss else None
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), lost)

    def put(self, where: object, other: Scores) -> None:
        """Store ``other`` at the faults ``where``."""
        for mine, theirs in zip(self.parts(), other.parts(), strict=True):
            mine[where] = theirs

    def add(self, other: Scores, where: object = ...) -> None:
        """Add ``other`` to the faults ``where``: all of them, or a slice."""
        for mine, theirs in zip(self.parts(), other.parts(), strict=True):
            mine[where] += theirs

    def parts(self) -> tuple[NDArray, ...]:
        """The arrays that are kept."""
        kept = (self.correct, self.sdc, self.loss)
        return tuple(part for part in kept if part is not None)

    def reshape(self, *shape: int) -> Scores:
        """The same scores, other axes."""
        loss = None if self.loss is None else self.loss.reshape(*shape)
        return Scores(self.correct.reshape(*shape), self.sdc.reshape(*shape), loss)


@dataclass(frozen=True)
class Judge:
    """Decisions and losses of output vectors against labels and the golden run.

    The loss of a sample is its cross-entropy ``log(sum_k exp(t z_k)) - t z_label`` with real logits ``z``
    (codes times ``2**-fraction``) and ``t`` = ``scale``; for regression, the mean over the outputs of the
    squared error in real units. Sums are float64.

    Parameters
    ----------
    labels
        Classification: class of each sample, ``int64 (samples,)``. Regression: targets in real units,
        ``float64 (samples, outputs)``.
    loss
        Whether losses are wanted.
    scale
        Factor on the logits (an inverse temperature).
    tolerance
        Regression: largest difference of an output, in real units, that is no SDC.
    """

    golden: Golden
    labels: NDArray
    loss: bool = False
    scale: float = 1.0
    tolerance: float = 0.0

    @classmethod
    def of(
        cls, golden: Golden, labels: ArrayLike, loss: bool = False, scale: float = 1.0, tolerance: float = 0.0
    ) -> Judge:
        """Check the labels; DataError if they do not fit the network and the samples."""
        network, labels = golden.network, np.asarray(labels)
        if not classifies(network):
            targets = labels.reshape(len(labels), -1).astype(np.float64)
            if targets.shape != golden.outputs.shape:
                raise DataError(f"targets must be {golden.outputs.shape}, not {labels.shape}")
            return cls(golden, targets, loss, scale, tolerance)
        if labels.shape != (golden.samples,) or labels.dtype.kind not in "iu":
            raise DataError(f"labels must be {golden.samples} integers, one a sample, not {labels.shape}")
        classes = golden.outputs.shape[1]
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise DataError(f"labels {labels.min()}..{labels.max()} do not fit {classes} outputs")
        return cls(golden, labels.astype(np.int64), loss, scale, tolerance)

    @property
    def classifies(self) -> bool:
        """Whether a decision is a class."""
        return classifies(self.golden.network)

    @property
    def unit(self) -> float:
        """Real value of the least significant bit of an output."""
        return 2.0**-self.golden.network.output.format.fraction

    @cached_property
    def decisions(self) -> Codes:
        """Golden class of each sample (classification)."""
        return self.golden.outputs.argmax(axis=1)

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the golden class is the label; all false for regression."""
        if not self.classifies:
            return np.zeros(self.golden.samples, dtype=bool)
        return self.decisions == self.labels

    @cached_property
    def losses(self) -> Reals:
        """Golden loss of each sample."""
        return self.losses_of(self.golden.outputs, np.arange(self.golden.samples))

    def losses_of(self, outputs: Codes, rows: Codes) -> Reals:
        """Loss of the output vectors of the samples ``rows``."""
        if not self.classifies:
            return ((outputs * self.unit - self.labels[rows]) ** 2).mean(axis=1)
        logits = outputs * (self.unit * self.scale)
        peak = logits.max(axis=1)
        total = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
        return total - logits[np.arange(len(rows)), self.labels[rows]]

    def outcome(self, outputs: Codes, rows: Codes) -> tuple[NDArray, NDArray, Reals | None]:
        """Change of correct (-1, 0, 1), SDC (0, 1) and change of loss, for the samples ``rows``."""
        lost = self.losses_of(outputs, rows) - self.losses[rows] if self.loss else None
        if not self.classifies:
            differs = np.abs(outputs - self.golden.outputs[rows]) > self.tolerance / self.unit
            return np.zeros(len(rows), np.int64), differs.any(axis=1).astype(np.int64), lost
        chosen = outputs.argmax(axis=1)
        gained = (chosen == self.labels[rows]).astype(np.int64) - self.correct[rows]
        return gained, (chosen != self.decisions[rows]).astype(np.int64), lost

    def tally(self, outputs: Codes, rows: Codes, faults: Codes, count: int) -> Scores:
        """Scores of ``count`` faults from changed pairs: pair p is of ``faults[p]`` and ``rows[p]``."""
        gained, sdc, lost = self.outcome(outputs, rows)
        total = np.bincount(faults, weights=lost, minlength=count) if lost is not None else None
        return Scores(
            np.bincount(faults, weights=gained, minlength=count).astype(np.int64),
            np.bincount(faults, weights=sdc, minlength=count).astype(np.int64),
            total,
        )


def classifies(network: Network) -> bool:
    """Whether the network's decision is a class."""
    return network.task == "classification"
