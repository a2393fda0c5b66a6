"""The emitted top: ports, the layers in order, the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from netsurf.emit.accelerator import InputStream, OutputStream, Store
from netsurf.emit.architecture import Architecture
from netsurf.emit.beats import add_feed, rebeat, renamed
from netsurf.emit.guards import protections
from netsurf.emit.kinds import KINDS, Context, kind_of
from netsurf.emit.reads import runs_of
from netsurf.emit.stream import SOURCE, Body, Stream
from netsurf.emit.timing import Fifo, Fork, Node
from netsurf.emit.triplicate import (
    COPIES,
    copies,
    datapath,
    datapath_name,
    ports_of,
    registers,
    require_stores,
)
from netsurf.emit.verilog import banner, index_width, instance, join, short
from netsurf.errors import UnsupportedLayerError
from netsurf.fault.registers import VOTER_INPUT, Register
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.ir import Layer, Network, TensorSpec
from netsurf.ir.network import INPUT


@dataclass(frozen=True, slots=True)
class Top:
    """The emitted module and what was decided on the way."""

    name: str
    text: str
    modules: Mapping[str, str]
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
    """Walk the graph of layers and print it.

    FIFOs between branches need a depth that only the whole design can tell, so a network that has some is
    walked twice.

    Raises
    ------
    UnsupportedLayerError
        If a layer has no Verilog, or leads nowhere.
    """
    body, stream = _walk(design, architecture, {})
    fifos = [node for node in body.timing.nodes if isinstance(node, Fifo)]
    if fifos:
        body.timing.run(_source(design.network, architecture).beats, stream.handshake)
        body, stream = _walk(design, architecture, {fifo.name: _depth(fifo, body) for fifo in fifos})
    return _top(design, architecture, body, stream)


def _depth(fifo: Fifo, body: Body) -> int:
    """Places that a FIFO needs; 0 if the cell before it holds the beat as well."""
    nodes = body.timing.nodes
    registered = any(isinstance(node, Node) and node.target == fifo.source for node in nodes)
    return 0 if registered and not fifo.waited else fifo.fullest + 1


def _source(network: Network, architecture: Architecture) -> Stream:
    per_beat = _beat_sizes(network, architecture)[INPUT]
    return Stream(SOURCE, "x", network.input.format, network.input.size, per_beat)


def _walk(design: DesignPoint, architecture: Architecture, depths: Mapping[str, int]) -> tuple[Body, Stream]:
    """The body of the module, and the stream that leaves it."""
    network = design.network
    _require_readers(network)
    body = Body(top=f"{network.name}_accelerator", depths=depths)
    per_beat = _beat_sizes(network, architecture)
    streams = _Streams(network, body)
    streams.put(INPUT, _source(network, architecture))
    masks = protections(design)
    for layer in network.layers:
        factor = architecture.reuse_factors.get(layer.name, 1)
        context = Context(factor, per_beat[layer.name], masks, network.spec(layer.inputs[0]))
        taken = streams.take(layer)
        streams.put(
            layer.name, kind_of(layer).emit(layer, taken[0] if len(taken) == 1 else taken, context, body)
        )
    stream = rebeat(streams.output, network.output.size, "y", body)
    stream = _registered(stream, body)
    _add_output(stream, body)
    if not architecture.triplicated:
        _add_decision(network, stream, body, f"{stream.handshake}valid", stream.data)
    return body, stream


class _Streams:
    """The streams of a graph while it is walked: what each layer reads, forked where several read it."""

    def __init__(self, network: Network, body: Body) -> None:
        self._network, self._body = network, body
        self._waiting: dict[tuple[str, str], list[Stream]] = {}
        self.output: Stream

    def put(self, tensor: str, stream: Stream) -> None:
        """Hand the stream of ``tensor`` to the layers that read it."""
        self.output = stream
        readers = [layer.name for layer in self._network.layers for name in layer.inputs if name == tensor]
        branches = [stream] if len(readers) <= 1 else _forked(tensor, readers, stream, self._body)
        for reader, branch in zip(readers, branches, strict=False):
            self._waiting.setdefault((tensor, reader), []).append(branch)

    def take(self, layer: Layer) -> tuple[Stream, ...]:
        """The streams that ``layer`` reads, in the order of its inputs."""
        return tuple(self._waiting[tensor, layer.name].pop(0) for tensor in layer.inputs)


def _forked(tensor: str, readers: Sequence[str], stream: Stream, body: Body) -> list[Stream]:
    """One stream for each reader; a beat moves when all of them take it."""
    names = [f"{tensor}_to_{reader}_{number}" for number, reader in enumerate(readers)]
    body.timing.add(Fork(stream.handshake, tuple(f"{name}_" for name in names)))
    body.add("", f"  // {tensor} goes to {', '.join(readers)}: a beat moves when all of them take it.")
    body.add(f"  wire {', '.join(f'{name}_ready' for name in names)};")
    for name in names:
        others = " && ".join(f"{other}_ready" for other in names if other != name)
        body.add(f"  wire {name}_valid = {stream.handshake}valid && {others};")
        body.add(f"  wire {name}_last = {stream.last};")
    body.add(f"  assign {stream.handshake}ready = {' && '.join(f'{name}_ready' for name in names)};")
    return [replace(stream, handshake=f"{name}_") for name in names]


def _top(design: DesignPoint, architecture: Architecture, body: Body, stream: Stream) -> Top:
    source = _source(design.network, architecture)
    reads = body.timing.reads(source.beats, stream.handshake, body.reads)
    times = body.timing.run(source.beats, stream.handshake)
    stores = tuple(
        replace(store, first_read=cycles[0], reads=runs_of(cycles))
        for store, cycles in zip(body.stores, reads, strict=True)
    )
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
    found = Top(
        name=body.top,
        text="",
        modules={},
        cells=tuple(sorted(body.cells)),
        input=beats,
        output=output,
        latency=times.latency,
        interval=times.interval,
        registers=body.registers,
        register_list=listed(body),
        marks=tuple(sorted(body.marks)),
        stores=stores,
    )
    head = _header(design, architecture, found, body)
    if architecture.triplicated:
        return _triplicated(design.network, stream, body, found, head)
    inputs = _taken_apart(beats, len(body.stores))
    return replace(found, text=join([*head, *inputs, *body.lines, "", "endmodule"]))


def _triplicated(network: Network, stream: Stream, body: Body, plain: Top, head: list[str]) -> Top:
    """The top with its datapath in a module that stands three times."""
    require_stores(body)
    ports = ports_of(body, plain.input.tdata_width, plain.output.tdata_width)
    text = datapath(body, _taken_apart(plain.input, len(body.stores)), ports)
    decision = replace(body, lines=[], cells=set())
    _add_decision(network, stream, decision, "m_axis_tvalid", f"m_axis_tdata[{stream.width - 1}:0]")
    lines = [*head, *body.stores_lines(), *copies(body, ports), *decision.lines, "", "endmodule"]
    found = tuple(sorted(registers(body), key=lambda register: register.kind == VOTER_INPUT))
    return replace(
        plain,
        text=join(lines),
        modules={datapath_name(body.top): text},
        cells=tuple(sorted({*plain.cells, *decision.cells, "ns_sticky", "ns_voter"})),
        registers=sum(r.bits for r in found if r.kind != VOTER_INPUT) - len(COPIES) * body.idle,
        register_list=found,
        marks=(*plain.marks, ("ns_sticky", "error_q")),
    )


def listed(body: Body) -> tuple[Register, ...]:
    """The registers in the order of the design, then the voter inputs."""
    return tuple(sorted(body.register_list, key=lambda register: register.kind == VOTER_INPUT))


def _require_readers(network: Network) -> None:
    read = {tensor for layer in network.layers for tensor in layer.inputs}
    for layer in network.layers[:-1]:
        if layer.name not in read:
            raise UnsupportedLayerError(
                f"{network.name}.{layer.name}: no layer reads it and it is not the output; an accelerator "
                "has one output, the last layer"
            )


def _beat_sizes(network: Network, architecture: Architecture) -> Mapping[str, int]:
    """Elements a beat of each tensor that whoever reads it would like best."""
    sizes = {network.layers[-1].name: network.output.size}
    for layer in reversed(network.layers):
        for tensor in layer.inputs:
            sizes[tensor] = _beat_size(layer, network.spec(tensor), architecture, sizes[layer.name])
    return sizes


def _beat_size(layer: Layer, spec: TensorSpec, architecture: Architecture, behind: int) -> int:
    if layer.kind in KINDS and KINDS[layer.kind].pixels:
        return spec.shape[-1]
    factor = architecture.reuse_factors.get(layer.name)
    return spec.size // factor if factor else behind


def _registered(stream: Stream, body: Body) -> Stream:
    """A network without a dense layer gets the one register that every accelerator ends in."""
    if stream.handshake != SOURCE:
        return stream
    body.timing.add(Fork(SOURCE, ("y_in_",)))
    body.add(
        "",
        "  // No layer holds a register: hold the output.",
        *renamed(stream, "y_in"),
    )
    held = Stream("y_beat_", "y_beat", stream.format, stream.elements, stream.per_beat)
    add_feed("y", "y_in", held, body)
    return held


def _add_output(stream: Stream, body: Body) -> None:
    padding = _padded(stream.width) - stream.width
    body.add(
        "",
        banner("output", f"{stream.elements} x {short(stream.format)} in one beat"),
        f"  assign {stream.handshake}ready = m_axis_tready;",
        f"  assign m_axis_tvalid = {stream.handshake}valid;",
        f"  assign m_axis_tlast = {stream.last};",
        f"  assign m_axis_tdata = {_pad(stream.data, padding)};",
    )


def _add_decision(network: Network, stream: Stream, body: Body, valid: str, data: str) -> None:
    """The index of the largest output."""
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
                {"en_i": valid, "data_i": data, "index_o": "m_axis_tuser"},
            ),
        )
    else:
        body.add(f"  assign m_axis_tuser = {index_width(stream.elements)}'d0;  // no class to name")


def _header(design: DesignPoint, architecture: Architecture, top: Top, body: Body) -> list[str]:
    network, plan, beats, output = design.network, design.plan, top.input, top.output
    return [
        f"// {body.top}: {network.name}, {architecture.name} architecture. Emitted by NetSurf; do not edit.",
        "//",
        f"// Input     {beats.elements} x {short(network.input.format)}, {beats.per_beat} a beat",
        f"// Output    {output.elements} x {short(network.output.format)}"
        + (", tuser = index of the largest" if network.task == "classification" else ""),
        f"// Latency   {top.latency:,} cycles from the first accepted beat to m_axis_tvalid",
        f"// Interval  {top.interval:,} cycles between samples",
        *(["// Datapath  three times, outputs voted"] if architecture.triplicated else []),
        f"// Store     {network.stored_bits:,} bits, {len(plan.bits):,} triplicated ({plan.level:.1%})"
        if not plan.schemes
        else f"// Store     {network.stored_bits:,} bits, {plan.level:.1%} protected: {_schemes(plan)}",
        f"// Network   {network.digest}",
        f"// Plan      {plan.digest}",
        f"module {body.top} (",
        *_ports(beats, output, len(body.stores) + int(architecture.triplicated)),
        ");",
        "",
    ]


def _taken_apart(beats: InputStream, stores: int) -> list[str]:
    """The elements of the input beat."""
    high = beats.per_beat * beats.width - 1
    return [f"  wire [{high}:0] x = s_axis_tdata[{high}:0];", *_unused(beats, stores)]


def _schemes(plan: ProtectionPlan) -> str:
    return ", ".join(f"{len(a.bits):,} {a.label}" for a in plan.assignments)


def _ports(beats: InputStream, output: OutputStream, flags: int) -> list[str]:
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
        ("output wire", max(flags, 1), "tmr_error_o"),
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
