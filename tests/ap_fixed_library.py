"""The ``ap_fixed`` headers that hls4ml carries, compiled for a list of assignments."""

from __future__ import annotations

import ctypes
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netsurf import toolchain
from netsurf.fixed import FixedFormat


@dataclass(frozen=True)
class Assignment:
    """Assignment of a number in format ``source`` to a variable of format ``target``."""

    source: FixedFormat
    target: FixedFormat


def draw_assignment(rng: np.random.Generator, rounding: str, overflow: str) -> Assignment:
    """Formats with the source wider or narrower, above, below and far from the target's binary point."""
    target = FixedFormat(
        width := int(rng.integers(1, 21)),
        int(rng.integers(-4, width + 5)),
        bool(rng.integers(2)),
        rounding,  # type: ignore[arg-type]
        overflow,  # type: ignore[arg-type]
    )
    width = int(rng.integers(1, 34))
    fraction = target.fraction + int(rng.integers(-8, 14))
    return Assignment(FixedFormat(width, width - fraction, bool(rng.integers(2))), target)


def draw_codes(rng: np.random.Generator, assignment: Assignment, count: int) -> np.ndarray:
    """``count`` source codes: uniform, both ends of either range, and the neighbourhood of ties."""
    source, target = assignment.source, assignment.target
    low, high = source.minimum, source.maximum
    uniform = rng.integers(low, high, count, endpoint=True)
    drop = max(source.fraction - target.fraction, 0)
    lift = max(target.fraction - source.fraction, 0)
    ends = np.array([low, high, (target.minimum << drop) >> lift, (target.maximum << drop) >> lift, 0])
    step = 1 << max(drop - 1, 0)
    ties = uniform // step * step
    near_ends = rng.choice(ends, count) + rng.integers(-2, 3, count) * step
    codes = np.choose(rng.integers(0, 3, count), [uniform, ties, near_ends]) + rng.integers(-1, 2, count)
    return np.where((codes < low) | (codes > high), uniform, codes)


def draw_doubles(rng: np.random.Generator, target: FixedFormat, count: int) -> np.ndarray:
    """``count`` real numbers: around the range, and multiples of half a step, some a hair beside it."""
    step = 2.0**-target.fraction
    spread = rng.normal(0, 2.0**target.width * step, count)
    halves = np.round(spread / step * 2) * step / 2
    return np.choose(
        rng.integers(0, 3, count), [spread, halves, halves * (1 + rng.integers(-1, 2, count) * 2**-50)]
    )


class ApFixed:
    """A shared library with one function an assignment; the first ``doubles`` also take doubles."""

    def __init__(self, assignments: list[Assignment], folder: Path, doubles: int = 0) -> None:
        (folder / "ap.cpp").write_text(_source(assignments, doubles))
        spec = importlib.util.find_spec("hls4ml")
        headers = Path(spec.origin).parent / "templates" / "vivado" / "ap_types"
        # Without assertions for the reason given at netsurf.hls.csim.FLAGS.
        flags = ("-std=c++17", "-O1", "-DNDEBUG", "-w", "-fPIC", "-shared")
        toolchain.compiler().run(
            *flags, f"-I{headers}", "ap.cpp", "-o", "ap.so", cwd=folder, log=folder / "ap.log"
        )
        self._library = ctypes.CDLL(str(folder / "ap.so"))

    def assign(self, number: int, codes: np.ndarray) -> np.ndarray:
        """Codes of the target after the assignment called ``number``."""
        return self._call(self._library.assign, number, np.ascontiguousarray(codes, np.int64))

    def from_double(self, number: int, values: np.ndarray) -> np.ndarray:
        """Codes of the target after doubles are assigned to it."""
        return self._call(self._library.from_double, number, np.ascontiguousarray(values, np.float64))

    @staticmethod
    def _call(function, number, source):
        result = np.empty(len(source), dtype=np.int64)
        pointers = (a.ctypes.data_as(ctypes.c_void_p) for a in (source, result))
        function(ctypes.c_int64(number), ctypes.c_int64(len(source)), *pointers)
        return result


def _type(f: FixedFormat) -> str:
    return f"ap_{'' if f.signed else 'u'}fixed<{f.width},{f.integer},AP_{f.rounding},AP_{f.overflow},0>"


def _source(assignments: list[Assignment], doubles: int) -> str:
    pairs = [f"{_type(a.source)}, {_type(a.target)}" for a in assignments]
    return (
        """
#include <cstdint>
#include "ap_fixed.h"

template <class S, class T> void cast_codes(int64_t n, const int64_t *in, int64_t *out) {
    for (int64_t i = 0; i < n; i++) {
        S source;
        source.V = in[i];
        T target = source;
        out[i] = static_cast<int64_t>(target.V);
    }
}

template <class S, class T> void cast_doubles(int64_t n, const double *in, int64_t *out) {
    for (int64_t i = 0; i < n; i++) {
        T target = in[i];
        out[i] = static_cast<int64_t>(target.V);
    }
}

static void (*const codes_table[])(int64_t, const int64_t *, int64_t *) = {
"""
        + "".join(f"    cast_codes<{pair}>,\n" for pair in pairs)
        + "};\nstatic void (*const doubles_table[])(int64_t, const double *, int64_t *) = {\n"
        + "".join(f"    cast_doubles<{pair}>,\n" for pair in pairs[:doubles])
        + "    nullptr\n"
        + """};
extern "C" {
void assign(int64_t which, int64_t n, const int64_t *in, int64_t *out) { codes_table[which](n, in, out); }
void from_double(int64_t which, int64_t n, const double *in, int64_t *out) {
    doubles_table[which](n, in, out);
}
}
"""
    )
