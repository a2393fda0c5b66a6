"""Networks of a given size with random weights: area depends on sizes and formats, not on values."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2

import numpy as np

from netsurf.errors import UsageError
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec

PREFIX = "dense:"
INPUT = FixedFormat(8, 1)
WEIGHT = FixedFormat(6, 1)
HIDDEN = FixedFormat(6, 3, False, "RND_CONV", "SAT")
SEED = 5


def is_sized(text: str) -> bool:
    """Whether a benchmark's name is the sizes of a chain, as ``dense:13-58-3``."""
    return text.startswith(PREFIX)


def parse_sizes(text: str) -> tuple[int, ...]:
    """Sizes in ``dense:13-58-3``.

    >>> parse_sizes("dense:13-58-3")
    (13, 58, 3)

    Raises
    ------
    UsageError
        If there are not two or more positive whole numbers.
    """
    parts = text.removeprefix(PREFIX).split("-")
    if len(parts) < 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"{text}: write the sizes of a chain of dense layers as dense:13-58-3")
    return tuple(int(part) for part in parts)


def sized(sizes: Sequence[int], seed: int = SEED) -> Network:
    """A chain of dense layers with a relu between, 6-bit weights drawn evenly over all codes.

    Formats are those of the q<6,1> benchmarks: inputs fixed<8,1>, weights and biases fixed<6,1>, hidden
    activations ufixed<6,3> rounded to even and saturated; accumulators hold every sum exactly.
    """
    rng = np.random.default_rng(seed)
    first = spec = TensorSpec((sizes[0],), INPUT)
    layers: list[Layer] = []
    source = "input"
    for number, outputs in enumerate(sizes[1:], start=1):
        name = f"fc{number}"
        total = _accumulator(spec)
        stored = {
            "kernel": Parameter(f"{name}.kernel", _codes((spec.size, outputs), rng), WEIGHT),
            "bias": Parameter(f"{name}.bias", _codes((outputs,), rng), WEIGHT),
        }
        attributes = {"accumulator": total, "reuse_factor": spec.size}
        layers.append(Layer(name, "dense", (source,), TensorSpec((outputs,), total), stored, attributes))
        source, spec = name, TensorSpec((outputs,), total)
        if number < len(sizes) - 1:
            spec = TensorSpec((outputs,), HIDDEN)
            source = f"relu{number}"
            layers.append(Layer(source, "relu", (name,), spec))
    return Network("dense_" + "_".join(map(str, sizes)), first, tuple(layers))


def _codes(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-(1 << WEIGHT.width - 1), 1 << WEIGHT.width - 1, shape)


def _accumulator(x: TensorSpec) -> FixedFormat:
    """Holds the sum of all products and the bias exactly."""
    fraction = x.format.fraction + WEIGHT.fraction
    integer = x.format.integer + WEIGHT.integer + ceil(log2(x.size + 1))
    return FixedFormat(fraction + integer, integer)
