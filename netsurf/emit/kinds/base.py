"""What a layer kind must say about itself to the emitter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.stream import Body, Stream
from netsurf.ir import Layer


@dataclass(frozen=True, slots=True)
class Context:
    """What a layer may know besides its stream.

    Parameters
    ----------
    reuse_factor
        Of this layer; 1 for layers without a kernel.
    next_per_beat
        Elements a beat that whoever takes this layer's vector wants.
    masks
        Tensor name to ``bool (elements, width)``: which stored bits are protected.
    """

    reuse_factor: int
    next_per_beat: int
    masks: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class EmitKind:
    """Verilog of one kind of layer.

    Parameters
    ----------
    name
        Key in the table: the kind in :data:`netsurf.ir.KINDS`.
    emit
        ``emit(layer, stream, context, body)`` appends to ``body`` and returns the stream behind the layer.
    """

    name: str
    emit: Callable[[Layer, Stream, Context, Body], Stream]
