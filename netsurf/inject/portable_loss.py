"""Portable kernels for losses: cross-entropies of upsets that move one hidden element or one logit."""

from __future__ import annotations

import numpy as np
from numba import njit

from netsurf.inject.portable import cast_one, value_of


@njit(cache=True, nogil=True)
def _row(n, label, weights, slopes, factors, direct, base, low, high, middle, row):
    """Loss of each value ``low .. high`` of one hidden element, less the golden loss; 0 is the golden value.

    With d the distance from the golden value, logit k changes by ``slopes[k] * d``, so the sum of the
    exponentials is ``sum_k weights[n, k] * factors[k, middle + d]``: no exponential a value. ``direct``
    takes them afresh, against their largest exponent, where those factors could overflow.
    """
    classes = weights.shape[1]
    for d in range(low, high + 1):
        if direct:
            peak = -np.inf
            for k in range(classes):
                peak = max(peak, weights[n, k] + slopes[k] * d)
            total = 0.0
            for k in range(classes):
                total += np.exp(weights[n, k] + slopes[k] * d - peak)
            row[d - low] = np.log(total) + peak - slopes[label] * d - base
        else:
            total = 0.0
            for k in range(classes):
                total += weights[n, k] * factors[k, middle + d]
            row[d - low] = np.log(total) - slopes[label] * d - base


@njit(cache=True, nogil=True)
def linear_losses(
    starts,
    columns,
    values,
    change,
    reach,
    sums,
    table,
    low,
    steps,
    first,
    labels,
    weights,
    slopes,
    factors,
    direct,
    base,
    loss,
):
    """Add the change of the loss by every upset of the codes that feed one hidden element.

    Parameters
    ----------
    starts, columns, values
        Inputs that are not zero, row by row.
    change
        ``(inputs, bits)``: change of the sum by each upset, for an input of 1; ``reach``: the largest
        change of any sum, either way.
    sums
        Golden sums; ``table, low, steps, first`` as for :func:`netsurf.inject.portable.value_of`, monotone.
    weights
        ``(samples, classes)``: exponentials of the golden logits, each sample's largest at 1; their
        logarithms if ``direct``.
    slopes
        Change of each scaled logit by one unit of the element; ``factors (classes, 2 * values - 1)`` the
        exponentials of its multiples.
    base
        Golden logarithm of the sum of ``weights``.
    loss
        ``(inputs, bits)``, added to.
    """
    middle = factors.shape[1] // 2
    bits = change.shape[1]
    row = np.empty(middle + 1 + middle)
    for n in range(len(sums)):
        s = sums[n]
        golden = value_of(s, table, low, steps, first)
        least = value_of(s - reach, table, low, steps, first)
        most = value_of(s + reach, table, low, steps, first)
        if least == most:
            continue
        span = least - golden, most - golden
        _row(n, labels[n], weights, slopes, factors, direct, base[n], span[0], span[1], middle, row)
        for p in range(starts[n], starts[n + 1]):
            i, x = columns[p], values[p]
            for b in range(bits):
                value = value_of(s + x * change[i, b], table, low, steps, first)
                loss[i, b] += row[value - least]


@njit(cache=True, nogil=True)
def logit_losses(
    starts, columns, values, before, upset, term, sums, steps, logits, exponents, rest, base, own, scale, loss
):
    """Add the change of the loss by every upset of the codes that feed one logit.

    Parameters
    ----------
    starts, columns, values, before, upset, term, sums
        As for :func:`netsurf.inject.portable.look_up`, sums as they are.
    steps
        Encoded steps from sum to logit; ``logits`` the golden codes, ``scale`` their real unit.
    exponents
        ``scale * logit`` less each sample's largest; ``rest`` the logarithm of the sum of the exponentials
        of the other logits' exponents, ``base`` of all; ``own`` whether the logit is the label's.
    loss
        ``(inputs, bits)``, added to.
    """
    bits = upset.shape[1]
    for n in range(len(sums)):
        for p in range(starts[n], starts[n + 1]):
            i, x = columns[p], values[p]
            old = cast_one(before[i] * x, term)
            for b in range(bits):
                moved = cast_one(sums[n] + cast_one(upset[i, b] * x, term) - old, steps) - logits[n]
                if moved != 0:
                    rise = scale * moved
                    power = exponents[n] + rise
                    peak, least = max(power, rest[n]), min(power, rest[n])
                    total = peak + np.log1p(np.exp(least - peak))
                    loss[i, b] += total - base[n] - (rise if own[n] else 0.0)
