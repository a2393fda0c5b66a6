"""Orderings: from one score a stored bit to the sequence in which bits are protected."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import UnknownNameError, UsageError
from netsurf.fault.sample import generator
from netsurf.ir import Network
from netsurf.rank.bits import positions, pruned, steps

Ordering = Literal["free", "bitplane"]
"""``free``: all stored bits compete. ``bitplane``: the highest plane first, scores decide within a plane
(the order of the first NetSurf)."""

ORDERINGS: tuple[str, ...] = get_args(Ordering)

Pruned = Literal["last", "exclude", "compete"]
"""What becomes of bits of pruned weights: they follow all others, are left out, or compete with them."""

_TIES = 0x54494553
"""Counter that keeps random tie-breaking independent of other draws of the same seed."""


def order(
    network: Network,
    scores: ArrayLike,
    ordering: Ordering = "free",
    *,
    power: int = 0,
    weights: Pruned = "last",
    tie_seed: int | None = None,
) -> NDArray[np.int64]:
    """Numbers of the stored bits, the most critical first.

    Parameters
    ----------
    scores
        ``(S,)``, the larger the more critical.
    ordering
        See :data:`Ordering`.
    power
        In the free ordering a score is multiplied by ``2**(position - fraction)`` to this power, the size
        of the change of the weight.
    weights
        See :data:`Pruned`.
    tie_seed
        None breaks ties by number; a seed breaks them at random.

    Returns
    -------
    ``int64 (S,)``, each number once; without the pruned bits if they are excluded.

    Raises
    ------
    UsageError
        If the scores have another shape or are not finite.
    UnknownNameError
        If an ordering or treatment of pruned weights has another name.
    """
    _known("ordering", ordering, Ordering)
    _known("treatment of pruned weights", weights, Pruned)
    values = _checked(network, scores)
    if ordering == "free" and power:
        values = values * steps(network) ** power
    last = np.zeros(len(values), bool) if weights == "compete" else pruned(network)
    keys = [-values]  # the last key counts first; a stable sort leaves the numbers in order where keys tie
    if tie_seed is not None:
        keys = [generator(tie_seed, _TIES).permutation(len(values)), *keys]
    if ordering == "bitplane":
        keys.append(-positions(network))
    ranking = np.lexsort([*keys, last] if last.any() else keys).astype(np.int64, copy=False)
    return ranking[: len(ranking) - int(last.sum())] if weights == "exclude" else ranking


def _known(what: str, name: str, kinds: object) -> None:
    if name not in get_args(kinds):
        raise UnknownNameError(what, name, get_args(kinds))


def _checked(network: Network, scores: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(scores, np.float64)
    if values.shape != (network.stored_bits,):
        raise UsageError(f"scores must have the shape ({network.stored_bits},), not {values.shape}")
    if not np.isfinite(values).all():
        bad = int(np.flatnonzero(~np.isfinite(values))[0])
        raise UsageError(f"score of stored bit {bad} is {values[bad]}; scores must be finite")
    return values
