"""The table of layer kinds. A new kind is one file here and one line below."""

from __future__ import annotations

from netsurf.errors import UnknownNameError
from netsurf.ir.kinds import (
    activation,
    batchnorm,
    conv,
    dense,
    depthwise,
    flatten,
    linear,
    merge,
    move,
    pool,
    recurrent,
    relu,
)
from netsurf.ir.kinds.base import LayerKind
from netsurf.ir.network import Layer

KINDS: dict[str, LayerKind] = {
    kind.name: kind
    for kind in (
        dense.KIND,
        conv.KIND,
        depthwise.KIND,
        batchnorm.KIND,
        pool.MAX,
        pool.AVERAGE,
        merge.ADD,
        merge.CONCATENATE,
        flatten.KIND,
        *move.KINDS,
        linear.KIND,
        relu.KIND,
        *activation.KINDS,
        recurrent.LSTM,
        recurrent.GRU,
    )
}


def kind_of(layer: Layer) -> LayerKind:
    """The table entry of a layer; names the nearest kinds if there is none."""
    if layer.kind not in KINDS:
        raise UnknownNameError("layer kind", layer.kind, KINDS)
    return KINDS[layer.kind]


__all__ = ["KINDS", "LayerKind", "kind_of"]
