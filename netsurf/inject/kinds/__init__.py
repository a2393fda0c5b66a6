"""The table of fast layer kinds. A kind without an entry runs by its reference semantics, exact and slow."""

from __future__ import annotations

from netsurf.inject.kinds import dense, pointwise
from netsurf.inject.kinds.base import FastKind, Linear, Summation, Upset
from netsurf.ir import Layer
from netsurf.ir.kinds import kind_of

KINDS: dict[str, FastKind] = {kind.name: kind for kind in (dense.KIND, *pointwise.KINDS)}


def fast_kind(layer: Layer) -> FastKind:
    """The fast entry of a layer's kind, or one that wraps its reference semantics."""
    return KINDS.get(layer.kind) or FastKind(layer.kind, kind_of(layer).execute)


__all__ = ["KINDS", "FastKind", "Linear", "Summation", "Upset", "fast_kind"]
