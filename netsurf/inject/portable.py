"""Portable kernels: Numba, compiled at first use, cached on disk. Every one releases the GIL.

Imported only from inside functions: Numba takes its time. All arithmetic is on integers; the only
floating-point numbers are losses, which are summed and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numba
import numpy as np
from numba import njit

from netsurf.paths import cache


def _cache_folder() -> Path:
    """A folder for these sources alone: Numba does not notice when a function in another file changes."""
    sources = sorted(Path(__file__).parent.glob("portable*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    return cache() / "numba" / digest.hexdigest()[:16]


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_folder())

FLUSH = 255  # samples that a byte counter can take


@njit(inline="always")
def _round_up(code, floor, rest, half, rounding):
    """Whether a truncated code is raised, as in netsurf.fixed.cast; rounding counts as in ``Rounding``."""
    if rounding == 0:
        return False
    if rounding == 1:
        return code < 0 and rest != 0
    if rounding == 2:
        return rest >= half
    if rest != half:
        return rest > half
    if rounding == 3:
        return code < 0
    if rounding == 4:
        return code >= 0
    return rounding == 6 and (floor & 1) == 1


@njit(inline="always")
def _overflow(code, step):
    """The overflow rule of an encoded step; rules count as in ``Overflow``."""
    if step[4] <= code <= step[5]:
        return code
    if step[3] == 0:
        code &= (np.int64(1) << step[6]) - 1
        sign = np.int64(1) << (step[6] - 1)
        return (code ^ sign) - sign if step[7] else code
    if step[3] == 2:
        return np.int64(0)
    return step[4] if code < step[4] else step[5]


@njit(cache=True, nogil=True)
def cast_one(code, steps):
    """One code through encoded steps (netsurf.inject.steps.encode)."""
    for k in range(len(steps)):
        step = steps[k]
        if step[0] and code < 0:
            code = np.int64(0)
        shift = step[1]
        if shift <= 0:
            if step[3] != 0:  # as netsurf.fixed.cast: what saturates all the same must stay inside 64 bits
                limit = np.int64(1) << (62 + shift)
                code = min(max(code, -limit), limit)
            code <<= -shift
        else:
            floor = code >> shift
            rest = code - (floor << shift)
            code = floor + np.int64(_round_up(code, floor, rest, np.int64(1) << (shift - 1), step[2]))
        code = _overflow(code, step)
    return code


@njit(cache=True, nogil=True)
def cast_all(codes, steps, out):
    """Every code of a flat array through encoded steps, into an array of any integer type."""
    for i in range(len(codes)):
        out[i] = cast_one(np.int64(codes[i]), steps)


@njit(cache=True, nogil=True)
def replay(x, kernel, first, product, total):
    """Dense sums term by term, in order: each product and each partial sum goes through its steps."""
    samples, inputs = x.shape
    outputs = kernel.shape[1]
    sums = np.empty((samples, outputs), np.int64)
    for n in range(samples):
        for j in range(outputs):
            acc = first[j]
            for i in range(inputs):
                acc = cast_one(acc + cast_one(np.int64(x[n, i]) * kernel[i, j], product), total)
            sums[n, j] = acc
    return sums


@njit(cache=True, nogil=True)
def _least(need, gain):
    """Smallest integer d with d * gain >= need, for gain > 0."""
    return -((-need) // gain)


@njit(cache=True, nogil=True)
def logit_intervals(logits, rows, choice, hidden, sums, kernel, first, last, low, high, columns, least, most):
    """Changes of each sum that keep the decision of linear logits at ``choice``.

    Element j of ``hidden`` (samples, J) feeds logit k with the exact weight ``kernel[j, k]``; raising it by
    d raises the margin of the choice over k by d * (kernel[j, choice] - kernel[j, k]). Every margin must
    stay >= 0, or > 0 over classes before the choice (the first of equals wins), so the values that do are
    an interval. ``low[v - first]`` and ``high[v - first]`` are the smallest and largest sums that become v.
    Writes, for the given ``rows`` and ``columns`` (first, last + 1), the interval less the golden sum into
    ``least, most (J, rows)``; an empty interval is written as (1, 0).
    """
    classes = logits.shape[1]
    for r in range(len(rows)):
        n, c = rows[r], choice[r]
        for j in range(columns[0], columns[1]):
            h = np.int64(hidden[n, j])
            bottom, top = np.int64(first), np.int64(last)
            for k in range(classes):
                if k == c:
                    continue
                need = (1 if k < c else 0) - (logits[n, c] - logits[n, k])
                gain = kernel[j, c] - kernel[j, k]
                if gain > 0:
                    bottom = max(bottom, h + _least(need, gain))
                elif gain < 0:
                    top = min(top, h - _least(need, -gain))
                elif need > 0:
                    bottom, top = np.int64(1), np.int64(0)
                    break
            if bottom > top:
                least[j, r], most[j, r] = 1, 0
            else:
                least[j, r], most[j, r] = low[bottom - first] - sums[n, j], high[top - first] - sums[n, j]


@njit(cache=True, nogil=True)
def sweep(x, least, most, rows, low, high, planes, minus, block, columns, counts):
    """Count, for each (column j, bit b, input i), the samples whose upset sum stays inside its interval.

    Parameters
    ----------
    x
        Unsigned inputs less ``least``, row-major ``(samples, inputs)``; ``most`` is the largest input code.
    rows
        Samples that are counted; ``low, high (J, len(rows))`` their intervals of (change of the sum).
    planes
        Exponent of each bit's weight; ``minus (J, bits, inputs)`` is all ones where the upset subtracts it.
    block
        Rows that fit the second-level cache.
    columns
        ``(first, last + 1)`` column of this worker.
    counts
        ``int32 (J, bits, inputs)``, added to.
    """
    inputs = x.shape[1]
    kept = np.empty(block, np.int64)
    edges = np.empty((4, block), x.dtype)
    tally = np.zeros(inputs, np.uint8)
    for start in range(0, len(rows), block):
        stop = min(start + block, len(rows))
        for j in range(columns[0], columns[1]):
            for b in range(len(planes)):
                out = counts[j, b]
                always, found = _sort(rows, low[j], high[j], planes[b], least, most, start, stop, kept, edges)
                if always:
                    for i in range(inputs):
                        out[i] += always
                _count(x, kept, edges, found, minus[j, b], tally, out)


@njit(cache=True, nogil=True)
def _sort(rows, low, high, plane, least, most, start, stop, kept, edges):
    """Number of rows that are inside for every input, and the rows where it depends on the input."""
    always = np.int32(0)
    found = 0
    span = most - least
    for r in range(start, stop):
        up_low, up_high = -((-low[r]) >> plane) - least, (high[r] >> plane) - least
        down_low, down_high = -(high[r] >> plane) - least, ((-low[r]) >> plane) - least
        if up_low <= 0 and down_low <= 0 and up_high >= span and down_high >= span:
            always += np.int32(1)
            continue
        up = up_low <= up_high and up_low <= span and up_high >= 0
        down = down_low <= down_high and down_low <= span and down_high >= 0
        if not (up or down):
            continue
        kept[found] = rows[r]
        edges[0, found] = max(up_low, 0) if up else 1
        edges[1, found] = min(up_high, span) if up else 0
        edges[2, found] = max(down_low, 0) if down else 1
        edges[3, found] = min(down_high, span) if down else 0
        found += 1
    return always, found


@njit(cache=True, nogil=True)
def _count(x, kept, edges, found, minus, tally, out):
    """Add, for each input, the kept rows whose input lies between the edges of its sign."""
    inputs = x.shape[1]
    pending = 0
    for r in range(found):
        line = x[kept[r]]
        low, high = edges[0, r], edges[1, r]
        turn_low, turn_high = low ^ edges[2, r], high ^ edges[3, r]
        for i in range(inputs):
            a = low ^ (turn_low & minus[i])
            z = high ^ (turn_high & minus[i])
            tally[i] += np.uint8((line[i] >= a) & (line[i] <= z))
        pending += 1
        if pending == FLUSH or r == found - 1:
            for i in range(inputs):
                out[i] += tally[i]
                tally[i] = 0
            pending = 0


@njit(cache=True, nogil=True)
def value_of(code, table, low, steps, first):
    """Place of a sum's value, counted from ``first``: by a table that starts at ``low``, if there is one."""
    if len(table):
        return np.int64(table[code - low])
    return cast_one(code, steps) - first


