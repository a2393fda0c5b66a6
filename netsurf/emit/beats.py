"""Beats: a stream with other numbers of elements a beat, by ``ns_feed`` (fewer) and ``ns_gather`` (more)."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Feed, Gather
from netsurf.emit.verilog import index_width, instance, wire


def rebeat(stream: Stream, per_beat: int, name: str, body: Body) -> Stream:
    """``stream`` with ``per_beat`` elements a beat; itself if it has them.

    The names of what is added begin with ``name``. Beats that do not divide one another are split into their
    greatest common divisor and gathered again.
    """
    common = gcd(stream.per_beat, per_beat)
    if stream.per_beat > common:
        stream = _split(stream, common, f"{name}_part", body)
    if stream.per_beat < per_beat:
        stream = _gathered(stream, per_beat, f"{name}_whole", body)
    return stream


def _split(stream: Stream, per_beat: int, name: str, body: Body) -> Stream:
    """Each beat handed out in parts; the wire ``last`` of the parts ends a beat, so nobody is shown it."""
    parts = replace(stream, handshake=f"{name}_", data=name, per_beat=per_beat, pixels=True)
    body.add("", *renamed(stream, f"{name}_in"))
    beat = replace(parts, elements=stream.per_beat)
    add_feed(name, f"{name}_in", beat, body, source=stream.handshake)
    body.add(f"  wire {name}_unused_ok = &{{1'b0, {name}_last, 1'b0}};")
    return parts


def renamed(stream: Stream, name: str) -> list[str]:
    """Wires ``<name>``, ``<name>_valid`` and ``<name>_ready`` that are those of ``stream``."""
    return [
        f"  wire {name}_valid = {stream.handshake}valid;",
        f"  wire {name}_ready;",
        "  " + wire(stream.width, name).replace(";", f" = {stream.data};"),
        f"  assign {stream.handshake}ready = {name}_ready;",
    ]


def _gathered(stream: Stream, per_beat: int, name: str, body: Body) -> Stream:
    beats = per_beat // stream.per_beat
    body.use("ns_gather")
    body.timing.add(Gather(stream.handshake, f"{name}_", beats=beats))
    cell = f"u_{name}"
    body.register(
        f"{name}.data", "activation", (per_beat, stream.format.width), f"{cell}.data_q", "ns_gather"
    )
    body.register(f"{name}.beat", "control", (1, index_width(beats)), f"{cell}.beat_q", "ns_gather")
    body.register(f"{name}.valid", "control", (1, 1), f"{cell}.valid_q", "ns_gather")
    last = [f"  wire {name}_last = 1'b1;"] if per_beat == stream.elements else []
    body.add(
        "",
        f"  wire {name}_valid, {name}_ready;",
        *last,
        "  " + wire(per_beat * stream.format.width, name),
        "",
        *instance(
            "ns_gather",
            cell,
            {"BEATS": str(beats), "BEAT_W": str(stream.width), "COUNT_W": str(index_width(beats))},
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "beat_valid_i": f"{stream.handshake}valid",
                "beat_ready_o": f"{stream.handshake}ready",
                "beat_data_i": stream.data,
                "vec_valid_o": f"{name}_valid",
                "vec_ready_i": f"{name}_ready",
                "vec_data_o": name,
            },
        ),
    )
    return replace(stream, handshake=f"{name}_", data=name, per_beat=per_beat, pixels=not last)


def add_feed(name: str, vector: str, sums: Stream, body: Body, source: str = "") -> None:
    """The vector register ``u_<name>_feed`` that turns wires ``<vector>`` into the beats of ``sums``.

    ``source`` is the prefix of the handshake behind the wires ``<vector>``, if it has another name.
    """
    body.use("ns_feed")
    body.timing.add(Feed(source or f"{vector}_", sums.handshake, beats=sums.beats))
    shape = (sums.elements, sums.format.width)
    body.register(f"{name}.feed", "activation", shape, f"u_{name}_feed.data_q", "ns_feed")
    body.register(f"{name}.feed_valid", "control", (1, 1), f"u_{name}_feed.valid_q", "ns_feed")
    if sums.beats > 1:
        counter = (1, index_width(sums.beats))
        body.register(f"{name}.feed_beat", "control", counter, f"u_{name}_feed.gen_parts.beat_q", "ns_feed")
    body.add(
        f"  wire {sums.handshake}valid, {sums.handshake}ready, {sums.handshake}last;",
        "  " + wire(sums.width, sums.data),
        "",
        *instance(
            "ns_feed",
            f"u_{name}_feed",
            {
                "N": str(sums.elements),
                "WIDTH": str(sums.format.width),
                "PER_BEAT": str(sums.per_beat),
                "COUNT_W": str(index_width(sums.beats)),
            },
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "vec_valid_i": f"{vector}_valid",
                "vec_ready_o": f"{vector}_ready",
                "vec_data_i": vector,
                "beat_valid_o": f"{sums.handshake}valid",
                "beat_ready_i": f"{sums.handshake}ready",
                "beat_last_o": f"{sums.handshake}last",
                "beat_data_o": sums.data,
            },
        ),
    )
