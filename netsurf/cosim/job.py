"""Job and result files of the C++ harness (read and written by ``harness.cpp``, little-endian).

A job is eight ``uint64`` (magic, design, writes, samples, faults, sites, samples a fault, bytes a
frame) and then arrays, each padded to a multiple of 8 bytes, in the order of :class:`Job`.
A result is three ``uint64`` (magic, pairs, outputs) and one record a (fault, sample) pair:
the raw output codes, the error bits, the index of the largest output, all ``uint64``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.cosim.header import BANKS, container_bytes
from netsurf.cosim.simulate import BenchJob
from netsurf.emit import Accelerator, Location, config_writes, contents, is_scrubbed, locate, pack_input
from netsurf.engine.base import Codes, EngineResult
from netsurf.errors import ToolFailedError
from netsurf.fault import FaultList
from netsurf.fault.lists import PERSISTENT
from netsurf.fixed import to_unsigned
from netsurf.harden import DesignPoint

_JOB = int.from_bytes(b"NSFSJOB1", "little")
_FEW_WORDS = 64
"""Words read a cycle up to which Icarus loads a store through the configuration port."""

_CHUNK = 256
"""Samples packed at once: packing takes a byte a bit."""

_RESULT = int.from_bytes(b"NSFSRES1", "little")


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Everything that one simulator process does.

    Parameters
    ----------
    addresses, data
        Writes through the configuration port, in order.
    frames
        ``uint8 (samples, beats, bytes)``.
    kinds, cycles, offsets
        As in :class:`~netsurf.fault.FaultList`, each site of a fault once.
    where
        Positions of the sites.
    samples
        ``uint32 (faults, k)``: rows of ``frames``.
    """

    addresses: NDArray[np.uint32]
    data: NDArray[np.uint32]
    frames: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    cycles: NDArray[np.int64]
    offsets: NDArray[np.uint64]
    where: Location
    samples: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class RawResult:
    """What the ports showed, a (fault, sample) pair.

    Parameters
    ----------
    codes
        ``(faults, k, outputs)``: output fields, as ``uint64`` bit patterns where they come from a file,
        as ``int64`` codes where they go to an engine's result.
    errors
        ``uint64 (faults, k)``: ``tmr_error_o``, one bit a tensor.
    decisions
        ``uint64 (faults, k)``: ``m_axis_tuser``.
    """

    codes: NDArray[Any]
    errors: NDArray[np.uint64]
    decisions: NDArray[np.uint64]


def make_job(
    accelerator: Accelerator, design: DesignPoint, faults: FaultList, inputs: Codes, samples: Codes
) -> Job:
    """The job that runs ``faults``; only the samples that some fault runs are taken along.

    Raises
    ------
    FaultError
        If a site is no stored bit of the design point.
    """
    rows, chosen = np.unique(samples, return_inverse=True)
    sites, offsets = distinct_sites(faults)
    design.space.require(sites)
    return Job(
        *config_writes(accelerator, design.network),
        frames(accelerator, inputs[rows] if len(rows) else inputs[:1]),
        faults.kinds,
        _cycles(accelerator, faults),
        offsets.astype(np.uint64),
        locate(accelerator, sites),
        chosen.reshape(samples.shape).astype(np.uint32),
    )


def _cycles(accelerator: Accelerator, faults: FaultList) -> NDArray[np.int64]:
    """Cycles of the faults; in a scrubbed store an upset does not stay, so that it strikes every sample anew.

    Cycle 0 comes before the first read: what strikes then is what was there before the inference.
    """
    if not is_scrubbed(accelerator):
        return faults.cycles
    return np.where(faults.cycles == PERSISTENT, 0, faults.cycles)


