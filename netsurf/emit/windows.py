"""Windows: ``ns_window``, which turns a stream of pixels into the patches that a layer looks at."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from netsurf.emit.stream import Body, Stream
from netsurf.emit.timing import Patches
from netsurf.emit.verilog import index_width, instance, wire
from netsurf.ir.kinds.window import Window


def pixel_beats(taps: tuple[int, ...], codes: int) -> tuple[int, ...]:
    """Codes a beat that ``ns_window`` can hand out of a patch of ``taps`` positions of ``codes`` codes.

    A divisor of a pixel, or whole kernel rows.

    >>> pixel_beats((3, 3), 4)
    (1, 2, 4, 12, 36)
    """
    rows, columns = _two(taps, 1)
    parts = {n for n in range(1, codes + 1) if codes % n == 0}
    return tuple(sorted(parts | {columns * codes * n for n in range(1, rows + 1) if rows % n == 0}))


def add_window(name: str, window: Window, pad: int, stream: Stream, per_beat: int, body: Body) -> Stream:
    """The patches of ``window`` over the pixels of ``stream``, ``per_beat`` codes a beat.

    ``pad`` is the code of what lies outside the image. The stream that is returned is one patch long: whoever
    takes it counts beats, and ``last`` ends a patch.
    """
    body.use("ns_window")
    geometry = _geometry(window)
    codes = window.shape[-1]
    taps = geometry["K_ROWS"] * geometry["K_COLS"] * codes
    patches = Stream(f"{name}_patch_", f"{name}_patch", stream.format, taps, per_beat)
    widths = _widths(geometry, codes // per_beat if codes > per_beat else 1)
    by_rows = per_beat >= geometry["K_COLS"] * codes
    _list_registers(name, geometry, widths, stream, body, _idle(geometry, widths, by_rows))
    body.timing.add(_node(geometry, stream.handshake, patches))
    body.add(
        "",
        f"  wire {name}_patch_valid, {name}_patch_ready, {name}_patch_last;",
        "  " + wire(patches.width, patches.data),
        "",
        *instance(
            "ns_window",
            f"u_{name}_window",
            {key: str(value) for key, value in geometry.items()}
            | {"PIXEL_W": str(stream.width), "BEAT_W": str(patches.width)}
            | ({"PAD": _pixel(pad, stream)} if pad else {})
            | {key: str(value) for key, value in widths.items()},
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "pixel_valid_i": f"{stream.handshake}valid",
                "pixel_ready_o": f"{stream.handshake}ready",
                "pixel_data_i": stream.data,
                "beat_valid_o": f"{name}_patch_valid",
                "beat_ready_i": f"{name}_patch_ready",
                "beat_last_o": f"{name}_patch_last",
                "beat_data_o": patches.data,
            },
        ),
    )
    return patches


def pixels(stream: Stream, size: int) -> Stream:
    """The vector of one pixel as the stream of an image of ``size`` codes."""
    return replace(stream, elements=size, pixels=True)


def _two(axes: tuple[int, ...], first: int) -> tuple[int, int]:
    """Rows and columns; a line is an image of one row, and ``first`` stands for what it lacks."""
    return axes if len(axes) == 2 else (first, *axes)  # type: ignore[return-value]


def _geometry(window: Window) -> dict[str, int]:
    rows, cols = _two(window.shape[:-1], 1)
    (k_rows, k_cols), (s_rows, s_cols) = _two(window.size, 1), _two(window.strides, 1)
    (d_rows, d_cols), (top, left) = _two(window.dilation, 1), _two(window.before, 0)
    p_rows, p_cols = _two(window.positions, 1)
    values = {"ROWS": rows, "COLS": cols, "K_ROWS": k_rows, "K_COLS": k_cols, "S_ROWS": s_rows}
    values |= {"S_COLS": s_cols, "D_ROWS": d_rows, "D_COLS": d_cols, "TOP": top, "LEFT": left}
    return values | {"P_ROWS": p_rows, "P_COLS": p_cols}


def _spans(geometry: dict[str, int]) -> tuple[int, int]:
    rows, cols = (geometry[f"K_{axis}"] - 1 for axis in ("ROWS", "COLS"))
    return rows * geometry["D_ROWS"] + 1, cols * geometry["D_COLS"] + 1


def _widths(geometry: dict[str, int], parts: int) -> dict[str, int]:
    """Bits of the cell's counters, signs included."""
    rows, cols = _spans(geometry)
    row = max(geometry["ROWS"] + 2 * rows + geometry["S_ROWS"], geometry["TOP"])
    col = max(geometry["COLS"] + 2 * cols + geometry["S_COLS"], geometry["LEFT"])
    return {
        "ROW_W": index_width(row + 1) + 1,
        "COL_W": index_width(col + 1) + 1,
        "SLOT_W": index_width(2 * rows),
        "PART_W": index_width(parts),
    }


def _node(geometry: dict[str, int], source: str, patches: Stream) -> Patches:
    return Patches(
        source,
        patches.handshake,
        pixels=(geometry["ROWS"], geometry["COLS"]),
        patches=(geometry["P_ROWS"], geometry["P_COLS"]),
        span=_spans(geometry),
        stride=(geometry["S_ROWS"], geometry["S_COLS"]),
        before=(geometry["TOP"], geometry["LEFT"]),
        beats=patches.beats,
    )


def _pixel(code: int, stream: Stream) -> str:
    """A pixel whose elements all are ``code``, as a literal."""
    width = stream.format.width
    return f"{{{stream.per_beat}{{{width}'h{code & ((1 << width) - 1):x}}}}}"


def _idle(geometry: dict[str, int], widths: dict[str, int], by_rows: bool) -> dict[str, int]:
    """Bits of the counters that never change, as Yosys finds them: what steps of 2, 4, ... leave alone.

    A counter that returns to its first value by a multiplexer keeps its low bits in its flip-flops.
    """
    rows, step = _spans(geometry)[0], geometry["S_ROWS"]
    found = {
        "first_row": _low_zeros(step, widths["ROW_W"]),
        "first_slot": _low_zeros(gcd(step % rows, rows), widths["SLOT_W"]),
    }
    return found | ({"right": widths["COL_W"], "part": widths["PART_W"]} if by_rows else {})


def _low_zeros(step: int, width: int) -> int:
    """Low bits of a number of ``width`` bits that adding multiples of ``step`` does not change."""
    return min((step & -step).bit_length() - 1, width)


def _list_registers(
    name: str,
    geometry: dict[str, int],
    widths: dict[str, int],
    stream: Stream,
    body: Body,
    idle: dict[str, int],
) -> None:
    """The ring of rows, and where the cell is in the image and in the patch."""
    ring = (_spans(geometry)[0] * geometry["COLS"], stream.width)
    cell = f"u_{name}_window"
    body.register(f"{name}.ring", "activation", ring, f"{cell}.mem_q[{{}}]", "ns_window")
    for register, width in (
        ("row", "ROW_W"),
        ("col", "COL_W"),
        ("slot", "SLOT_W"),
        ("first_row", "ROW_W"),
        ("first_col", "COL_W"),
        ("first_slot", "SLOT_W"),
        ("down", "ROW_W"),
        ("right", "COL_W"),
        ("part", "PART_W"),
    ):
        shape, still = (1, widths[width]), idle.get(register, 0)
        body.register(f"{name}.{register}", "control", shape, f"{cell}.{register}_q", "ns_window", idle=still)
    body.register(f"{name}.patches_done", "control", (1, 1), f"{cell}.done_q", "ns_window")
