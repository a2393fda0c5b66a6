"""What a data set is: training, calibration and test samples, and where they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Source = Literal["real", "synthetic"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples and labels.

    Parameters
    ----------
    x
        ``uint8 (samples, *shape)``, where 256 stands for 1.0, or ``float32`` or ``float64``
        ``(samples, *shape)`` in the data set's own unit.
    y
        ``int64 (samples,)`` class numbers, ``float64 (samples,)`` targets in the data set's own unit,
        or, where a network is to return its input, ``x`` itself.
    anomaly
        ``bool (samples,)``: which samples are none of those the network was fitted to; None if the
        data set does not ask.
    group
        ``int64 (samples,)``: samples of one group overlap (windows of a recording, frames of a clip)
        and are never parted between training and calibration; None if samples are independent.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    anomaly: NDArray[np.bool_] | None = None
    group: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, rows: NDArray[np.int64]) -> Split:
        """The samples at ``rows``."""
        x = self.x[rows]
        return Split(
            x,
            x if self.y is self.x else self.y[rows],
            None if self.anomaly is None else self.anomaly[rows],
            None if self.group is None else self.group[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class DataSplits:
    """A data set, cut in three.

    Parameters
    ----------
    train
        What weights are fitted to.
    calibration
        Cut from the official training set and never trained on: for ranking bits and for every
        choice that must not see the test set.
    test
        The official test set, untouched until a number is reported.
    source
        Whether the samples were measured or generated.
    provenance
        Where they came from, in one sentence.
    """

    train: Split
    calibration: Split
    test: Split
    source: Source
    provenance: str


class UserSupplied(Protocol):
    """Samples that cannot be fetched and that the user may have put in a folder."""

    @property
    def present(self) -> bool:
        """Whether the folder is there."""

    def data(self, calibration: int) -> DataSet:
        """The data set that the folder holds."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """An entry of the table of data sets.

    Parameters
    ----------
    name
        Key in the table.
    training, test
        Functions that return the official training and test sets.
    calibration
        Number of training samples that are set aside; if samples come in groups, whole groups are
        set aside until there are at least so many.
    source, provenance
        As in :class:`DataSplits`.
    supplied
        What stands in for this data set wherever the user has it: the real samples whose
        synthetic twin this is.
    """

    name: str
    training: Callable[[], Split]
    test: Callable[[], Split]
    calibration: int
    source: Source
    provenance: str
    supplied: UserSupplied | None = None

    def effective(self) -> DataSet:
        """What the user supplied, or else this data set."""
        if self.supplied is not None and self.supplied.present:
            return self.supplied.data(self.calibration)
        return self

    def splits(self, seed: int = 0) -> DataSplits:
        """Cut the calibration samples from the training set at random, by ``seed``."""
        training = self.training()
        aside = _set_aside(training, self.calibration, np.random.default_rng(seed))
        return DataSplits(
            training.rows(np.flatnonzero(~aside)),
            training.rows(np.flatnonzero(aside)),
            self.test(),
            self.source,
            self.provenance,
        )


def _set_aside(training: Split, count: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which samples are for calibration: ``count`` at random, or whole groups that hold at least as many."""
    if training.group is None:
        aside = np.zeros(len(training), bool)
        aside[random.permutation(len(training))[:count]] = True
        return aside
    groups, sizes = np.unique(training.group, return_counts=True)
    order = random.permutation(len(groups))
    needed = 1 + int(np.searchsorted(np.cumsum(sizes[order]), count))
    return np.isin(training.group, groups[order[:needed]])
