"""A straight line with noise, for tests and demonstrations that must not download anything."""

from __future__ import annotations

import numpy as np

from netsurf.frontend.datasets.base import DataSet, Split

SLOPE, OFFSET, NOISE = 2.5, 1.3, 0.3


def samples(count: int, seed: int) -> Split:
    """``y = 2.5 x + 1.3 + N(0, 0.3)`` with ``x`` uniform in [-1, 1).

    >>> split = samples(3, seed=1)
    >>> split.x.shape, split.y.shape
    ((3, 1), (3,))
    """
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, count)
    return Split(x[:, None], SLOPE * x + OFFSET + random.normal(0, NOISE, count))


DATA = DataSet(
    name="dummy",
    training=lambda: samples(800, seed=0),
    test=lambda: samples(200, seed=1),
    calibration=100,
    source="synthetic",
    provenance="generated: y = 2.5 x + 1.3 + N(0, 0.3), seeds 0 (training) and 1 (test)",
)
