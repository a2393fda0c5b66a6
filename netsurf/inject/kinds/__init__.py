"""The table of fast layer kinds. A kind without an entry runs by its reference semantics, exact and slow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netsurf.inject.kinds import batchnorm, conv, dense, moves, pointwise, recurrent
from netsurf.inject.kinds.base import Codes, FastKind, Linear, Specs, Summation, Upset
from netsurf.ir import Layer
from netsurf.ir.kinds import kind_of

KINDS: dict[str, FastKind] = {
    kind.name: kind
    for kind in (
        dense.KIND,
        *conv.KINDS,
        batchnorm.KIND,
        *moves.KINDS,
        *pointwise.KINDS,
        *recurrent.KINDS,
    )
}


def fast_kind(layer: Layer) -> FastKind:
    """The fast entry of a layer's kind, or one that wraps its reference semantics."""
    return KINDS.get(layer.kind) or FastKind(layer.kind, _reference)


def _reference(layer: Layer, inputs: Sequence[Codes], specs: Specs, parameters: Mapping[str, Codes]) -> Codes:
    """The reference semantics, which count on 64-bit integers; a golden run keeps its codes narrow."""
    return kind_of(layer).execute(layer, [x.astype(np.int64) for x in inputs], specs, parameters)


__all__ = ["KINDS", "FastKind", "Linear", "Summation", "Upset", "fast_kind"]