@njit(cache=True, nogil=True)
def look_up(
    starts,
    columns,
    values,
    before,
    upset,
    term,
    gain,
    sums,
    table,
    low,
    steps,
    first,
    gained,
    sdc,
    lost,
    correct,
    wrong,
    loss,
):
    """Add the outcomes of every upset of the codes that feed one sum.

    Parameters
    ----------
    starts, columns, values
        Inputs that are not zero, row by row: sample n has ``starts[n] : starts[n + 1]``.
    before, upset
        Codes ``(inputs,)`` and what each upset makes of them ``(inputs, bits)``.
    term, gain
        Encoded steps from (code x input) to a term of the sum; or, if ``gain`` is not negative, the bits
        that are appended to it, and nothing else.
    sums
        Golden sums; ``table, low, steps, first`` as for :func:`value_of`.
    gained, sdc, lost
        Outcome of each value in each sample; ``lost`` may be empty.
    correct, wrong, loss
        ``(inputs, bits)`` totals, added to.
    """
    bits = upset.shape[1]
    for n in range(len(sums)):
        base = value_of(sums[n], table, low, steps, first)
        for p in range(starts[n], starts[n + 1]):
            i, x = columns[p], values[p]
            old = before[i] * x if gain >= 0 else cast_one(before[i] * x, term)
            for b in range(bits):
                new = upset[i, b] * x
                moved = (new - old) << gain if gain >= 0 else cast_one(new, term) - old
                value = value_of(sums[n] + moved, table, low, steps, first)
                if value != base:
                    correct[i, b] += gained[n, value]
                    wrong[i, b] += sdc[n, value]
                    if len(lost):
                        loss[i, b] += lost[n, value]


