"""Codes to what goes through the ports of an accelerator, and back. Beats are Python integers or bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.emit.accelerator import CHECK_BANK, Accelerator, Store
from netsurf.emit.guards import bank_mask, check_bits
from netsurf.errors import NetworkError, SiteMapError
from netsurf.fixed import to_signed, to_unsigned
from netsurf.harden import DesignPoint
from netsurf.ir import Network

LANE = 32

Banks = dict[int, NDArray[np.uint8]]


def config_writes(
    accelerator: Accelerator, network: Network, parameters: Mapping[str, NDArray[np.int64]] | None = None
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Writes on the configuration port that load the whole store.

    Parameters
    ----------
    parameters
        Codes that replace those of the network, by tensor name.

    Returns
    -------
    Addresses and data, ``uint32`` of one length, check bits included. Any order of the writes will do,
    but a store with a scrubber must get its last address last (see ``rtl/ns_store_guarded.v``).

    Raises
    ------
    SiteMapError
        If ``network`` is not the one that was emitted.
    """
    if accelerator.network != network.digest:
        raise SiteMapError(
            f"{accelerator.folder} was emitted from network {accelerator.network[:12]}, "
            f"not {network.digest[:12]}; emit it again: netsurf emit"
        )
    codes = {name: p.codes for name, p in network.parameters.items()} | dict(parameters or {})
    pairs = [_store_writes(store, codes[store.tensor]) for store in accelerator.stores]
    empty = np.empty(0, dtype=np.uint32)
    addresses, data = zip(*pairs, strict=True) if pairs else ((empty,), (empty,))
    return np.concatenate(addresses), np.concatenate(data)


def store_words(store: Store, codes: ArrayLike) -> NDArray[np.uint32]:
    """Words of a store that holds ``codes``: ``uint32 (words, lanes)``, least significant lane first.

    Check bits, if the store has any, are in the lanes behind those of the data.
    """
    held = bank_bits(store, codes)
    lanes = [_packed(held[0], store.lanes * LANE)]
    if CHECK_BANK in held and store.guard:
        lanes.append(_packed(held[CHECK_BANK], store.guard.check_lanes * LANE))
    return np.concatenate(lanes, axis=1).view("<u4").astype(np.uint32)


def bank_bits(store: Store, codes: ArrayLike, voted: NDArray[np.bool_] | None = None) -> Banks:
    """What each bank of a store that holds ``codes`` holds: index of the bank to ``uint8 (words, bits)``.

    Parameters
    ----------
    voted
        Triplicated bits ``(words, word_width)`` of a store without other schemes; all bits if left out.
    """
    data = _bits(np.asarray(codes).reshape(store.words, -1), store.element_width)
    banks = {0: data}
    for bank in range(1, len(store.banks)):
        there = bank_mask(store, bank) if store.guard else voted
        banks[bank] = data if there is None else data & there
    if store.guard and store.guard.check_bank:
        checks = check_bits(store, 0, store.bits, data.reshape(-1).astype(np.int64))
        banks[CHECK_BANK] = np.zeros((store.words, store.guard.check_width), dtype=np.uint8)
        banks[CHECK_BANK][checks.word, checks.bit] = checks.values
    return banks


def contents(accelerator: Accelerator, design: DesignPoint) -> tuple[NDArray[np.uint8], ...]:
    """What each memory of a loaded design holds: ``uint8 (words, bytes)``, little-endian, store by store."""
    found = []
    for store in accelerator.stores:
        first = design.space.offsets[store.tensor]
        voted = design.space.is_protected[first : first + store.bits].reshape(store.words, -1)
        banks = bank_bits(store, design.network.parameters[store.tensor].codes, voted)
        found += [np.packbits(banks[number], axis=1, bitorder="little") for number in store.memories]
    return tuple(found)


def _store_writes(store: Store, codes: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    lanes = store.lanes + (store.guard.check_lanes if store.guard else 0)
    words = np.arange(store.words, dtype=np.uint32)[:, None] * np.uint32(store.word_stride)
    addresses = np.uint32(store.config_base) + words + np.arange(lanes, dtype=np.uint32)
    return addresses.reshape(-1), store_words(store, codes).reshape(-1)


def pack_input(accelerator: Accelerator, codes: ArrayLike) -> NDArray[np.uint8]:
    """Beats of ``s_axis_tdata``.

    Parameters
    ----------
    codes
        ``(samples, *input shape)``.

    Returns
    -------
    ``uint8 (samples, beats, tdata_width / 8)``, little-endian: byte 0 is ``tdata[7:0]``.
    """
    stream = accelerator.input
    codes = np.asarray(codes, dtype=np.int64)
    if codes[:1].size != stream.elements * min(len(codes), 1):
        raise NetworkError(
            f"{accelerator.top} takes {stream.elements} elements a sample, not {codes.shape[1:]}"
        )
    beats = codes.reshape(len(codes), stream.beats, stream.per_beat)
    return _packed(_bits(beats, stream.width), stream.tdata_width)


def unpack_output(accelerator: Accelerator, data: ArrayLike) -> NDArray[np.int64]:
    """Codes ``int64 (samples, elements)`` of ``m_axis_tdata`` beats, ``uint8 (samples, tdata_width / 8)``."""
    stream = accelerator.output
    bits = np.unpackbits(np.asarray(data, dtype=np.uint8), axis=-1, bitorder="little")
    bits = bits[..., : stream.elements * stream.width].astype(np.int64)
    codes = bits.reshape(len(bits), stream.elements, stream.width) @ (
        1 << np.arange(stream.width, dtype=np.int64)
    )
    return to_signed(codes, stream.width) if stream.signed else codes


def _bits(codes: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Bits of the elements of the last axis, least significant first: ``(..., elements * width)``."""
    bits = (to_unsigned(codes, width)[..., None] >> np.arange(width)) & 1
    return bits.astype(np.uint8).reshape(*codes.shape[:-1], -1)


def _packed(bits: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Bits of the last axis in bytes, padded with zeros to ``width`` bits."""
    padded = np.zeros((*bits.shape[:-1], width), dtype=np.uint8)
    padded[..., : bits.shape[-1]] = bits
    return np.packbits(padded, axis=-1, bitorder="little")