def bench_job(
    accelerator: Accelerator,
    design: DesignPoint,
    faults: FaultList,
    inputs: Codes,
    samples: Codes,
    folder: Path,
    expected: EngineResult | None = None,
) -> BenchJob:
    """The same job for the cocotb test bench, which writes its result into ``folder``.

    Parameters
    ----------
    expected
        Outputs and flags, for the cocotb tests that compare by themselves.
    """
    job = make_job(accelerator, design, faults, inputs, samples)
    none = np.zeros((0, 0, accelerator.output.elements), dtype=np.int64)
    outputs, detected = (expected.outputs, expected.detected) if expected else (none, none[..., 0] != 0)
    stores = enumerate(accelerator.stores)
    banks = [(number, bank) for number, store in stores for bank in store.memories]
    number = {place: n for n, place in enumerate(banks)}
    places = zip(job.where.store.tolist(), job.where.replica.tolist(), strict=True)
    return BenchJob(
        banks=tuple(accelerator.stores[store].memories[bank][0] for store, bank in banks),
        addresses=job.addresses,
        data=job.data,
        contents=contents(accelerator, design) if wide(accelerator) or is_scrubbed(accelerator) else (),
        frames=job.frames[..., : accelerator.input.tdata_width // 8],
        kinds=job.kinds,
        cycles=job.cycles,
        offsets=job.offsets.astype(np.int64),
        bank=np.array([number[place] for place in places], dtype=np.int64),
        word=job.where.word,
        bit=job.where.bit,
        samples=job.samples.astype(np.int64),
        expected_outputs=output_beats(accelerator, outputs),
        expected_detected=detected,
        result_bytes=accelerator.output.tdata_width // 8,
        latency=accelerator.latency,
        interval=accelerator.interval,
        scrubbed=is_scrubbed(accelerator),
        result=folder / "result.npz",
    )


def wide(accelerator: Accelerator) -> bool:
    """Whether a cycle reads so many words that Icarus must not load them one after the other.

    Each write through the configuration port makes Icarus evaluate everything that hangs on the words:
    tens of milliseconds for 784 words of 384 bits, ten minutes for a store.
    """
    return max((store.words_per_read for store in accelerator.stores), default=0) > _FEW_WORDS


def output_beats(accelerator: Accelerator, outputs: Codes) -> NDArray[np.uint8]:
    """Output codes as beats of ``m_axis_tdata``: ``(..., elements)`` to ``uint8 (..., tdata_width / 8)``."""
    stream = accelerator.output
    bits = np.zeros((*outputs.shape[:-1], stream.tdata_width), dtype=np.uint8)
    for element in range(stream.elements):
        code = to_unsigned(outputs[..., element, None], stream.width)
        bits[..., element * stream.width :][..., : stream.width] = code >> np.arange(stream.width) & 1
    return np.packbits(bits, axis=-1, bitorder="little")


def frames(accelerator: Accelerator, inputs: Codes) -> NDArray[np.uint8]:
    """Samples as beats, each in the room of Verilator's type for it: ``uint8 (samples, beats, bytes)``."""
    size = container_bytes(accelerator.input.tdata_width)
    room = np.zeros((len(inputs), accelerator.input.beats, size), dtype=np.uint8)
    for start in range(0, len(inputs), _CHUNK):
        packed = pack_input(accelerator, inputs[start : start + _CHUNK])
        room[start : start + _CHUNK, :, : packed.shape[-1]] = packed
    return room


def distinct_sites(faults: FaultList) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sites and offsets of a fault list with each site at most once a fault, ascending.

    >>> sites, offsets = distinct_sites(FaultList(np.array([7, 3, 7, 3]), np.array([0, 3, 4]), None, None))
    >>> sites.tolist(), offsets.tolist()
    ([3, 7, 3], [0, 2, 3])
    """
    fault = np.repeat(np.arange(len(faults.offsets) - 1), faults.counts)
    order = np.lexsort((faults.sites, fault))
    fault, sites = fault[order], faults.sites[order]
    first = np.ones(len(sites), dtype=bool)
    first[1:] = (fault[1:] != fault[:-1]) | (sites[1:] != sites[:-1])
    counts = np.bincount(fault[first], minlength=len(faults.offsets) - 1)
    return sites[first], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def encode(job: Job, design: int) -> bytes:
    """The job file for the binary with digest ``design``."""
    sites, frame = len(job.where.word), int(np.prod(job.frames.shape[1:]))
    counts = (len(job.data), len(job.frames), len(job.kinds), sites, job.samples.shape[1], frame)
    arrays = (
        np.array([_JOB, design, *counts], dtype="<u8"),
        job.addresses.astype("<u4"),
        job.data.astype("<u4"),
        job.frames,
        job.kinds.astype(np.uint8),
        job.cycles.astype("<i8"),
        job.offsets.astype("<u8"),
        (BANKS * job.where.store + job.where.replica).astype("<u4"),
        job.where.word.astype("<u4"),
        job.where.bit.astype("<u4"),
        job.samples.astype("<u4"),
    )
    return b"".join(_padded(np.ascontiguousarray(array).tobytes()) for array in arrays)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 8)


def read_result(path: Path, shape: tuple[int, ...], outputs: int) -> RawResult:
    """Read a result file of ``shape`` (faults, samples a fault).

    Raises
    ------
    ToolFailedError
        If it is no result of that shape.
    """
    words = np.fromfile(path, dtype="<u8")
    pairs = int(np.prod(shape))
    if words[:3].tolist() != [_RESULT, pairs, outputs] or len(words) != 3 + pairs * (outputs + 2):
        raise ToolFailedError("the simulator (its result file is damaged)", path)
    records = words[3:].reshape(*shape, outputs + 2)
    return RawResult(records[..., :outputs], records[..., outputs], records[..., outputs + 1])
