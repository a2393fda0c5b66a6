"""``linear``: assignment to another format, by ``ns_requantize``."""

from __future__ import annotations

from netsurf.emit.kinds.base import EmitKind
from netsurf.emit.stream import Body, Stream
from netsurf.emit.verilog import banner, format_parameters, instance, quoted, short, wire
from netsurf.fixed import FixedFormat


def requantize(stream: Stream, target: FixedFormat, name: str, body: Body) -> Stream:
    """``stream`` assigned to ``target`` as wire ``<name>_data``; nothing if no code would change."""
    if lossless(stream.format, target):
        return stream.changed(stream.data, target)
    data = f"{name}_data"
    body.use("ns_requantize")
    body.add(
        "  " + wire(stream.per_beat * target.width, data),
        "",
        *instance(
            "ns_requantize",
            f"u_{name}",
            {
                "N": str(stream.per_beat),
                **format_parameters("FROM", stream.format),
                **format_parameters("TO", target),
                "ROUNDING": quoted(target.rounding),
                "OVERFLOW": quoted(target.overflow),
            },
            {"en_i": f"{stream.handshake}valid", "data_i": stream.data, "data_o": data},
        ),
    )
    return stream.changed(data, target)


def lossless(source: FixedFormat, target: FixedFormat) -> bool:
    """Whether assigning from ``source`` to ``target`` keeps every code as it stands.

    >>> lossless(FixedFormat(8, 2), FixedFormat(8, 2, overflow="SAT"))
    True
    >>> lossless(FixedFormat(8, 2), FixedFormat(8, 2, overflow="SAT_SYM"))
    False
    """
    same = (source.width, source.fraction, source.signed) == (target.width, target.fraction, target.signed)
    return source == target or (same and not (target.overflow == "SAT_SYM" and target.signed))


def _emit(layer, stream, context, body):
    body.add("", banner(layer.name, f"linear, {short(stream.format)} to {short(layer.output.format)}"))
    return requantize(stream, layer.output.format, layer.name, body)


KIND = EmitKind("linear", _emit)
