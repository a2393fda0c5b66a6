"""The task that every peer gets: one network, its test images, and one list of single upsets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from netsurf import ir
from netsurf.errors import NetworkError, UsageError
from netsurf.fault import FaultSpace
from netsurf.fault.sample import generator
from netsurf.fixed import flip_bit
from netsurf.frontend import spec as specs
from netsurf.frontend.spec import BenchmarkSpec
from netsurf.ir import Layer, Network

KERNELS = "fc1.kernel", "fc2.kernel"
"""Tensors whose stored bits are upset. A peer draws from kernels only; PyTorchFI cannot upset a bias."""

FLOAT32_INTEGERS = 1 << 24
"""Below this, every integer is a float32, and so every sum of such integers is exact in any order."""


@dataclass(frozen=True, slots=True)
class Upset:
    """One inverted stored bit: ``layer``'s kernel at ``[row, column]`` holds ``new`` instead of ``old``."""

    site: int
    layer: str
    row: int
    column: int
    bit: int
    old: int
    new: int


@dataclass(frozen=True, eq=False)
class Task:
    """What is compared.

    Parameters
    ----------
    codes
        ``int64 (samples, inputs)``, the whole test set.
    labels
        ``int64 (samples,)``.
    upsets
        Drawn without replacement and uniformly, as many from each tensor of :data:`KERNELS`.
    threads
        What each peer may use.
    """

    spec: BenchmarkSpec
    network: Network
    codes: NDArray[np.int64]
    labels: NDArray[np.int64]
    upsets: tuple[Upset, ...]
    threads: int

    @classmethod
    def of(cls, benchmark: str, faults: int, seed: int, threads: int) -> Task:
        """Draw the fault list of a benchmark; the same seed gives the same list on every machine."""
        spec = specs.load(benchmark)
        network = ir.load(spec.folder)
        require_float32(network)
        codes, labels = specs.testdata(spec)
        return cls(spec, network, codes, np.asarray(labels, np.int64), draw(network, faults, seed), threads)

    @cached_property
    def sites(self) -> NDArray[np.int64]:
        """Numbers of the stored bits that are upset, in the order of the list."""
        return np.array([upset.site for upset in self.upsets], np.int64)

    @property
    def dense(self) -> tuple[Layer, ...]:
        """The dense layers, in order."""
        return tuple(layer for layer in self.network.layers if layer.kind == "dense")


def draw(network: Network, faults: int, seed: int) -> tuple[Upset, ...]:
    """``faults`` single upsets: half (rounded up) in the first kernel, the rest in the second."""
    largest = min(network.parameters[name].stored_bits for name in KERNELS)
    if not 2 <= faults <= largest:
        raise UsageError(f"--faults {faults}: choose 2 to {largest:,}")
    space = FaultSpace(network, np.empty(0, np.int64))
    chosen = []
    for number, (name, count) in enumerate(zip(KERNELS, (faults - faults // 2, faults // 2), strict=True)):
        bits = network.parameters[name].stored_bits
        picks = generator(seed, number).choice(bits, count, replace=False)
        chosen.extend(upset(space, space.offsets[name] + int(pick)) for pick in picks)
    return tuple(chosen)


def upset(space: FaultSpace, number: int) -> Upset:
    """A site of a kernel as a matrix element and the value that its upset leaves there."""
    site = space.site(number)
    parameter = space.network.parameters[site.tensor]
    row, column = np.unravel_index(site.index, parameter.codes.shape)
    old = int(parameter.codes[row, column])
    new = int(flip_bit(old, site.bit, parameter.format))
    return Upset(number, site.tensor.split(".")[0], int(row), int(column), site.bit, old, new)


def require_float32(network: Network) -> None:
    """Refuse a network on which a peer's float32 is not integer arithmetic, whatever bit is upset.

    The worst sum is ``inputs * max|x| * max|w| + max|b|``, aligned to the product's fraction; it has to
    stay below 2^24 (float32 is exact) and inside the accumulator (which then neither wraps nor rounds).

    Raises
    ------
    NetworkError
        If a dense layer's sum may leave that range, or a layer is neither dense nor relu.
    """
    for layer in network.layers:
        if layer.kind not in ("dense", "relu"):
            raise NetworkError(f"{layer.name} is a {layer.kind}; the peers run dense and relu layers")
        if layer.kind == "relu":
            continue
        source = network.spec(layer.inputs[0]).format
        kernel, bias = layer.parameters["kernel"], layer.parameters["bias"]
        total = layer.attributes["accumulator"]
        fraction = source.fraction + kernel.format.fraction
        worst = kernel.codes.shape[0] * source.maximum * -kernel.format.minimum
        worst += -bias.format.minimum << (fraction - bias.format.fraction)
        if total.fraction != fraction or worst > min(total.maximum, FLOAT32_INTEGERS - 1):
            raise NetworkError(f"{layer.name}: sums up to {worst:,} in {total} are not exact in float32")
