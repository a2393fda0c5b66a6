"""Job and result files of ``strikes.cpp``, little-endian.

A job is eight ``uint64`` (magic, design, writes, samples, faults, strikes, window, bytes a frame) and then
arrays, each padded to a multiple of 8 bytes. A result is one record a fault: number of outputs, cycle of the
first, error bits, index of its largest, its raw codes; all 64 bits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.cosim.header import BANKS, variables
from netsurf.cosim.job import frames
from netsurf.emit import Accelerator, config_writes, locate
from netsurf.engine.base import Codes
from netsurf.errors import FaultError, ToolFailedError
from netsurf.fault.registers import VOTER_INPUT, Register
from netsurf.fault.strikes import StrikeList, window
from netsurf.harden import DesignPoint

_MAGIC = int.from_bytes(b"SFSTRK1", "little")
_REGISTER, _STORED, _VOTER = range(3)
_NONE = 2**32 - 1
_PORTS = {"inA": 0, "inB": 1, "inC": 2}


def targets(accelerator: Accelerator, strikes: StrikeList) -> NDArray[np.uint32]:
    """Where each strike goes: ``(what, where, word, bit, row counters of three copies, last row)``.

    ``where`` is a bank (store * 4 + replica) or a variable; of a voter input ``word`` is the words that are
    read together, and the counters say which.
    """
    rows = np.full((len(strikes.sites), 8), _NONE, dtype=np.int64)
    rows[:, 7] = 0
    stored = strikes.stored
    where = locate(accelerator, strikes.sites[stored])
    rows[stored, 0] = _STORED
    rows[stored, 1] = BANKS * where.store + where.replica
    rows[stored, 2], rows[stored, 3] = where.word, where.bit
    number = {path: index for index, (path, _) in enumerate(variables(accelerator))}
    register, element, bit = accelerator.register_space.locate(strikes.sites[~stored])
    rows[~stored] = [
        _register(accelerator, number, accelerator.register_list[r], e, b)
        for r, e, b in zip(register.tolist(), element.tolist(), bit.tolist(), strict=True)
    ] or np.empty((0, 8))
    return rows.astype(np.uint32)


def _register(
    accelerator: Accelerator, number: dict[str, int], register: Register, element: int, bit: int
) -> tuple[int, ...]:
    if register.kind == VOTER_INPUT:
        return _voter(accelerator, number, register, element, bit)
    path, place = register.variable(element, bit)
    return _REGISTER, number[path], 0, place, _NONE, _NONE, _NONE, 0


def _voter(
    accelerator: Accelerator, number: dict[str, int], register: Register, element: int, bit: int
) -> tuple[int, ...]:
    """A voter input: the bank that it shows, its column, and the row counters of the layer that reads it."""
    tensor, _, port = register.name.rpartition(".")
    index = next(i for i, store in enumerate(accelerator.stores) if store.tensor == tensor)
    store = accelerator.stores[index]
    layer = tensor.rpartition(".")[0]
    counters = [r for r in accelerator.register_list if r.name == f"{layer}.row"]
    row = [_NONE] * 3
    if counters and store.words > store.words_per_read:
        row = [number[counters[min(copy, len(counters) - 1)].variable(0, 0)[0]] for copy in range(3)]
    column = element * register.width + bit
    last = store.words // store.words_per_read - 1
    return _VOTER, BANKS * index + _PORTS[port], store.words_per_read, column, *row, last


def encode_strikes(
    accelerator: Accelerator,
    design: DesignPoint,
    strikes: StrikeList,
    inputs: Codes,
    samples: Codes,
    digest: int,
) -> bytes:
    """The job file for the binary with a digest.

    Raises
    ------
    FaultError
        If a site does not exist in the design.
    """
    if len(strikes.cycles) and strikes.cycles.min() < 0:
        raise FaultError("a strike needs a cycle from 0 on; before the inference, use a fault list")
    design.space.require(strikes.sites[strikes.stored])
    rows, chosen = np.unique(samples, return_inverse=True)
    addresses, data = config_writes(accelerator, design.network)
    beats = frames(accelerator, inputs[rows] if len(rows) else inputs[:1])
    where = targets(accelerator, strikes)
    counts = (len(data), len(beats), len(strikes), len(where), window(accelerator.latency))
    arrays = (
        np.array([_MAGIC, digest, *counts, int(np.prod(beats.shape[1:]))], dtype="<u8"),
        addresses.astype("<u4"),
        data.astype("<u4"),
        beats,
        chosen.astype("<u4"),
        strikes.offsets.astype("<u8"),
        strikes.cycles.astype("<i8"),
        *(where[:, column].astype("<u4") for column in range(4)),
        where[:, 4:].astype("<u4"),
    )
    return b"".join(_padded(np.ascontiguousarray(array).tobytes()) for array in arrays)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 8)


def read_strikes(path: Path, faults: int, outputs: int) -> NDArray[np.uint64]:
    """Records ``uint64 (faults, 4 + outputs)`` of a result file; ToolFailedError if it is of another size."""
    words = np.fromfile(path, dtype="<u8")
    if len(words) != faults * (4 + outputs):
        raise ToolFailedError("the simulator (its result file is damaged)", path)
    return words.reshape(faults, 4 + outputs)
