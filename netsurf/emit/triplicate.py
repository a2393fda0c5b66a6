"""Whole-module TMR: the datapath three times, its outputs voted.

Everything but the weight stores goes into a module of its own, ``<top>_datapath``, that stands three times in
the top: ``u_datapathA``, ``u_datapathB``, ``u_datapathC`` (the letters of CERN's TMRG), each under
``keep_hierarchy``. What leaves it is voted bit by bit: the handshakes, the rows that the stores are
asked for, and the output beat. A store answers the voted request, and all three copies read its answer. The
index of the largest output is computed once, behind the vote: it holds no register.

The vote is at the outputs and not, as TMRG does it, behind every register: a copy that was upset in its
control state goes its own way until its counters start afresh, and nothing it does reaches an output. It
costs three times the registers and one voter an output bit. A second upset, in another copy, before the
first one is healed can get through. A disagreement of control outputs, or of the output beat when it is
valid, sets the last bit of ``tmr_error_o``.
"""

from __future__ import annotations

from dataclasses import replace

from netsurf.emit.stream import Body
from netsurf.emit.verilog import instance, join, wire
from netsurf.errors import UnsupportedLayerError
from netsurf.fault.registers import Register

COPIES = "ABC"

Port = tuple[str, int]
"""Name and width."""


def datapath_name(top: str) -> str:
    """Module of one copy."""
    return f"{top}_datapath"


def require_stores(body: Body) -> None:
    """Raise UnsupportedLayerError for a network that stores nothing."""
    if not body.stores:
        raise UnsupportedLayerError(
            f"{body.top} stores no weights: there is no datapath between stores to triplicate"
        )


def datapath(body: Body, inputs: list[str], ports: tuple[list[Port], list[Port], list[Port]]) -> str:
    """Verilog of one copy.

    Parameters
    ----------
    inputs
        Lines that take the input beat apart.
    ports
        Inputs, control outputs and data outputs.
    """
    into, control, data = ports
    declared = [("input  wire", p) for p in into] + [("output wire", p) for p in (*control, *data)]
    lines = [
        f"    {kind} {_span(width)}{name}{',' if number < len(declared) - 1 else ''}"
        for number, (kind, (name, width)) in enumerate(declared)
    ]
    return join(
        [
            f"// {datapath_name(body.top)}: one of three copies of everything but the weight stores.",
            "// Emitted by NetSurf; do not edit.",
            "(* keep_hierarchy *)",
            f"module {datapath_name(body.top)} (",
            *lines,
            ");",
            "",
            *inputs,
            *body.datapath_lines(),
            "",
            "endmodule",
        ]
    )


def ports_of(body: Body, tdata: int, result: int) -> tuple[list[Port], list[Port], list[Port]]:
    """Inputs, control outputs and data outputs of a copy; the beats have ``tdata`` and ``result`` bits."""
    into = [(name, 1) for name in ("aclk", "aresetn", "s_axis_tvalid")]
    into += [("s_axis_tdata", tdata), ("s_axis_tlast", 1), ("m_axis_tready", 1)]
    into += [(f"{store.name}_data", store.width) for store in body.store_ports]
    control = [("s_axis_tready", 1), ("m_axis_tvalid", 1)]
    for store in body.store_ports:
        control.append((f"{store.name}_read", 1))
        if store.row_width:
            control.append((f"{store.name}_row", store.row_width))
    return into, control, [("m_axis_tdata", result), ("m_axis_tlast", 1)]


def copies(body: Body, ports: tuple[list[Port], list[Port], list[Port]]) -> list[str]:
    """Lines of the top: the three copies, and the voters behind them."""
    into, control, data = ports
    lines = ["", "  // The datapath, three times."]
    for letter in COPIES:
        lines += ["  " + wire(width, f"{name}{letter}") for name, width in (*control, *data)]
    for letter in COPIES:
        connections = {name: name for name, _ in into}
        connections |= {name: f"{name}{letter}" for name, _ in (*control, *data)}
        lines += ["", *instance(datapath_name(body.top), f"u_datapath{letter}", {}, connections)]
    rows = {f"{store.name}_row": store for store in body.store_ports if store.row_width}
    targets = [f"{name}_voted" if name in rows else name for name, _ in control]
    lines += ["", *("  " + wire(store.row_width, f"{name}_voted") for name, store in rows.items())]
    lines += ["  wire control_differs, data_differs;", ""]
    lines += _voter("u_vote_control", control, targets, "control_differs")
    lines += ["", *_voter("u_vote_data", data, [name for name, _ in data], "data_differs"), ""]
    lines += [_row(name, store.row_width, store.rows) for name, store in rows.items()]
    flag = {
        "aclk": "aclk",
        "aresetn": "aresetn",
        "error_i": "control_differs || (data_differs && m_axis_tvalid)",
        "clear_i": "tmr_clear_i",
        "error_o": f"tmr_error_o[{len(body.stores)}]",
    }
    return [*lines, "", *instance("ns_sticky", "u_datapath_error", {}, flag)]


def _row(name: str, width: int, rows: int) -> str:
    """The voted row; three copies that differ can vote for one that is not there, and then get the last."""
    if rows == 1 << width or rows == 1:
        return f"  assign {name} = {name}_voted;"
    last = f"{width}'d{rows - 1}"
    return f"  assign {name} = {name}_voted > {last} ? {last} : {name}_voted;"


def _voter(name: str, signals: list[Port], targets: list[str], error: str) -> list[str]:
    total = sum(width for _, width in signals)
    joined = {letter: f"{{{', '.join(f'{s}{letter}' for s, _ in signals)}}}" for letter in COPIES}
    connections = {f"in{letter}": text for letter, text in joined.items()}
    connections |= {"mask": f"{{{total}{{1'b1}}}}", "out": f"{{{', '.join(targets)}}}", "tmrErr": error}
    return instance("ns_voter", name, {"WIDTH": str(total)}, connections)


def registers(body: Body) -> list[Register]:
    """Every register of the datapath three times, those of the stores, and the flag of the datapath."""
    found = []
    for register in body.register_list:
        if register.name in body.store_registers:
            found.append(register)
            continue
        below = register.path.removeprefix(f"{body.top}.")
        found += [
            replace(register, path=f"{body.top}.u_datapath{letter}.{below}", replica=number)
            for number, letter in enumerate(COPIES)
        ]
    flag = Register("datapath.error", "flag", 1, 1, f"{body.top}.u_datapath_error.error_q")
    return [*found, flag]


def _span(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""
