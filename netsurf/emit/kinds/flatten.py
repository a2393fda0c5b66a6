"""``flatten``: wiring."""

from __future__ import annotations

from netsurf.emit.kinds.base import EmitKind


def _emit(layer, stream, context, body):
    body.add("", f"  // {layer.name}: flatten, {stream.elements} elements; the order does not change.")
    return stream


KIND = EmitKind("flatten", _emit)
