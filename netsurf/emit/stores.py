"""The weight store of one tensor: its instance in the top and its line in the site map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import Store
from netsurf.emit.stream import Body
from netsurf.emit.verilog import index_width, instance, mask_literal, short, wire
from netsurf.ir import Parameter

LANE = 32
"""Bits of a write on the configuration port."""


def add_store(
    parameter: Parameter,
    per_word: int,
    per_read: int,
    first_read: int,
    protected: NDArray[np.bool_],
    body: Body,
) -> None:
    """Append the store of ``parameter``, ``per_word`` elements a word, ``per_read`` words read in a cycle.

    ``protected`` is ``bool (elements, width)``; ``first_read`` is the cycle in which word 0 is read.
    """
    mask = protected.reshape(-1, per_word * parameter.format.width)
    words, width = mask.shape
    store = Store(
        tensor=parameter.name,
        element_width=parameter.format.width,
        elements_per_word=per_word,
        words=words,
        word_width=width,
        config_base=_address(words, width, body),
        word_stride=1 << index_width(-(-width // LANE)),
        lanes=-(-width // LANE),
        banks=_banks(f"{body.top}.u_{parameter.name.replace('.', '_')}", bool(mask.any())),
        first_read=first_read,
        words_per_read=per_read,
        error_bit=len(body.stores),
        protected_bits=int(mask.sum()),
    )
    body.stores.append(store)
    if mask.any():
        _list_voter(parameter, store, body)
    body.use("ns_store", "ns_bank", "ns_config", "ns_mask", "ns_voter")
    _print(parameter, store, mask, body)


def _address(words: int, width: int, body: Body) -> int:
    """The next free base that is a multiple of the store's span."""
    span = 1 << (index_width(words) + index_width(-(-width // LANE)))
    base = -(-body.next_address // span) * span
    body.next_address = base + span
    return base


def _banks(path: str, protected: bool) -> tuple[str, ...]:
    replicas = (f"{path}.gen_tmr.u_bank_b.mem_q", f"{path}.gen_tmr.u_bank_c.mem_q")
    return (f"{path}.u_bank_a.mem_q", *(replicas if protected else ()))


def _list_voter(parameter: Parameter, store: Store, body: Body) -> None:
    """The error flag, and what the voters read of each replica."""
    path = f"u_{parameter.name.replace('.', '_')}.gen_tmr"
    body.register(f"{parameter.name}.error", "flag", (1, 1), f"{path}.error_q", "ns_store")
    shape = (store.words_per_read * store.elements_per_word, store.element_width)
    for port in ("inA", "inB", "inC"):
        body.register(f"{parameter.name}.{port}", "voter_input", shape, f"{path}.u_voter.{port}", "ns_voter")


def _print(parameter: Parameter, store: Store, mask: NDArray[np.bool_], body: Body) -> None:
    name = parameter.name.replace(".", "_")
    row_width = index_width(store.words // store.words_per_read)
    first = sum(before.bits for before in body.stores[:-1])
    addressed = parameter.codes.ndim > 1  # a bias is one word, a kernel has a row for every beat
    shape = " x ".join(str(n) for n in parameter.codes.shape)
    parameters = {
        "WORDS": str(store.words),
        "WIDTH": str(store.word_width),
        "PER_READ": str(store.words_per_read),
        "CFG_BASE": f"32'h{store.config_base:08x}",
        "WORD_W": str(index_width(store.words)),
        "LANE_W": str(index_width(store.lanes)),
        "ROW_W": str(row_width),
    }
    body.add(
        "",
        f"  // {parameter.name}: {shape} of {short(parameter.format)}, "
        f"sites {first}..{first + store.bits - 1}, {store.protected_bits} of {store.bits} bits protected.",
    )
    if mask.any():
        body.add(*_mask(f"{name.upper()}_MASK", mask))
        parameters["MASK"] = f"{name.upper()}_MASK"
    body.add(
        f"  wire {name}_read;",
        *(["  " + wire(row_width, f"{name}_row")] if addressed else []),
        "  " + wire(store.words_per_read * store.word_width, f"{name}_data"),
        "",
        *instance(
            "ns_store",
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


def _mask(name: str, mask: NDArray[np.bool_]) -> list[str]:
    """The constant that says which bits are protected, on one line if all words are alike."""
    head, lines = f"  localparam [{mask.size - 1}:0] {name} =", mask_literal(mask)
    if len(lines) == 1:
        return [f"{head} {{{lines[0].strip()}}};"]
    return [f"{head} {{", *lines, "  };"]
