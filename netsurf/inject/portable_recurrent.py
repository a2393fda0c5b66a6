"""Portable kernels of recurrent layers: sample by sample, step by step, where sums wrap and lose no bit.

A table is a row of numbers: factor, divisor, shift, middle and last entry. A code's entry is that of
``trunc(code * factor / divisor)``; where the divisor is a power of two, ``shift`` is its exponent, else -1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from netsurf.inject.portable import cast_one


@njit(inline="always")
def _entry(code, row):
    scaled = abs(code) * row[0]
    steps = scaled >> row[2] if row[2] >= 0 else scaled // row[1]
    return min(max((steps if code >= 0 else -steps) + row[3], 0), row[4])


@njit(inline="always")
def _wrapped(total, sign):
    """A sum in an accumulator that wraps; ``sign`` is the weight of its sign."""
    return ((np.int64(total) & (2 * sign - 1)) ^ sign) - sign


@njit(inline="always")
def _add(total, x, kernel):
    """``total += x @ kernel``, in the integers of ``total``, which wrap."""
    for k in range(len(x)):
        if x[k] != 0:
            code = total.dtype.type(x[k])
            for j in range(len(total)):
                total[j] += code * kernel[k, j]


@njit(cache=True, nogil=True)
def lstm(x, kernel, bias, recurrent, start, gates, cells, rows, sign, grid, mixed, product, every, out):
    """States ``h`` of every sample of ``x (samples, steps, features)``, into ``out``.

    Parameters
    ----------
    kernel, bias, recurrent, start
        On the accumulator's grid, in an integer type that holds its bits.
    gates, cells
        The tables' codes; ``rows`` says how a sum is looked up in each, and a state in the second.
    sign
        Weight of the accumulator's sign.
    grid
        Shifts that bring the two products to one grid.
    mixed, product
        Encoded steps to the state's format.
    every
        Whether ``out`` is ``(samples, steps, units)``, else ``(samples, 1, units)``.
    """
    units = recurrent.shape[0]
    for n in range(len(x)):
        h, s = np.zeros(units, np.int64), np.zeros(units, np.int64)
        for t in range(x.shape[1]):
            total = bias.copy()
            _add(total, x[n, t], kernel)
            _add(total, h, recurrent)
            for u in range(units):
                i = gates[_entry(_wrapped(total[u] + start[u], sign), rows[0])]
                f = gates[_entry(_wrapped(total[units + u] + start[units + u], sign), rows[0])]
                g = cells[_entry(_wrapped(total[2 * units + u] + start[2 * units + u], sign), rows[1])]
                o = gates[_entry(_wrapped(total[3 * units + u] + start[3 * units + u], sign), rows[0])]
                s[u] = cast_one((g * i << grid[0]) + (s[u] * f << grid[1]), mixed)
                h[u] = cast_one(o * cells[_entry(s[u], rows[2])], product)
            out[n, t if every else 0] = h


@njit(cache=True, nogil=True)
def gru(x, kernel, bias, recurrent, start, gates, cells, rows, sign, grid, mixed, product, every, out):
    """As :func:`lstm`; ``product`` are the steps of the reset product to the accumulator."""
    units = recurrent.shape[0]
    one = np.int64(1) << grid[2]
    for n in range(len(x)):
        h = np.zeros(units, np.int64)
        for t in range(x.shape[1]):
            a, b = bias.copy(), start.copy()
            _add(a, x[n, t], kernel)
            _add(b, h, recurrent)
            for u in range(units):
                z = gates[_entry(_wrapped(a[u] + b[u], sign), rows[0])]
                r = gates[_entry(_wrapped(a[units + u] + b[units + u], sign), rows[0])]
                reset = cast_one(r * _wrapped(b[2 * units + u], sign), product)
                g = cells[_entry(_wrapped(np.int64(a[2 * units + u]) + reset, sign), rows[1])]
                h[u] = cast_one((g * (one - z) << grid[0]) + (h[u] * z << grid[1]), mixed)
            out[n, t if every else 0] = h
