"""``ns_store_guarded``: its parameters, and the registers that it has outside its banks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netsurf.emit.accelerator import Store, StoreGuard
from netsurf.emit.guards import VOTED, Protection, check_bits, codes_of
from netsurf.emit.stream import Body
from netsurf.emit.verilog import index_width

GUARD_CELLS = (
    "ns_store_guarded",
    "ns_bank_scrub",
    "ns_config",
    "ns_row_mask",
    "ns_mask",
    "ns_guard",
    "ns_voter",
    "ns_dmr",
    "ns_parity",
    "ns_code",
    "ns_secded_decode",
    "ns_scrub",
)

_MASKS = {
    "TMR_MASK": VOTED,
    "TMR_SCRUB": ("tmr_scrub",),
    "DMR_MASK": ("dmr",),
    "PARITY_MASK": ("parity",),
    "CODE_MASK": ("secded", "secded_scrub"),
}
"""Parameter to the schemes whose bits it holds."""


def guard_parameters(
    name: str, store: Store, guard: StoreGuard, protection: Protection
) -> tuple[Mapping[str, NDArray[np.bool_]], Mapping[str, str]]:
    """Constants ``(words, bits)`` by name, and the parameters of the cell that say what it has."""
    codes = codes_of(protection.schemes, protection.width, protection.row)
    used = {key: protection.mask(*schemes) for key, schemes in _MASKS.items()}
    masks = {key: m.reshape(store.words, store.word_width) for key, m in used.items() if m.any()}
    if guard.check_bank:
        masks["CHECK_MASK"] = _check_mask(store, guard)
    parameters = {
        "LANE_W": str(index_width(store.lanes + guard.check_lanes)),
        "ELEMENT": str(store.element_width),
        "ROW": str(guard.row_elements * store.element_width),
        **{
            key: "1"
            for key, mask in (("TMR", "TMR_MASK"), ("DMR", "DMR_MASK"), ("PARITY", "PARITY_MASK"))
            if mask in masks
        },
        **({"CODE": str(codes.data), "CHECKS": str(codes.checks)} if codes.data else {}),
        **({"CODE_SCRUB": "1"} if codes.scrubs else {}),
        **({"PERIOD": str(guard.period), "COUNT_W": str(index_width(guard.period))} if guard.period else {}),
        **({"CHECK_W": str(guard.check_width)} if guard.check_bank else {}),
        "LANES": str(store.lanes),
        "CHECK_LANES": str(guard.check_lanes),
    }
    names = {key: f"{name.upper()}_{key}" for key in masks}
    return {names[key]: mask for key, mask in masks.items()}, {**parameters, **names}


def _check_mask(store: Store, guard: StoreGuard) -> NDArray[np.bool_]:
    mask = np.zeros((store.words, guard.check_width), dtype=bool)
    checks = check_bits(store, 0, store.bits)
    mask[checks.word, checks.bit] = True
    return mask


def list_guard(store: Store, body: Body) -> None:
    """The error flag, the scrubber's registers, and what the voters read of each copy."""
    guard, path = store.guard, f"u_{store.tensor.replace('.', '_')}"
    assert guard is not None
    body.register(f"{store.tensor}.error", "flag", (1, 1), f"{path}.error_q", "ns_store_guarded")
    if guard.period:
        _list_scrubber(store, guard.period, path, body)
    if store.protected_bits:
        shape = (store.words_per_read * store.elements_per_word, store.element_width)
        for port in ("inA", "inB", "inC"):
            voter = f"{path}.u_guard.gen_tmr.u_voter.{port}"
            body.register(f"{store.tensor}.{port}", "voter_input", shape, voter, "ns_voter")


def _list_scrubber(store: Store, period: int, path: str, body: Body) -> None:
    name, walk = f"{store.tensor}.scrub", f"{path}.gen_scrub.u_scrub"
    loading = f"{path}.gen_scrub.loading_q"
    body.register(f"{name}_loading", "control", (1, 1), loading, "ns_store_guarded")
    if period > 1:
        shape = (1, index_width(period))
        body.register(f"{name}_count", "control", shape, f"{walk}.gen_count.count_q", "ns_scrub")
    if store.words > 1:
        shape = (1, index_width(store.words))
        body.register(f"{name}_word", "control", shape, f"{walk}.gen_walk.word_q", "ns_scrub")
