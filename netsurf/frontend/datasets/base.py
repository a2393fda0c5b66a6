"""What a data set is: training, calibration and test samples, and where they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["real", "synthetic"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples and labels.

    Parameters
    ----------
    x
        ``uint8 (samples, *shape)``, where 256 stands for 1.0, or ``float64 (samples, features)``.
    y
        ``int64`` class numbers, or ``float64`` targets in the data set's own unit.
    """

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, rows: NDArray[np.int64]) -> Split:
        """The samples at ``rows``."""
        return Split(self.x[rows], self.y[rows])


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
        Number of training samples that are set aside.
    source, provenance
        As in :class:`DataSplits`.
    """

    name: str
    training: Callable[[], Split]
    test: Callable[[], Split]
    calibration: int
    source: Source
    provenance: str

    def splits(self, seed: int = 0) -> DataSplits:
        """Cut the calibration samples from the training set at random, by ``seed``."""
        training = self.training()
        order = np.random.default_rng(seed).permutation(len(training))
        aside, rest = np.sort(order[: self.calibration]), np.sort(order[self.calibration :])
        return DataSplits(
            training.rows(rest), training.rows(aside), self.test(), self.source, self.provenance
        )
