"""The cocotb test bench: runs inside a simulator, Verilator or Icarus, around ``bench.v``.

:func:`netsurf.cosim.simulate.simulate` starts it; the environment variable ``NETSURF_JOB`` names the
:class:`~netsurf.cosim.simulate.BenchJob` that it works on. There are four cocotb tests:

==================  =======================================================================
``campaign``        run a fault list with the player of ``bench.v``; write the results
``stream``          AXI-Stream without pauses (cocotbext-axi): values, latency, interval
``back_pressure``   AXI-Stream with random pauses on both sides: values, stable beats
``upsets``          faults deposited by hand: values, flags, undo
==================  =======================================================================

An upset is a read, an exclusive-or, a deposit and a read back of the memory word that the site map
names, at the falling edge of the clock.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import Immediate
from cocotb.triggers import FallingEdge, First, RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from netsurf.cosim.simulate import BenchJob, BenchResult

CLOCK_NS = 10
_NEVER = 2**32 - 1


class Bench:
    """Clock, reset, configuration port, player and memories of one simulated accelerator."""

    def __init__(self, dut: Any, job: BenchJob) -> None:
        self.dut, self.job = dut, job
        self._memories = [_memory(dut.dut, path) for path in job.banks]
        self._go = 0

    async def start(self) -> None:
        """Start the clock and leave reset."""
        for name in (
            "s_axis_tvalid",
            "s_axis_tlast",
            "m_axis_tready",
            "cfg_we_i",
            "tmr_clear_i",
            "load_i",
            "go_i",
        ):
            getattr(self.dut, name).value = 0
        self.dut.alarm_i.value = _NEVER
        self.dut.sample_i.value = 0
        self.dut.aresetn.value = 0
        Clock(self.dut.aclk, CLOCK_NS, unit="ns").start()
        await self.cycles(3)
        self.dut.aresetn.value = 1
        await self.cycles(2)

    async def cycles(self, count: int) -> None:
        """Wait for falling edges, between which nothing is clocked."""
        for _ in range(count):
            await FallingEdge(self.dut.aclk)

    async def play_load(self) -> None:
        """Load the store with the player: no Python in the loop."""
        self.dut.load_i.value = 1
        await RisingEdge(self.dut.loaded_o)
        self.dut.load_i.value = 0
        await self.cycles(1)

    async def deposit_load(self) -> None:
        """Load the store by deposit, all words between two clock edges: one evaluation of all readers."""
        for memory, words in zip(self._memories, self.job.contents, strict=True):
            for number, word in enumerate(words):
                memory[number].value = Immediate(int.from_bytes(word.tobytes(), "little"))
        await self.cycles(1)

    async def write_load(self) -> None:
        """Load the store through the configuration port, word by word."""
        self.dut.cfg_we_i.value = 1
        for address, data in zip(self.job.addresses.tolist(), self.job.data.tolist(), strict=True):
            self.dut.cfg_addr_i.value = address
            self.dut.cfg_data_i.value = data
            await self.cycles(1)
        self.dut.cfg_we_i.value = 0
        await self.cycles(1)

    async def infer(
        self, sample: int, at: int | None = None, strike: Callable[[], None] | None = None
    ) -> None:
        """Play one sample; call ``strike`` in the middle of cycle ``at``."""
        dut = self.dut
        self._go ^= 1
        dut.sample_i.value = sample
        dut.alarm_i.value = _NEVER if at is None else min(at, _NEVER)
        dut.go_i.value = self._go
        done = RisingEdge(dut.done_o)
        if strike is not None:
            alarm = RisingEdge(dut.alarm_o)
            if await First(alarm, done) is done:
                return
            strike()
        await done

    async def restart(self) -> None:
        """Reset the control, not the store: nothing is on its way, a scrubber is at its first word."""
        self._go = 0
        self.dut.go_i.value = 0
        self.dut.aresetn.value = 0
        await self.cycles(1)
        self.dut.aresetn.value = 1

    async def clear_errors(self) -> None:
        """Clear the sticky error flags."""
        self.dut.tmr_clear_i.value = 1
        await self.cycles(1)
        self.dut.tmr_clear_i.value = 0

    def upset(self, fault: int) -> Upset:
        """The upset of fault ``fault`` of the job."""
        return Upset(self._memories, self.job, fault)


def _memory(top: Any, path: str) -> Any:
    """Handle of the memory at a hierarchical path whose first part is the accelerator itself."""
    handle = top
    for name in path.split(".")[1:]:
        handle = getattr(handle, name)
    return handle


class Upset:
    """The stored bits of one fault, word by word."""

    def __init__(self, memories: list[Any], job: BenchJob, fault: int) -> None:
        masks: dict[tuple[int, int], int] = {}
        for i in range(job.offsets[fault], job.offsets[fault + 1]):
            where = int(job.bank[i]), int(job.word[i])
            masks[where] = masks.get(where, 0) | 1 << int(job.bit[i])
        self._words = [(memories[bank][word], mask) for (bank, word), mask in masks.items()]
        self._change = _CHANGES[int(job.kinds[fault])]
        self._loaded: list[int] | None = None

    def deposit(self) -> None:
        """Upset every bit; what was there is remembered."""
        self._loaded = [_read(word) for word, _ in self._words]
        for (word, mask), loaded in zip(self._words, self._loaded, strict=True):
            word.value = Immediate(self._change(loaded, mask))

    def forget(self) -> None:
        """There is nothing to undo: the store is restored as a whole."""
        self._loaded = None

    def check(self) -> None:
        """Raise AssertionError unless every upset bit holds its faulty value."""
        for (word, mask), loaded in zip(self._words, self._loaded or [], strict=True):
            wanted, got = self._change(loaded, mask), _read(word)
            assert got == wanted, f"{word._path} holds {got:x}, the deposit was {wanted:x}"

    async def undo(self, bench: Bench) -> None:
        """Check that the deposit held, restore the words, and check that too; nothing if none was made."""
        if self._loaded is None:
            return
        self.check()
        for (word, _), loaded in zip(self._words, self._loaded, strict=True):
            word.value = Immediate(loaded)
        await bench.cycles(1)
        for (word, _), loaded in zip(self._words, self._loaded, strict=True):
            assert _read(word) == loaded, f"{word._path} was not restored"
        self._loaded = None


_CHANGES: tuple[Callable[[int, int], int], ...] = (
    lambda word, mask: word ^ mask,
    lambda word, mask: word & ~mask,
    lambda word, mask: word | mask,
)
"""What an upset makes of a word, by kind (``netsurf.fault.lists.KINDS``)."""


def _read(word: Any) -> int:
    return int(word.value)


def _job() -> BenchJob:
    return BenchJob.load(Path(os.environ["NETSURF_JOB"]))


@cocotb.test()
async def campaign(dut: Any) -> None:
    """Run every fault of the job on its samples and write a :class:`BenchResult`."""
    job = _job()
    bench = Bench(dut, job)
    await bench.start()
    await (bench.deposit_load() if job.contents else bench.play_load())
    result = BenchResult.empty(job)
    for fault, samples in enumerate(job.samples.tolist()):
        upset, cycle = bench.upset(fault), int(job.cycles[fault])
        if cycle < 0:
            upset.deposit()
            await bench.cycles(1)
        for position, sample in enumerate(samples):
            await bench.restart()
            await bench.infer(sample, *((None, None) if cycle < 0 else (cycle, upset.deposit)))
            await bench.cycles(1)  # done_o is seen before the other registers of its clock edge
            _record(dut, result, (fault, position))
            if job.scrubbed:
                upset.forget()
                await bench.deposit_load()
            elif cycle >= 0:
                await upset.undo(bench)
        await upset.undo(bench)
    result.save(job.result)


def _record(dut: Any, result: BenchResult, pair: tuple[int, int]) -> None:
    size = result.outputs.shape[-1]
    result.outputs[pair] = np.frombuffer(int(dut.result_o.value).to_bytes(size, "little"), dtype=np.uint8)
    result.errors[pair] = int(dut.errors_o.value)
    result.decisions[pair] = int(dut.decision_o.value)
    result.latencies[pair] = int(dut.latency_o.value)


@cocotb.test()
async def stream(dut: Any) -> None:
    """All samples back to back, nobody pauses: values, latency and interval are as stated."""
    job = _job()
    _, streams = await _streaming(dut, job)
    watch = cocotb.start_soon(_watch(dut, job))
    await streams.exchange(job.expected_outputs[0], range(len(job.frames)))
    accepted, valid = watch.result() if watch.done() else await watch
    latency, interval = valid[0] - accepted[0], valid[-1] - valid[-2]
    assert latency == job.latency, f"latency is {latency} cycles, design.json states {job.latency}"
    assert interval == job.interval, f"interval is {interval} cycles, design.json states {job.interval}"


@cocotb.test()
async def back_pressure(dut: Any) -> None:
    """Random pauses on both sides change no value, and a waiting output does not change.

    The sink pauses for longer than several samples take, so that every register on the way fills up.
    """
    job = _job()
    _, streams = await _streaming(dut, job)
    streams.source.set_pause_generator(_pauses(random.Random(1), 4))
    streams.sink.set_pause_generator(_pauses(random.Random(2), 4 * job.interval))
    cocotb.start_soon(_stable(dut))
    await streams.exchange(job.expected_outputs[0], range(len(job.frames)))


@cocotb.test()
async def upsets(dut: Any) -> None:
    """Each persistent fault of the job gives the expected outputs and flag, and is undone."""
    job = _job()
    bench, streams = await _streaming(dut, job)
    for fault, samples in enumerate(job.samples.tolist()):
        upset = bench.upset(fault)
        upset.deposit()
        await bench.cycles(1)
        upset.check()
        await bench.clear_errors()
        await streams.exchange(job.expected_outputs[fault], samples)
        detected = int(dut.tmr_error_o.value) != 0
        assert detected == bool(job.expected_detected[fault].all()), f"fault {fault}: tmr_error is {detected}"
        await upset.undo(bench)


class Streams:
    """Both AXI-Streams of the accelerator, driven with cocotbext-axi."""

    def __init__(self, dut: Any, job: BenchJob) -> None:
        options = {"reset": dut.aresetn, "reset_active_level": False, "byte_lanes": 1}  # a beat is a number
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **options)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, **options)
        self._beats = [[int.from_bytes(beat.tobytes(), "little") for beat in frame] for frame in job.frames]

    async def exchange(self, expected: np.ndarray, samples: Any) -> None:
        """Send samples; assert that the raw beats that come out are ``expected``, in order."""
        for sample in samples:
            await self.source.send(AxiStreamFrame(self._beats[sample]))
        for position, wanted in enumerate(expected):
            frame = await self.sink.recv()
            got = int(frame.tdata[0]).to_bytes(len(wanted), "little")
            assert len(frame.tdata) == 1, f"output {position} has {len(frame.tdata)} beats"
            assert got == wanted.tobytes(), f"output {position} is {got.hex()}, not {wanted.tobytes().hex()}"


async def _streaming(dut: Any, job: BenchJob) -> tuple[Bench, Streams]:
    bench = Bench(dut, job)
    streams = Streams(dut, job)
    await bench.start()
    await bench.write_load()
    return bench, streams


async def _watch(dut: Any, job: BenchJob) -> tuple[list[int], list[int]]:
    """Cycles in which first beats are accepted and outputs are valid."""
    accepted: list[int] = []
    valid: list[int] = []
    cycle = beat = 0
    while len(valid) < len(job.frames):
        await FallingEdge(dut.aclk)
        if dut.s_axis_tvalid.value == 1 and dut.s_axis_tready.value == 1:
            if beat == 0:
                accepted.append(cycle)
            beat = (beat + 1) % job.frames.shape[1]
        if dut.m_axis_tvalid.value == 1:
            valid.append(cycle)
        cycle += 1
    return accepted, valid


async def _stable(dut: Any) -> None:
    """AXI4-Stream: once ``tvalid`` is high, it and the data stay until ``tready``."""
    waiting = None
    while True:
        await FallingEdge(dut.aclk)
        beat = int(dut.m_axis_tdata.value) if dut.m_axis_tvalid.value == 1 else None
        assert waiting is None or beat == waiting, "an output changed while it waited for tready"
        waiting = beat if dut.m_axis_tready.value == 0 else None


def _pauses(generator: random.Random, longest: int) -> Iterator[bool]:
    """Pauses of up to ``longest`` cycles, with one to three cycles of work between them."""
    while True:
        yield from [True] * generator.randint(0, longest)
        yield from [False] * generator.randint(1, 3)
