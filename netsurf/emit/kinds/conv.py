"""``conv`` and ``depthwise``: ``ns_window``, then a dense layer over every patch."""

from __future__ import annotations

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.kinds.dense import add_sums, to_output
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, short
from netsurf.emit.windows import add_window, pixel_beats, pixels
from netsurf.ir import Layer, TensorSpec
from netsurf.ir.kinds.window import window_of


def _emit(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    kernel, lanes = layer.parameters["kernel"].codes, _lanes(layer)
    outputs = kernel.shape[-1]
    rows = kernel.size // outputs  # words of the kernel
    size = kernel.shape[:-1] if layer.kind == "depthwise" else kernel.shape[:-2]
    window = window_of(layer, context.spec, size)
    per_beat = rows // context.reuse_factor
    body.add(
        "",
        banner(layer.name, f"{layer.kind}, {_shape(context.spec)} to {_shape(layer.output)}"),
        f"  // {per_beat} x {outputs} products a cycle, {context.reuse_factor} cycles a patch; "
        f"sums are {short(layer.attributes['accumulator'])}.",
    )
    stream = rebeat(stream, window.shape[-1], layer.name, body)
    patches = add_window(layer.name, window, 0, stream, per_beat * lanes, body)
    sums = add_sums(layer, patches, context, body, lanes)
    return to_output(pixels(sums, layer.output.size), layer, body)


def _lanes(layer: Layer) -> int:
    """Codes of an input of ``ns_dense``: a pixel if every output has an input of its own."""
    return layer.parameters["kernel"].codes.shape[-1] if layer.kind == "depthwise" else 1


def _shape(spec: TensorSpec) -> str:
    return " x ".join(map(str, spec.shape))


def _factors(layer: Layer, spec: TensorSpec) -> tuple[int, ...]:
    """Cycles that a patch may take."""
    kernel, lanes = layer.parameters["kernel"].codes, _lanes(layer)
    rows = kernel.size // kernel.shape[-1]
    if layer.kind == "depthwise":
        beats = [n // lanes for n in pixel_beats(kernel.shape[:-1], lanes) if n % lanes == 0]
    else:
        beats = list(pixel_beats(kernel.shape[:-2], spec.shape[-1]))
    return tuple(sorted(rows // n for n in beats))


CONV = EmitKind("conv", _emit, pixels=True, factors=_factors)
DEPTHWISE = EmitKind("depthwise", _emit, pixels=True, factors=_factors)
