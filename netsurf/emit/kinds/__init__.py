"""The table of layer kinds that have Verilog. A new kind is one file here and one line below."""

from __future__ import annotations

from netsurf.emit.kinds import (
    activation,
    batchnorm,
    conv,
    dense,
    flatten,
    linear,
    merge,
    move,
    pool,
    recurrent,
    relu,
)
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.errors import UnsupportedLayerError
from netsurf.ir import Layer

KINDS: dict[str, EmitKind] = {
    kind.name: kind
    for kind in (
        dense.KIND,
        flatten.KIND,
        linear.KIND,
        relu.KIND,
        conv.CONV,
        conv.DEPTHWISE,
        batchnorm.KIND,
        pool.MAX,
        pool.AVERAGE,
        merge.ADD,
        merge.CONCATENATE,
        *move.KINDS,
        *activation.KINDS,
        recurrent.LSTM,
        recurrent.GRU,
    )
}


def kind_of(layer: Layer) -> EmitKind:
    """The table entry of a layer; UnsupportedLayerError if it has no Verilog."""
    if layer.kind not in KINDS:
        raise UnsupportedLayerError(
            f"layer '{layer.name}' is of kind '{layer.kind}', which has no Verilog; kinds that have: "
            f"{', '.join(sorted(KINDS))}"
        )
    return KINDS[layer.kind]


__all__ = ["KINDS", "Context", "EmitKind", "kind_of"]
