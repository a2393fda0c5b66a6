"""The telescope loss of HGCal modules: errors of trigger cells, and of sums that later electronics form.

Over the 48 charges ``y`` of a module and their predictions ``p``, with sums over groups of cells,

    L = 4 * L48 + 2 * L36 + L3 + E,    L_k = mean over groups g of w_g * max(P_g, Y_g) * (P_g - Y_g)**2,

where ``L48`` takes single cells (``w = 1``), ``L3`` the three rhombi of 4x4 cells (``w = 1``), ``L36`` the
36 windows of 2x2 cells: nine in each rhombus, and three across each edge that two rhombi share. A window's
weight is the mean over its cells of one over the number of windows that the cell is in.
This is the loss of G. Di Guglielmo et al., IEEE Trans. Nucl. Sci. 68 (2021), with the weights of its formula;
the published table has other numbers for six windows at the centre. ``E`` is ours: the mean square of the 16
pixels of the image that show no cell, so that what an accelerator sends there means nothing is wrong.

Samples are weighed alone: the loss of a batch is the mean of theirs.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.frontend.datasets.hgcal import CELLS, EMPTY, PIXELS, centres

Groups = NDArray[np.float32]
"""``(groups, 48)``: 1 where a cell is in a group."""


def telescope(targets: Any, outputs: Any) -> Any:
    """Loss of each sample ``(samples,)`` of images ``(samples, 64)``, TensorFlow tensors."""
    import tensorflow as tf

    wanted, found = (tf.gather(tf.reshape(x, (-1, 64)), PIXELS, axis=1) for x in (targets, outputs))
    empty = tf.gather(tf.reshape(outputs, (-1, 64)), EMPTY, axis=1)
    loss = tf.reduce_mean(empty**2, axis=1)
    for factor, groups, weights in levels():
        want, have = (tf.matmul(x, groups.T) for x in (wanted, found))
        loss += factor * tf.reduce_mean(weights * tf.maximum(want, have) * (want - have) ** 2, axis=1)
    return loss


@cache
def levels() -> tuple[tuple[float, Groups, NDArray[np.float32]], ...]:
    """Factor, groups and weights of the three terms.

    >>> [(factor, len(groups), round(float(weights.sum()), 3)) for factor, groups, weights in levels()]
    [(4.0, 48, 48.0), (2.0, 36, 12.0), (1.0, 3, 3.0)]
    """
    rhombi = np.repeat(np.eye(3, dtype=np.float32), 16, axis=1)
    pairs = windows()
    weights = (pairs / pairs.sum(axis=0)).sum(axis=1) / 4
    singles = np.eye(CELLS, dtype=np.float32)
    one = np.ones(CELLS, np.float32)
    return (4.0, singles, one), (2.0, pairs, weights), (1.0, rhombi, one[:3])


def windows() -> Groups:
    """The 36 windows of 2x2 cells."""
    corners = (16 * k + 4 * r + c for k in range(3) for r in range(3) for c in range(3))
    inside = [corner + np.array([0, 1, 4, 5]) for corner in corners]
    across = [np.array([*a, *b]) for pair in combinations(range(3), 2) for a, b in pairwise(_edge(*pair))]
    found = np.zeros((36, CELLS), np.float32)
    for window, cells in zip(found, [*inside, *across], strict=True):
        window[cells] = 1
    return found


def _edge(one: int, other: int) -> list[tuple[int, int]]:
    """The four pairs of nearest neighbours on both sides of the edge of two rhombi, along it."""
    place = centres().reshape(3, 16, 2)
    apart = np.linalg.norm(place[one][:, None] - place[other][None], axis=2)
    pairs = np.argwhere(apart < apart.min() + 0.1)
    return [(16 * one + a, 16 * other + b) for a, b in pairs.tolist()]
