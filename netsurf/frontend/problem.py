"""Benchmarks as problems: what campaigns measure faults on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.campaign.problem import Problem
from netsurf.errors import UnknownNameError
from netsurf.frontend import spec as specs
from netsurf.ir import load

SPLITS = {"test": specs.testdata, "calibration": specs.calibration}
"""Splits that faults may be measured on; training samples are none of them."""


def problem(name: str, split: str = "test", samples: int | None = None) -> Problem:
    """The integer network of a benchmark with the first ``samples`` samples of a split, or all of them.

    Raises
    ------
    UnknownNameError
        If there is no such benchmark or split.
    NetworkError
        If the benchmark was not trained.
    DataError
        If its data cannot be had.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    spec = specs.load(name)
    network = load(spec.folder)
    inputs, labels = SPLITS[split](spec)
    return Problem(
        network,
        _narrow(inputs[:samples]),
        labels[:samples],
        split,
        spec.output_tolerance,
        spec.target.scale,
        spec.target.offset,
    )


def _narrow(codes: NDArray[np.int64]) -> NDArray:
    """The same codes in the smallest integer type that holds them."""
    kinds = (np.uint8, np.int8, np.int16, np.int32)
    fits = (k for k in kinds if np.iinfo(k).min <= codes.min() and codes.max() <= np.iinfo(k).max)
    return codes.astype(next(fits, np.int64))
