"""Codes move: ``reshape``, ``zero_pad``, ``upsample``, ``zero_insert``, ``transpose``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netsurf.emit.beats import rebeat
from netsurf.emit.kinds.base import Context, EmitKind
from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Copies
from netsurf.emit.verilog import banner, index_width, instance, wire
from netsurf.emit.windows import add_window, pixels
from netsurf.ir import Layer
from netsurf.ir.kinds.window import Window


def _reshape(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    body.add("", banner(layer.name, f"reshape to {layer.output.shape}, {stream.elements} elements in order"))
    return stream


def _pad(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    shape, padding = context.spec.shape, layer.attributes["padding"]
    body.add("", banner(layer.name, f"zeros around {shape}"))
    stream = rebeat(stream, shape[-1], layer.name, body)
    ones = (1,) * (len(shape) - 1)
    window = Window(shape, ones, ones, ones, padding)
    padded = add_window(layer.name, window, 0, stream, shape[-1], body)
    body.add(f"  wire {layer.name}_unused_ok = &{{1'b0, {layer.name}_patch_last, 1'b0}};")
    return pixels(padded, layer.output.size)


def _upsample(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    shape, factors = context.spec.shape, layer.attributes["factors"]
    rows, cols = factors if len(factors) == 2 else (1, *factors)
    name = f"{layer.name}_pixel"
    body.add("", banner(layer.name, f"{layer.kind.replace('_', ' ')} {shape} by {factors}"))
    zeros = {"ZEROS": "1"} if layer.kind == "zero_insert" else {}
    stream = rebeat(stream, shape[-1], layer.name, body)
    body.use("ns_upsample")
    body.timing.add(Copies(stream.handshake, f"{name}_", columns=shape[-2], copies=(rows, cols)))
    widths = {"COL_W": index_width(shape[-2] + 1), "U_ROW_W": index_width(rows), "U_COL_W": index_width(cols)}
    _list_upsample(layer, shape[-2], widths, stream, body)
    body.add(
        "",
        f"  wire {name}_valid, {name}_ready;",
        "  " + wire(stream.width, name),
        "",
        *instance(
            "ns_upsample",
            f"u_{layer.name}",
            {"COLS": str(shape[-2]), "U_ROWS": str(rows), "U_COLS": str(cols), **zeros}
            | {"PIXEL_W": str(stream.width)}
            | {key: str(value) for key, value in widths.items()},
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "pixel_valid_i": f"{stream.handshake}valid",
                "pixel_ready_o": f"{stream.handshake}ready",
                "pixel_data_i": stream.data,
                "beat_valid_o": f"{name}_valid",
                "beat_ready_i": f"{name}_ready",
                "beat_data_o": name,
            },
        ),
    )
    copies = replace(stream, handshake=f"{name}_", data=name)
    return pixels(copies, layer.output.size)


def _list_upsample(layer: Layer, columns: int, widths: dict[str, int], stream: Stream, body: Body) -> None:
    cell, name = f"u_{layer.name}", layer.name
    body.register(f"{name}.row", "activation", (columns, stream.width), f"{cell}.mem_q[{{}}]", "ns_upsample")
    for register, width in (
        ("taken", "COL_W"),
        ("col", "COL_W"),
        ("row_copy", "U_ROW_W"),
        ("copy", "U_COL_W"),
    ):
        shape = (1, widths[width])
        body.register(f"{name}.{register}", "control", shape, f"{cell}.{register}_q", "ns_upsample")


def _transpose(layer: Layer, stream: Stream, context: Context, body: Body) -> Stream:
    shape, order, width = context.spec.shape, layer.attributes["permutation"], stream.format.width
    body.add("", banner(layer.name, f"transpose {shape} to {layer.output.shape}"))
    whole = rebeat(stream, stream.elements, layer.name, body)
    source = np.arange(whole.elements).reshape(shape).transpose(order).reshape(-1)
    name = f"{layer.name}_data"
    body.add("", "  " + wire(whole.width, name))
    body.add(
        *(
            f"  assign {name}[{n * width} +: {width}] = {whole.data}[{k * width} +: {width}];"
            for n, k in enumerate(source.tolist())
        )
    )
    return whole.changed(name, stream.format)


KINDS = (
    EmitKind("reshape", _reshape),
    EmitKind("zero_pad", _pad, pixels=True),
    EmitKind("upsample", _upsample, pixels=True),
    EmitKind("zero_insert", _upsample, pixels=True),
    EmitKind("transpose", _transpose),
)
