"""Bit rankings: which stored bits matter most. One file a method, one table of them.

A method gives each stored bit a score; an ordering makes a sequence of the scores; a plan protects the
first bits of the sequence. Methods that need more than the stored weights read *evidence*
(:mod:`netsurf.rank.evidence`), which `netsurf.frontend.gather` measures on the calibration split.

>>> [name for name, method in METHODS.items() if not method.needs]  # doctest: +NORMALIZE_WHITESPACE
['random', 'msb', 'lsb', 'layerwise_first', 'layerwise_last', 'weight_abs_value', 'diffbitperweight',
 'recursive_uneven']
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import UnknownNameError, UsageError
from netsurf.ir import Network
from netsurf.rank import (
    aiber,
    diffbitperweight,
    fisher,
    grad,
    graddelta,
    hessian,
    laplace,
    layerwise,
    msb,
    oracle,
    qpolar,
    random,
    recursive_uneven,
    taylor,
    weight_abs_value,
)
from netsurf.rank.evidence import EVIDENCE, Evidence, check, none
from netsurf.rank.method import Method, Scores
from netsurf.rank.ordering import Ordering, Pruned, order

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        random.METHOD,
        msb.METHOD,
        msb.LSB,
        layerwise.FIRST,
        layerwise.LAST,
        weight_abs_value.METHOD,
        diffbitperweight.METHOD,
        recursive_uneven.METHOD,
        grad.METHOD,
        grad.NORM,
        graddelta.METHOD,
        graddelta.NORM,
        hessian.METHOD,
        hessian.FKERAS,
        hessian.DELTA,
        fisher.METHOD,
        fisher.SQUARED_MEAN,
        laplace.METHOD,
        taylor.METHOD,
        taylor.SECOND,
        qpolar.METHOD,
        qpolar.GRAD,
        aiber.METHOD,
        oracle.METHOD,
        oracle.PAIRS,
    )
}
"""Name to method: the one table of rankers."""

ALIASES = {
    "bitwise_msb": "msb",
    "bitwise_lsb": "lsb",
    "hirescam": "grad",
    "hirescam_norm": "grad_norm",
    "hiresdelta": "graddelta",
    "hiresdelta_norm": "graddelta_norm",
}
"""Older names of methods."""


def canonical(method: str) -> str:
    """The name in :data:`METHODS` of a method or alias.

    Raises
    ------
    UnknownNameError
        If there is no such method; lists the nearest.

    >>> canonical("bitwise_msb")
    'msb'
    """
    name = ALIASES.get(method, method)
    if name not in METHODS:
        raise UnknownNameError("ranker", method, METHODS)
    return name


def needs(methods: Iterable[str]) -> tuple[str, ...]:
    """Names of the evidence that any of the methods reads, in the order of :data:`EVIDENCE`.

    >>> needs(["grad", "taylor2", "msb"])
    ('gradient', 'hessian_diagonal')
    """
    read = {name for method in methods for name in METHODS[canonical(method)].needs}
    return tuple(name for name in EVIDENCE if name in read)


def scores(
    method: str, network: Network, seed: int = 0, evidence: Evidence | None = None, **options: Any
) -> Scores:
    """Score the stored bits of a network.

    Parameters
    ----------
    method
        Key of :data:`METHODS` or an alias.
    seed
        Used by the methods that draw; the same seed gives the same scores.
    evidence
        Holds at least what the method reads (:func:`needs`).
    options
        Of the method; its own defaults otherwise.

    Returns
    -------
    ``float64 (S,)``: the larger, the more critical.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    UsageError
        If evidence is missing or of another network, or the method takes no such option.
    """
    entry = METHODS[canonical(method)]
    settings = entry.settings(options)
    evidence = none(network) if evidence is None else evidence
    check(evidence, network, entry.needs, entry.name)
    return np.asarray(entry.score(network, evidence, seed, **settings), np.float64)


def rank(
    method: str,
    network: Network,
    seed: int = 0,
    evidence: Evidence | None = None,
    *,
    ordering: Ordering | None = None,
    weights: Pruned = "last",
    tie_seed: int | None = None,
    **options: Any,
) -> NDArray[np.int64]:
    """Order the stored bits of a network.

    Parameters
    ----------
    method, seed, evidence, options
        As for :func:`scores`.
    ordering
        ``free`` or ``bitplane``; the method's own default if None.
    weights
        What becomes of bits of pruned weights: they are never ranked (``last``, ``exclude``) unless asked
        for (``compete``).
    tie_seed
        None breaks ties by number; a seed breaks them at random.

    Returns
    -------
    ``int64 (S,)``: every stored-bit number once, most critical first (fewer if pruned bits are excluded).

    Raises
    ------
    UsageError
        As for :func:`scores`, or if the ordering makes no sense for the method.
    """
    entry = METHODS[canonical(method)]
    chosen = entry.orderings[0] if ordering is None else ordering
    if chosen not in entry.orderings:
        raise UsageError(
            f"ranker '{entry.name}' has no ordering '{chosen}'; it has {', '.join(entry.orderings)}"
        )
    values = scores(method, network, seed, evidence, **options)
    return order(network, values, chosen, power=entry.power, weights=weights, tie_seed=tie_seed)


__all__ = [
    "ALIASES",
    "EVIDENCE",
    "METHODS",
    "Evidence",
    "Method",
    "Ordering",
    "Pruned",
    "Scores",
    "canonical",
    "needs",
    "order",
    "rank",
    "scores",
]
