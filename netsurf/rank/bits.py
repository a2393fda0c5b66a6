"""What every ranker asks about the stored bits of a network, as flat arrays in order of number.

``S`` is the number of stored bits, ``E`` the number of stored elements (weights and biases), ``P`` the
number of bit planes, which is the width of the widest stored format. Plane ``p`` holds bit ``p`` of
every element that has one; plane 0 holds the least significant bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from netsurf.fixed import flip_delta
from netsurf.ir import Network, Parameter

Floats = NDArray[np.float64]


def positions(network: Network) -> NDArray[np.int64]:
    """``(S,)`` bit position of each stored bit within its element; 0 is the least significant."""
    return _each(network, lambda p: np.tile(np.arange(p.format.width), p.codes.size), np.int64)


def elements(network: Network) -> NDArray[np.int64]:
    """``(S,)`` number of the element that holds each stored bit: tensors in order, storage order within."""
    return np.repeat(np.arange(sum(p.codes.size for p in network.parameters.values())), widths(network))


def widths(network: Network) -> NDArray[np.int64]:
    """``(E,)`` number of stored bits of each element."""
    return _each(network, lambda p: np.full(p.codes.size, p.format.width), np.int64)


def planes(network: Network) -> int:
    """``P``: the width of the widest stored element."""
    return max((p.format.width for p in network.parameters.values()), default=0)


def reals(network: Network) -> Floats:
    """``(E,)`` real value ``code * 2**-fraction`` of each element."""
    return _each(network, lambda p: p.codes.reshape(-1) * 2.0**-p.format.fraction, np.float64)


def steps(network: Network) -> Floats:
    """``(S,)`` size ``2**(position - fraction)`` of the change of value that an upset of each bit makes."""
    return _each(
        network,
        lambda p: np.tile(2.0 ** (np.arange(p.format.width) - p.format.fraction), p.codes.size),
        np.float64,
    )


def deltas(network: Network) -> Floats:
    """``(S,)`` signed change of the element's real value when the bit is upset."""
    return _each(network, _deltas, np.float64)


def magnitudes(network: Network) -> Floats:
    """``(S,)`` absolute real value ``|code| * 2**-fraction`` of the element that holds each bit."""
    return spread(network, np.abs(reals(network)))


def pruned(network: Network) -> NDArray[np.bool_]:
    """``(S,)`` whether the element that holds each bit was removed by pruning (by mask, not by value)."""
    return _each(network, _pruned, np.bool_)


def spread(network: Network, values: ArrayLike) -> Floats:
    """``(S,)`` from ``(E,)``: every bit gets the value of its element."""
    return np.repeat(np.asarray(values, np.float64), widths(network))


def from_planes(network: Network, values: Floats) -> Floats:
    """``(S,)`` from ``(P, E)``: bit ``p`` of element ``e`` gets ``values[p, e]``."""
    return values[positions(network), elements(network)]


def to_planes(network: Network, values: Floats) -> Floats:
    """``(P, E)`` from ``(S,)``, the reverse of :func:`from_planes`; 0 where an element has no such bit."""
    table = np.zeros((planes(network), len(widths(network))))
    table[positions(network), elements(network)] = values
    return table


def by_tensor(network: Network, values: Floats) -> dict[str, Floats]:
    """``(..., E)`` cut into one array a tensor, ``(..., *shape)``, by name."""
    parts, start = {}, 0
    for name, parameter in network.parameters.items():
        part = values[..., start : start + parameter.codes.size]
        parts[name] = part.reshape(*values.shape[:-1], *parameter.codes.shape)
        start += parameter.codes.size
    return parts


def min_max(network: Network, values: Floats) -> Floats:
    """``(..., E)`` scaled to 0..1 within each tensor; 0 throughout a tensor whose values are all equal."""
    parts = []
    for part in by_tensor(network, values).values():
        flat = part.reshape(*values.shape[:-1], -1)
        low, high = flat.min(axis=-1, keepdims=True), flat.max(axis=-1, keepdims=True)
        parts.append((flat - low) / np.where(high > low, high - low, 1.0))
    return np.concatenate(parts, axis=-1)


def _deltas(parameter: Parameter) -> Floats:
    codes = parameter.codes.reshape(-1, 1)
    change = flip_delta(codes, np.arange(parameter.format.width), parameter.format)
    return change.reshape(-1) * 2.0**-parameter.format.fraction


def _pruned(parameter: Parameter) -> NDArray[np.bool_]:
    mask = np.zeros(parameter.codes.size, bool) if parameter.pruned is None else parameter.pruned.reshape(-1)
    return np.repeat(mask, parameter.format.width)


def _each(network: Network, column: Callable[[Parameter], NDArray], dtype: DTypeLike) -> NDArray:
    return np.concatenate([np.empty(0, dtype), *(column(p) for p in network.parameters.values())])
