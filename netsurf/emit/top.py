"""The emitted top: ports, the layers in order, the output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import InputStream, OutputStream, Store
from netsurf.emit.architecture import Architecture
from netsurf.emit.kinds import Context, kind_of
from netsurf.emit.kinds.dense import add_feed
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, index_width, instance, join, short, wire
from netsurf.errors import UnsupportedLayerError
from netsurf.fault.registers import VOTER_INPUT, Register
from netsurf.harden import DesignPoint
from netsurf.ir import Network
from netsurf.ir.network import INPUT


@dataclass(frozen=True, slots=True)
class Top:
    """The emitted module and what was decided on the way."""

    name: str
    text: str
    cells: tuple[str, ...]
    input: InputStream
    output: OutputStream
    latency: int
    interval: int
    registers: int
    register_list: tuple[Register, ...]
    marks: tuple[tuple[str, str], ...]
    stores: tuple[Store, ...]


def build(design: DesignPoint, architecture: Architecture) -> Top:
    """Walk the chain of layers and print it.

    Raises
    ------
    UnsupportedLayerError
        If a layer has no Verilog, or the network is no chain.
    """
    network = design.network
    _require_chain(network)
    body = Body(top=f"{network.name}_accelerator")
    per_beat = _beat_sizes(network, architecture)
    source = Stream("s_axis_t", "x", network.input.format, network.input.size, per_beat[0], cycle=0)
    stream = source
    masks = _masks(design)
    for layer, wanted in zip(network.layers, per_beat[1:], strict=True):
        context = Context(architecture.reuse_factors.get(layer.name, 1), wanted, masks)
        stream = kind_of(layer).emit(layer, stream, context, body)
    stream = _registered(stream, body)
    _add_output(network, stream, body)
    beats = InputStream(
        source.elements, source.format.width, source.per_beat, source.beats, _padded(source.width)
    )
    output = OutputStream(
        stream.elements,
        stream.format.width,
        stream.format.signed,
        _padded(stream.width),
        index_width(stream.elements),
    )
    return Top(
        name=body.top,
        text=join(
            [*_header(design, architecture, beats, output, stream.cycle, body), *body.lines, "", "endmodule"]
        ),
        cells=tuple(sorted(body.cells)),
        input=beats,
        output=output,
        latency=stream.cycle,
        interval=body.interval,
        registers=body.registers,
        register_list=listed(body),
        marks=tuple(sorted(body.marks)),
        stores=tuple(body.stores),
    )


def listed(body: Body) -> tuple[Register, ...]:
    """The registers in the order of the design, then the voter inputs."""
    return tuple(sorted(body.register_list, key=lambda register: register.kind == VOTER_INPUT))


def _require_chain(network: Network) -> None:
    previous = INPUT
    for layer in network.layers:
        if layer.inputs != (previous,):
            raise UnsupportedLayerError(
                f"{network.name}.{layer.name} reads {', '.join(layer.inputs)}; the emitter takes chains, "
                f"where it would read {previous}"
            )
        previous = layer.name


def _beat_sizes(network: Network, architecture: Architecture) -> list[int]:
    """Elements a beat in front of each layer and behind the last: what the next dense layer takes."""
    sizes = [network.output.size]
    for layer in reversed(network.layers):
        inputs = network.spec(layer.inputs[0]).size
        factor = architecture.reuse_factors.get(layer.name)
        sizes.append(inputs // factor if factor else sizes[-1])
    return sizes[::-1]


def _masks(design: DesignPoint) -> Mapping[str, NDArray[np.bool_]]:
    """Tensor to ``bool (elements, width)``: the protected bits."""
    masks = {}
    for name, offset in design.space.offsets.items():
        parameter = design.network.parameters[name]
        flat = design.space.is_protected[offset : offset + parameter.stored_bits]
        masks[name] = flat.reshape(-1, parameter.format.width)
    return masks


def _registered(stream: Stream, body: Body) -> Stream:
    """A network without a dense layer gets the one register that every accelerator ends in."""
    if stream.handshake != "s_axis_t":
        return stream
    body.add(
        "",
        "  // No layer holds a register: hold the output.",
        "  wire y_in_valid = s_axis_tvalid;",
        "  wire y_in_ready;",
        "  " + wire(stream.width, "y_in"),
        f"  assign y_in = {stream.data};",
        "  assign s_axis_tready = y_in_ready;",
    )
    held = Stream("y_beat_", "y_beat", stream.format, stream.elements, stream.per_beat, stream.cycle + 1)
    add_feed("y", "y_in", held, body)
    return held


def _add_output(network: Network, stream: Stream, body: Body) -> None:
    padding = _padded(stream.width) - stream.width
    body.add(
        "",
        banner("output", f"{stream.elements} x {short(stream.format)} in one beat"),
        f"  assign {stream.handshake}ready = m_axis_tready;",
        f"  assign m_axis_tvalid = {stream.handshake}valid;",
        f"  assign m_axis_tlast = {stream.handshake}last;",
        f"  assign m_axis_tdata = {_pad(stream.data, padding)};",
    )
    if network.task == "classification":
        body.use("ns_argmax")
        body.add(
            "",
            *instance(
                "ns_argmax",
                "u_argmax",
                {
                    "N": str(stream.elements),
                    "WIDTH": str(stream.format.width),
                    "SIGNED": str(int(stream.format.signed)),
                    "INDEX_W": str(index_width(stream.elements)),
                },
                {"en_i": f"{stream.handshake}valid", "data_i": stream.data, "index_o": "m_axis_tuser"},
            ),
        )
    else:
        body.add(f"  assign m_axis_tuser = {index_width(stream.elements)}'d0;  // no class to name")


def _header(design, architecture, beats, output, latency, body) -> list[str]:
    network, plan = design.network, design.plan
    high = beats.per_beat * beats.width - 1
    return [
        f"// {body.top}: {network.name}, {architecture.name} architecture. Emitted by NetSurf; do not edit.",
        "//",
        f"// Input     {beats.elements} x {short(network.input.format)}, {beats.per_beat} a beat",
        f"// Output    {output.elements} x {short(network.output.format)}"
        + (", tuser = index of the largest" if network.task == "classification" else ""),
        f"// Latency   {latency:,} cycles from the first accepted beat to m_axis_tvalid",
        f"// Interval  {body.interval:,} cycles between samples",
        f"// Store     {network.stored_bits:,} bits, {len(plan.bits):,} triplicated ({plan.level:.1%})",
        f"// Network   {network.digest}",
        f"// Plan      {plan.digest}",
        f"module {body.top} (",
        *_ports(beats, output, len(body.stores)),
        ");",
        "",
        f"  wire [{high}:0] x = s_axis_tdata[{high}:0];",
        *_unused(beats, len(body.stores)),
    ]


def _ports(beats: InputStream, output: OutputStream, stores: int) -> list[str]:
    ports = [
        ("input  wire", 1, "aclk"),
        ("input  wire", 1, "aresetn"),
        ("input  wire", 1, "s_axis_tvalid"),
        ("output wire", 1, "s_axis_tready"),
        ("input  wire", beats.tdata_width, "s_axis_tdata"),
        ("input  wire", 1, "s_axis_tlast"),
        ("output wire", 1, "m_axis_tvalid"),
        ("input  wire", 1, "m_axis_tready"),
        ("output wire", output.tdata_width, "m_axis_tdata"),
        ("output wire", 1, "m_axis_tlast"),
        ("output wire", output.tuser_width, "m_axis_tuser"),
        ("input  wire", 1, "cfg_we_i"),
        ("input  wire", 32, "cfg_addr_i"),
        ("input  wire", 32, "cfg_data_i"),
        ("input  wire", 1, "tmr_clear_i"),
        ("output wire", max(stores, 1), "tmr_error_o"),
    ]
    always = {"m_axis_tuser", "tmr_error_o"}
    ranges = [f"[{width - 1}:0]" if width > 1 or name in always else "" for _, width, name in ports]
    column = max(map(len, ranges))
    return [
        f"    {kind} {span:>{column}} {name}{',' if name != 'tmr_error_o' else ''}"
        for (kind, _, name), span in zip(ports, ranges, strict=True)
    ]


def _unused(beats: InputStream, stores: int) -> list[str]:
    used = beats.per_beat * beats.width
    names = [f"s_axis_tdata[{beats.tdata_width - 1}:{used}]"] if beats.tdata_width > used else []
    if not stores:
        names += ["s_axis_tlast", "cfg_we_i", "cfg_addr_i", "cfg_data_i", "tmr_clear_i"]
    lines = [f"  wire unused_ok = &{{1'b0, {', '.join(names)}, 1'b0}};"] if names else []
    return lines if stores else [*lines, "  assign tmr_error_o = 1'b0;"]


def _padded(width: int) -> int:
    return -(-width // 8) * 8


def _pad(name: str, padding: int) -> str:
    return f"{{{padding}'b0, {name}}}" if padding else name
