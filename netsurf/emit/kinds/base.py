"""What a layer kind must say about itself to the emitter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netsurf.emit.guards import Protection
from netsurf.emit.stream import Body, Stream
from netsurf.ir import Layer, TensorSpec


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
        Tensor name to how its bits are protected; for :func:`netsurf.emit.stores.add_store`.
    spec
        Shape and format of the (first) tensor that the layer reads.
    """

    reuse_factor: int
    next_per_beat: int
    masks: Mapping[str, Protection]
    spec: TensorSpec


@dataclass(frozen=True, slots=True)
class EmitKind:
    """Verilog of one kind of layer.

    Parameters
    ----------
    name
        Key in the table: the kind in :data:`netsurf.ir.KINDS`.
    emit
        ``emit(layer, stream, context, body)`` appends to ``body`` and returns the stream behind the layer.
        A layer that reads several tensors gets their streams as a tuple.
    pixels
        Whether it takes one position of the last axis (a pixel, all channels) a beat.
    factors
        ``factors(layer, spec)``: reuse factors that can be built, ascending, for kinds that have one: cycles
        of a sample, or of a patch.
    """

    name: str
    emit: Callable[[Layer, Stream | Sequence[Stream], Context, Body], Stream]
    pixels: bool = False
    factors: Callable[[Layer, TensorSpec], tuple[int, ...]] | None = None
