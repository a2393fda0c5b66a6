"""Portable kernels for whole models: vote a fault, apply it, run a chain, count."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsurf.inject.portable import cast_one

INVALID = -1


@njit(cache=True, nogil=True)
def vote_one(sites, kind, size, protected, values, ideal, marks, bits):
    """Bits that a fault inverts after the vote, their number (or INVALID), and whether a voter saw it.

    Parameters
    ----------
    sites, kind
        The upset sites, in any order, some perhaps twice; kinds as in ``netsurf.fault.lists.KINDS``.
    size
        ``S``; ``protected`` and ``values`` ``uint8 (S,)``: triplicated, and fault-free value.
    marks
        ``uint8 (S,)`` of zeros, left as zeros: which replicas of a bit are upset.
    bits
        Written: numbers of the inverted bits.
    """
    valid = True
    for s in range(len(sites)):
        replica, bit = sites[s] // size, sites[s] % size
        if replica < 0 or replica > 2 or (replica > 0 and not protected[bit]):
            valid = False
        elif not ((ideal and protected[bit]) or (kind > 0 and values[bit] == kind - 1)):
            marks[bit] |= np.uint8(1 << replica)
    found, detected = 0, False
    for s in range(len(sites)):
        bit = sites[s] % size
        mark = marks[bit]
        if mark == 0:
            continue
        marks[bit] = 0
        upset = (mark & 1) + ((mark >> 1) & 1) + ((mark >> 2) & 1)
        detected |= protected[bit] and upset < 3
        if not protected[bit] or upset > 1:
            bits[found] = bit
            found += 1
    return (found if valid else INVALID), detected


@njit(cache=True, nogil=True)
def invert(bits, found, tensors, shape, weights, biases):
    """Invert stored bits, best in ascending order, in packed weights and biases."""
    t = 0
    for k in range(found):
        if bits[k] < tensors[t, 0]:
            t = 0
        while t + 1 < len(tensors) and tensors[t + 1, 0] <= bits[k]:
            t += 1
        width, signed, stage = tensors[t, 2], tensors[t, 3], tensors[t, 4]
        element, plane = (bits[k] - tensors[t, 0]) // width, (bits[k] - tensors[t, 0]) % width
        outputs, padded = shape[stage, 1], shape[stage, 2]
        sign = (np.int64(1) << (width - 1)) if signed else np.int64(0)
        mask = (np.int64(1) << width) - 1
        if tensors[t, 5]:
            at = shape[stage, 5] + element
            biases[at] = (((biases[at] & mask) ^ (np.int64(1) << plane)) ^ sign) - sign
        else:
            at = shape[stage, 4] + element // outputs * padded + element % outputs
            weights[at] = np.int32((((weights[at] & mask) ^ (np.int64(1) << plane)) ^ sign) - sign)


@njit(cache=True, nogil=True)
def step_row(row, count, step):
    """One encoded step on a row of codes; each loop is free of branches."""
    if step[0]:
        for j in range(count):
            row[j] = max(row[j], 0)
    shift, rounding = step[1], step[2]
    if shift < 0:
        for j in range(count):
            row[j] <<= -shift
    elif shift > 0:
        half = (np.int64(1) << (shift - 1)) - 1
        if rounding == 0:
            for j in range(count):
                row[j] >>= shift
        elif rounding == 1:
            for j in range(count):
                row[j] = (row[j] + ((row[j] >> 63) & (2 * half + 1))) >> shift
        elif rounding == 2:
            for j in range(count):
                row[j] = (row[j] + half + 1) >> shift
        elif rounding == 3:
            for j in range(count):
                row[j] = (row[j] + half - (row[j] >> 63)) >> shift
        elif rounding == 4:
            for j in range(count):
                row[j] = (row[j] + half + 1 + (row[j] >> 63)) >> shift
        elif rounding == 5:
            for j in range(count):
                row[j] = (row[j] + half) >> shift
        else:
            for j in range(count):
                row[j] = (row[j] + half + ((row[j] >> shift) & 1)) >> shift
    low, high = step[4], step[5]
    if step[3] == 0:
        mask = (np.int64(1) << step[6]) - 1
        sign = (np.int64(1) << (step[6] - 1)) if step[7] else np.int64(0)
        for j in range(count):
            row[j] = ((row[j] & mask) ^ sign) - sign
    elif step[3] == 2:
        for j in range(count):
            row[j] = row[j] if low <= row[j] <= high else 0
    else:
        for j in range(count):
            row[j] = min(max(row[j], low), high)


@njit(cache=True, nogil=True)
def _first_sums(columns, values, start, stop, weights, padded, total):
    """Sums of one sample's non-zero inputs, four at a time."""
    for j in range(padded):
        total[j] = 0
    p = start
    while p + 3 < stop:
        x0, x1, x2, x3 = values[p], values[p + 1], values[p + 2], values[p + 3]
        w0 = weights[columns[p] * padded : columns[p] * padded + padded]
        w1 = weights[columns[p + 1] * padded : columns[p + 1] * padded + padded]
        w2 = weights[columns[p + 2] * padded : columns[p + 2] * padded + padded]
        w3 = weights[columns[p + 3] * padded : columns[p + 3] * padded + padded]
        for j in range(padded):
            total[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
        p += 4
    while p < stop:
        x0 = values[p]
        w0 = weights[columns[p] * padded : columns[p] * padded + padded]
        for j in range(padded):
            total[j] += x0 * w0[j]
        p += 1


@njit(cache=True, nogil=True)
def _next_sums(row, inputs, weights, padded, total):
    """Sums of one sample's elements ``row``, four at a time; four zeros are skipped."""
    kind = total.dtype.type
    for k in range(padded):
        total[k] = 0
    j = 0
    while j + 3 < inputs:
        x0, x1, x2, x3 = kind(row[j]), kind(row[j + 1]), kind(row[j + 2]), kind(row[j + 3])
        if x0 | x1 | x2 | x3:
            w0 = weights[j * padded : j * padded + padded]
            w1 = weights[(j + 1) * padded : (j + 1) * padded + padded]
            w2 = weights[(j + 2) * padded : (j + 2) * padded + padded]
            w3 = weights[(j + 3) * padded : (j + 3) * padded + padded]
            for k in range(padded):
                total[k] += x0 * w0[k] + x1 * w1[k] + x2 * w2[k] + x3 * w3[k]
        j += 4
    while j < inputs:
        x0 = kind(row[j])
        w0 = weights[j * padded : j * padded + padded]
        for k in range(padded):
            total[k] += x0 * w0[k]
        j += 1


@njit(cache=True, nogil=True)
def run_model(starts, columns, values, shape, weights, first, steps, total, row, outputs):
    """Outputs ``(samples, outputs)`` of a chain; ``total`` has the integer type of every sum.

    ``starts, columns, values`` are the non-zero inputs row by row, ``first`` the sums that biases start.
    """
    for n in range(len(starts) - 1):
        for s in range(len(shape)):
            inputs, count, padded, gain = shape[s, 0], shape[s, 1], shape[s, 2], shape[s, 3]
            w = weights[shape[s, 4] : shape[s, 4] + inputs * padded]
            if s == 0:
                _first_sums(columns, values, starts[n], starts[n + 1], w, padded, total)
            else:
                _next_sums(row, inputs, w, padded, total)
            for j in range(count):
                row[j] = (np.int64(total[j]) << gain) + first[shape[s, 5] + j]
            for k in range(shape[s, 6], shape[s, 6] + shape[s, 7]):
                step_row(row, count, steps[k])
        for j in range(outputs.shape[1]):
            outputs[n, j] = row[j]


@njit(cache=True, nogil=True)
def starts_of(shape, biases, bias_steps, first):
    """Sums that the biases start, through each stage's bias step."""
    for s in range(len(shape)):
        for j in range(shape[s, 5], shape[s, 5] + shape[s, 1]):
            first[j] = cast_one(biases[j], bias_steps[s : s + 1])


@njit(cache=True, nogil=True)
def tally(outputs, labels, decisions):
    """Samples whose largest output (the first of equals) is the label, and is not the golden decision."""
    correct, wrong = 0, 0
    for n in range(len(outputs)):
        best = 0
        for k in range(1, outputs.shape[1]):
            if outputs[n, k] > outputs[n, best]:
                best = k
        correct += best == labels[n]
        wrong += best != decisions[n]
    return correct, wrong


@njit(cache=True, nogil=True)
def run_values(sums, hidden, slopes, values, shape, weights, first, steps, total, row, outputs):
    """Outputs of a chain for every value of one element before its first stage.

    Parameters
    ----------
    sums
        Golden sums of the first stage, ``(samples, outputs of the stage)``, its biases included.
    hidden, slopes
        Golden value of the element in each sample, and what one unit of it adds to each sum.
    shape, weights, first, steps, total, row
        The stages, as for :func:`run_model`; the weights of the first one are not read.
    outputs
        ``(samples, values, outputs)``, written.
    """
    for n in range(len(sums)):
        for v in range(len(values)):
            distance = values[v] - hidden[n]
            for s in range(len(shape)):
                inputs, count, padded, gain = shape[s, 0], shape[s, 1], shape[s, 2], shape[s, 3]
                if s == 0:
                    for j in range(count):
                        row[j] = sums[n, j] + distance * slopes[j]
                else:
                    w = weights[shape[s, 4] : shape[s, 4] + inputs * padded]
                    _next_sums(row, inputs, w, padded, total)
                    for j in range(count):
                        row[j] = (np.int64(total[j]) << gain) + first[shape[s, 5] + j]
                for k in range(shape[s, 6], shape[s, 6] + shape[s, 7]):
                    step_row(row, count, steps[k])
            for j in range(outputs.shape[2]):
                outputs[n, v, j] = row[j]
