"""Native kernels: C++ files, compiled once for this processor, kept by digest, called through ctypes.

hls4ml and Verilator need g++ already, so most machines have it. One that does not, or whose processor has
neither AVX2 nor AVX-512 VNNI, still computes the same integers, more slowly, and says so.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import MissingToolError, ToolFailedError, UnknownNameError
from netsurf.inject.chain import LANES, Chain, Stage, bias_steps
from netsurf.inject.steps import encode
from netsurf.paths import cache as cache_folder

FOLDER = Path(__file__).parent

SOURCES = {
    "kernels": (FOLDER / "kernels.cpp", FOLDER / "steps.hpp"),
    "waves": (FOLDER / "waves.cpp", FOLDER / "steps.hpp"),
}
"""Libraries: the file that is compiled, and what it includes."""

FLAGS: dict[str, tuple[str, ...]] = {
    "vnni": ("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni"),
    "avx2": ("-mavx2",),
    "scalar": (),
}
"""Instruction sets, fastest first, and what g++ must be told about each."""

NEEDS = {
    "vnni": {"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni"},
    "avx2": {"avx2"},
    "scalar": set(),
}
"""Processor flags (as Linux names them) that each instruction set needs."""

_COMMON = ("-O3", "-std=c++17", "-shared", "-fPIC", "-fno-math-errno", "-Wno-psabi")


def instruction_sets() -> tuple[str, ...]:
    """Instruction sets that this processor has, fastest first; ``scalar`` always."""
    return tuple(name for name, needed in NEEDS.items() if needed <= _processor_flags())


@cache
def _processor_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":")[1] for line in lines if line.startswith("flags")), "").split())


@cache
def library(instructions: str | None = None, source: str = "kernels") -> ctypes.CDLL:
    """The compiled kernels; compiles them if no file of these sources, compiler and instruction set is kept.

    Raises
    ------
    MissingToolError
        If there is no g++ and nothing is kept.
    ToolFailedError
        If g++ fails; names its log.
    """
    name = instructions or instruction_sets()[0]
    if name not in FLAGS:
        raise UnknownNameError("instruction set", name, FLAGS)
    compiled = ctypes.CDLL(str(_compiled(name, source)))
    for function in _COUNTING[source]:
        getattr(compiled, function).restype = ctypes.c_int64
    return compiled


_COUNTING = {
    "kernels": ("netsurf_vote", "netsurf_limit_multiply", "netsurf_limit_compare"),
    "waves": ("netsurf_waves",),
}


def _compiled(instructions: str, source: str) -> Path:
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("g++")
    if compiler is None:
        raise MissingToolError("g++", "apt-get install -y g++ (or choose the kernel 'portable')")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    recipe = "\n".join([version, *_COMMON, *FLAGS[instructions]])
    text = b"".join(path.read_bytes() for path in SOURCES[source])
    digest = hashlib.sha256(text + recipe.encode()).hexdigest()[:16]
    target = cache_folder() / "native" / f"{source}-{instructions}-{digest}.so"
    if not target.exists():
        _compile(compiler, instructions, SOURCES[source][0], target)
    return target


def _compile(compiler: str, instructions: str, source: Path, target: Path) -> None:
    """Compile beside the target and rename: another process sees all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".so")
    os.close(handle)
    command = [compiler, *_COMMON, f"-I{FOLDER}", *FLAGS[instructions], "-o", temporary, str(source)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        Path(temporary).unlink()
        log = target.with_suffix(".log")
        log.write_text(run.stderr)
        raise ToolFailedError("g++", log, run.stderr)
    Path(temporary).replace(target)


CACHE_LINE = 64

BATCH = 16
"""Samples that ``kernels.cpp`` takes through a stage together."""

FIELDS = ("inputs", "outputs", "padded", "gain", "weight_at", "start_at", "step_at", "steps", "groups")
"""Columns of a stage as ``kernels.cpp`` reads them; ``weight_at`` counts bytes."""


def pair_of(chain: Chain, instructions: str) -> int | str:
    """Inputs that one instruction multiplies at a time (4 bytes or 2 words), or why no kernel serves."""
    if not chain.fits_int32:
        return f"sums reach {max(stage.largest for stage in chain.stages)}, beyond 32 bits"
    weights = [stage.unit.layer.parameters["kernel"].format for stage in chain.stages]
    ranges = [*((stage.least, stage.most) for stage in chain.stages)]
    if (
        instructions == "vnni"
        and all(low >= 0 and high <= 255 for low, high in ranges)
        and all(w.minimum >= -128 and w.maximum <= 127 for w in weights)
    ):
        return 4
    wide = [*ranges, *((w.minimum, w.maximum) for w in weights)]
    if all(low >= -(1 << 15) and high < (1 << 15) for low, high in wide):
        return 2
    return "its inputs or weights are wider than 16 bits"


@dataclass(frozen=True, eq=False)
class Layout:
    """A chain as the kernel reads it: what never changes, and golden weights to copy.

    Parameters
    ----------
    pair
        Inputs multiplied at a time.
    lines
        Inputs without zero groups, two samples side by side: starts, group numbers, packed groups, and
        the sample that each place of this order is.
    stages, tensors, steps, bias_steps
        ``int64`` rows; see :data:`FIELDS`, :attr:`netsurf.inject.chain.Chain.tensors`, :func:`encode`.
    weights
        ``int8``: bytes of all packed kernels.
    biases
        ``int64`` codes, padded.
    """

    pair: int
    lines: tuple[NDArray, NDArray, NDArray, NDArray]
    stages: NDArray[np.int64]
    tensors: NDArray[np.int64]
    steps: NDArray[np.int64]
    bias_steps: NDArray[np.int64]
    weights: NDArray[np.int8]
    biases: NDArray[np.int64]

    @classmethod
    def of(cls, chain: Chain, x: NDArray, pair: int, alike: NDArray) -> Layout:
        """Lay out a chain and inputs ``x (samples, inputs)``; samples of equal ``alike`` look alike."""
        weights, biases, steps, stages = [], [], [], []
        at = np.zeros(3, dtype=np.int64)
        for stage in chain.stages:
            packed = _pack_weights(stage, pair)
            padded = packed.shape[1]
            stages.append(
                (stage.inputs, stage.outputs, padded, stage.gain, *at, len(stage.steps), len(packed))
            )
            weights.append(packed.view(np.int8).reshape(-1))
            codes = stage.unit.layer.parameters["bias"].codes
            biases.append(np.pad(codes, (0, padded - stage.outputs)))
            steps.append(encode(stage.steps))
            at += weights[-1].size, padded, len(stage.steps)
        return cls(
            pair,
            _pack_lines(x, pair, alike),
            np.array(stages, dtype=np.int64),
            chain.tensors,
            np.concatenate(steps),
            bias_steps(chain),
            np.concatenate(weights),
            np.concatenate(biases),
        )


def _pack_weights(stage: Stage, pair: int) -> NDArray:
    """Kernel as ``(groups, padded outputs, pair)`` in bytes or 16-bit words."""
    padded, groups = -(-stage.outputs // LANES) * LANES, -(-stage.inputs // pair)
    wide = np.zeros((groups * pair, padded), np.int8 if pair == 4 else np.int16)
    wide[: stage.inputs, : stage.outputs] = stage.unit.layer.parameters["kernel"].codes
    return np.ascontiguousarray(wide.reshape(groups, pair, padded).transpose(0, 2, 1))


def _pack_lines(x: NDArray, pair: int, alike: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Inputs as packed groups, pair of samples by pair, without the groups that are zero in both.

    Samples that look alike go side by side: fewer groups are zero in one of them alone.
    """
    groups = -(-x.shape[1] // pair)
    wide = np.zeros((len(x) + len(x) % 2, groups * pair), np.uint8 if pair == 4 else np.int16)
    wide[: len(x), : x.shape[1]] = x
    words = wide.view(np.uint32)
    order = np.lexsort(((words[: len(x)] != 0).sum(axis=1), alike))
    words[: len(x)] = words[order]
    pairs = words.reshape(-1, 2, groups)
    rows, columns = np.nonzero(pairs.any(axis=1))
    starts = np.searchsorted(rows, np.arange(len(pairs) + 1)).astype(np.int64)
    return starts, columns.astype(np.int32), np.ascontiguousarray(pairs[rows, :, columns]), order


def _aligned(array: NDArray) -> NDArray:
    """A copy that starts on a cache line: a load of 64 bytes then never touches two."""
    room = np.empty(array.nbytes + CACHE_LINE, np.int8)
    offset = -room.ctypes.data % CACHE_LINE
    copy = room[offset : offset + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _pointer(array: NDArray | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


class NativeModel:
    """One worker's model: applies a fault, runs all samples, restores the weights.

    Parameters
    ----------
    size
        ``S``; ``protected`` and ``values`` are ``uint8 (S,)``.
    labels, decisions
        ``int64 (samples,)``, or None for a regression.
    """

    def __init__(
        self,
        layout: Layout,
        compiled: ctypes.CDLL,
        protected: NDArray[np.uint8],
        values: NDArray[np.uint8],
        ideal: bool,
        labels: NDArray[np.int64] | None,
        decisions: NDArray[np.int64] | None,
    ) -> None:
        self.layout, self.compiled = layout, compiled
        self.protected, self.values, self.ideal = protected, values, ideal
        self.labels, self.decisions = labels, decisions
        self.weights, self.biases = _aligned(layout.weights), layout.biases.copy()
        self.first = _aligned(np.zeros(len(self.biases), np.int32))
        self.widest = int(max(layout.stages[:, [0, 2]].max(), 1)) + LANES
        self.scratch = _aligned(np.zeros((2 * BATCH + 3) * self.widest, np.int32))
        self.marks = np.zeros(len(values), np.uint8)

    def vote(self, sites: NDArray[np.int64], kind: int) -> tuple[NDArray[np.int64] | None, bool]:
        """Bits that a fault inverts, or None if a site does not exist; and whether a voter saw it."""
        bits, detected = np.empty(len(sites), np.int64), ctypes.c_uint8()
        sites = np.ascontiguousarray(sites)
        found = self.compiled.netsurf_vote(
            _pointer(sites),
            *map(ctypes.c_int64, (len(sites), kind, len(self.values))),
            *map(_pointer, (self.protected, self.values)),
            ctypes.c_int64(self.ideal),
            *map(_pointer, (self.marks, bits)),
            ctypes.byref(detected),
        )
        return (bits[:found] if found >= 0 else None), bool(detected.value)

    def run(self, bits: NDArray[np.int64], outputs: NDArray[np.int64] | None) -> tuple[int, int]:
        """Correct and changed decisions with ``bits`` inverted; fills ``outputs`` unless it is None."""
        layout, tally = self.layout, np.zeros(2, np.int64)
        stages = _pointer(layout.stages), ctypes.c_int64(len(layout.stages))
        self._invert(bits)
        self.compiled.netsurf_starts(*stages, *map(_pointer, (self.biases, layout.bias_steps, self.first)))
        self.compiled.netsurf_run(
            ctypes.c_int64(layout.pair),
            *map(_pointer, layout.lines),
            ctypes.c_int64(len(layout.lines[3])),
            *stages,
            *map(_pointer, (self.weights, self.first, layout.steps, self.scratch)),
            ctypes.c_int64(self.widest),
            *map(_pointer, (self.labels, self.decisions, outputs, tally)),
        )
        self.weights[:], self.biases[:] = layout.weights, layout.biases
        return int(tally[0]), int(tally[1])

    def _invert(self, bits: NDArray[np.int64]) -> None:
        layout = self.layout
        self.compiled.netsurf_invert(
            _pointer(bits),
            ctypes.c_int64(len(bits)),
            _pointer(layout.tensors),
            ctypes.c_int64(len(layout.tensors)),
            _pointer(layout.stages),
            ctypes.c_int64(layout.pair),
            _pointer(self.weights),
            _pointer(self.biases),
        )
