"""``flatten``: wiring."""

from __future__ import annotations

from netsurf.emit.kinds.base import EmitKind
from netsurf.emit.verilog import banner


def _emit(layer, stream, context, body):
    body.add("", banner(layer.name, f"flatten, {stream.elements} elements in the same order"))
    return stream


KIND = EmitKind("flatten", _emit)
