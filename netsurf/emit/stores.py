"""The weight store of one tensor: its instance in the top and its line in the site map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import Store, StoreGuard
from netsurf.emit.guarded import GUARD_CELLS, guard_parameters, list_guard
from netsurf.emit.guards import VOTED, Protection, check_width, describe, extra_bits
from netsurf.emit.stream import Body, StorePort
from netsurf.emit.verilog import index_width, instance, mask_literal, short, wire
from netsurf.errors import UnsupportedLayerError
from netsurf.ir import Parameter

LANE = 32
"""Bits of a write on the configuration port."""


def add_store(
    parameter: Parameter,
    per_word: int,
    per_read: int,
    channel: str,
    protection: Protection,
    body: Body,
    later: int = 0,
) -> None:
    """Append the store of ``parameter``, ``per_word`` elements a word, ``per_read`` words read in a cycle.

    Each beat of ``channel`` reads a row, ``later`` cycles after it moves. A store without any other scheme
    than ``tmr`` is a ``ns_store``, any other a ``ns_store_guarded``.
    """
    lines, registers = len(body.lines), len(body.register_list)
    mask = protection.mask(*VOTED).reshape(-1, per_word * protection.width)
    words, width = mask.shape
    lanes = -(-width // LANE)
    guard = None if protection.is_plain else _guard(parameter, protection, mask, per_word, body)
    every = lanes + (guard.check_lanes if guard else 0)
    store = Store(
        tensor=parameter.name,
        element_width=protection.width,
        elements_per_word=per_word,
        words=words,
        word_width=width,
        config_base=_address(words, every, body),
        word_stride=1 << index_width(every),
        lanes=lanes,
        banks=_banks(_path(parameter, body), bool(mask.any()), protection),
        first_read=0,  # until the timing of the whole design is known
        words_per_read=per_read,
        error_bit=len(body.stores),
        protected_bits=int(mask.sum()),
        guard=guard,
    )
    body.stores.append(store)
    body.reads.append((channel, later))
    if guard:
        list_guard(store, body)
        body.use(*GUARD_CELLS)
    else:
        if mask.any():
            _list_voter(parameter, store, body)
        body.use("ns_store", "ns_bank", "ns_config", "ns_mask", "ns_voter")
    _print(parameter, store, mask, protection, body)
    body.store_lines.update(range(lines, len(body.lines)))
    body.store_registers.update(register.name for register in body.register_list[registers:])


def _path(parameter: Parameter, body: Body) -> str:
    return f"{body.top}.u_{parameter.name.replace('.', '_')}"


def _guard(
    parameter: Parameter, protection: Protection, mask: NDArray[np.bool_], per_word: int, body: Body
) -> StoreGuard:
    """What the store has beyond replicas of single bits."""
    if per_word % protection.row:
        raise UnsupportedLayerError(
            f"{parameter.name}: words of {per_word} elements cut rows of {protection.row} in two, and code "
            "words with them; protect it by tmr"
        )
    check = check_width(protection, per_word)
    periods = [a.options["period"] for a in protection.schemes if a.entry.scrubs]
    return StoreGuard(
        schemes=describe(protection),
        row_elements=protection.row,
        check_bank=f"{_path(parameter, body)}.gen_k.u_bank_k.mem_q" if check else "",
        check_width=max(check, 1),
        check_lanes=-(-check // LANE),
        extra_bits=extra_bits(protection),
        period=periods[0] if periods else 0,
    )


def _address(words: int, lanes: int, body: Body) -> int:
    """The next free base that is a multiple of the store's span."""
    span = 1 << (index_width(words) + index_width(lanes))
    base = -(-body.next_address // span) * span
    body.next_address = base + span
    return base


def _banks(path: str, voted: bool, protection: Protection) -> tuple[str, ...]:
    if protection.is_plain:
        replicas = (f"{path}.gen_tmr.u_bank_b.mem_q", f"{path}.gen_tmr.u_bank_c.mem_q")
        return (f"{path}.u_bank_a.mem_q", *(replicas if voted else ()))
    copied = voted or protection.mask("dmr").any()
    second = (f"{path}.gen_b.u_bank_b.mem_q",) if copied else ()
    third = (f"{path}.gen_c.u_bank_c.mem_q",) if voted else ()
    return (f"{path}.u_bank_a.mem_q", *second, *third)


def _list_voter(parameter: Parameter, store: Store, body: Body) -> None:
    """The error flag, and what the voters read of each replica."""
    path = f"u_{parameter.name.replace('.', '_')}.gen_tmr"
    body.register(f"{parameter.name}.error", "flag", (1, 1), f"{path}.error_q", "ns_store")
    shape = (store.words_per_read * store.elements_per_word, store.element_width)
    for port in ("inA", "inB", "inC"):
        body.register(f"{parameter.name}.{port}", "voter_input", shape, f"{path}.u_voter.{port}", "ns_voter")


def _print(
    parameter: Parameter, store: Store, mask: NDArray[np.bool_], protection: Protection, body: Body
) -> None:
    name = parameter.name.replace(".", "_")
    row_width = index_width(store.words // store.words_per_read)
    first = sum(before.bits for before in body.stores[:-1])
    addressed = parameter.codes.ndim > 1  # a bias is one word, a kernel has a row for every beat
    shape = " x ".join(str(n) for n in parameter.codes.shape)
    rows, read = store.words // store.words_per_read, store.words_per_read * store.word_width
    body.store_ports.append(StorePort(name, row_width if addressed else 0, rows, read))
    parameters = {
        "WORDS": str(store.words),
        "WIDTH": str(store.word_width),
        "PER_READ": str(store.words_per_read),
        "CFG_BASE": f"32'h{store.config_base:08x}",
        "WORD_W": str(index_width(store.words)),
        "LANE_W": str(index_width(store.lanes)),
        "ROW_W": str(row_width),
    }
    protected = sum(len(assignment.bits) for assignment in protection.schemes)
    body.add(
        "",
        f"  // {parameter.name}: {shape} of {short(parameter.format)}, "
        f"sites {first}..{first + store.bits - 1}, {protected} of {store.bits} bits protected.",
    )
    if store.guard:
        constants, more = guard_parameters(name, store, store.guard, protection)
        for constant, bits in constants.items():
            body.add(*constant_mask(constant, bits))
        parameters |= more
    elif mask.any():
        body.add(*constant_mask(f"{name.upper()}_MASK", mask))
        parameters["MASK"] = f"{name.upper()}_MASK"
    body.add(
        f"  wire {name}_read;",
        *(["  " + wire(row_width, f"{name}_row")] if addressed else []),
        "  " + wire(store.words_per_read * store.word_width, f"{name}_data"),
        "",
        *instance(
            "ns_store_guarded" if store.guard else "ns_store",
            f"u_{name}",
            parameters,
            {
                "aclk": "aclk",
                "aresetn": "aresetn",
                "cfg_we_i": "cfg_we_i",
                "cfg_addr_i": "cfg_addr_i",
                "cfg_data_i": "cfg_data_i",
                "read_i": f"{name}_read",
                "row_i": f"{name}_row" if addressed else "1'b0",
                "data_o": f"{name}_data",
                "tmr_clear_i": "tmr_clear_i",
                "tmr_error_o": f"tmr_error_o[{store.error_bit}]",
            },
        ),
    )


def constant_mask(name: str, mask: NDArray[np.bool_]) -> list[str]:
    """The constant that says which bits are protected, on one line if all words are alike."""
    head, lines = f"  localparam [{mask.size - 1}:0] {name} =", mask_literal(mask)
    if len(lines) == 1:
        return [f"{head} {{{lines[0].strip()}}};"]
    return [f"{head} {{", *lines, "  };"]