@njit(cache=True, nogil=True)
def next_changes(starts, rows, values, inputs, sums, base, before, upset, term, steps, place, found, moved):
    """Advance each fault to its next samples whose value behind the sum changes.

    Parameters
    ----------
    starts, rows, values
        Inputs that are not zero, column by column: element i has ``starts[i] : starts[i + 1]``.
    inputs, sums, base
        Per fault: the element it joins, its column of golden sums ``(J, samples)`` given as ``sums[j]``,
        and golden values ``base[j]``; ``inputs`` is ``(faults, 2)`` of (element, j).
    before, upset
        Code of each fault before and after.
    term, steps
        Encoded steps from (code x input) to a term, and from a sum to the value.
    place
        Where each fault stands in its column's list; advanced.
    found, moved
        ``(faults, m)``: the next samples and their new values; -1 where the list has ended.
    """
    for f in range(len(before)):
        i, j = inputs[f, 0], inputs[f, 1]
        at, stop = place[f], starts[i + 1]
        k = 0
        while k < found.shape[1] and at < stop:
            n = rows[at]
            change = cast_one(upset[f] * values[at], term) - cast_one(before[f] * values[at], term)
            value = cast_one(sums[j, n] + change, steps)
            if value != base[j, n]:
                found[f, k], moved[f, k] = n, value
                k += 1
            at += 1
        place[f] = at
        while k < found.shape[1]:
            found[f, k] = -1
            k += 1
