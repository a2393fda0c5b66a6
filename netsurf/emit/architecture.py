"""Architecture: how many cycles each layer with a kernel takes, which decides how much hardware it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netsurf.emit.kinds import kind_of
from netsurf.errors import NetworkError, UnknownNameError
from netsurf.ir import Layer, Network

NAMES = ("serial", "parallel", "spec")
"""What :func:`architecture` knows."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A micro-architecture of one network.

    Parameters
    ----------
    name
        ``serial``, ``parallel``, ``spec``, or a name of the caller's.
    reuse_factors
        Layer name to reuse factor ``RF``, for every layer with a kernel: cycles between two samples (of a
        convolution: between two patches), a divisor of the inputs. ``inputs / RF`` words of the kernel are
        read every cycle.
    triplicated
        Whether everything but the weight stores stands three times, with voted outputs
        (:mod:`netsurf.emit.triplicate`).
    """

    name: str
    reuse_factors: Mapping[str, int]
    triplicated: bool = False


def architecture(name: str, network: Network, triplicated: bool = False) -> Architecture:
    """The architecture called ``name`` for ``network``.

    ``serial`` takes one input a cycle (a convolution: one input of a patch), ``parallel`` one sample (one
    patch) a cycle, ``spec`` follows the ``reuse_factor`` attributes of the layers (hls4ml's ReuseFactor). A
    patch can be cut between channels of a pixel and between rows of the kernel alone: a layer that looks at
    patches takes the nearest factor that does so, as hls4ml takes the nearest that it can build.

    Raises
    ------
    UnknownNameError
        If there is no such architecture.
    NetworkError
        If a reuse factor is not realisable.
    """
    if name not in NAMES:
        raise UnknownNameError("architecture", name, NAMES)
    every = choices(network)
    layers = {layer.name: layer for layer in network.layers}
    factors = {layer: _factor(name, layers[layer], possible) for layer, possible in every.items()}
    return check(Architecture(name, factors, triplicated), network)


def choices(network: Network) -> dict[str, tuple[int, ...]]:
    """Reuse factors that each layer with a kernel can have, ascending."""
    kinds = {layer.name: kind_of(layer) for layer in network.layers}
    return {
        layer.name: kinds[layer.name].factors(layer, network.spec(layer.inputs[0]))
        for layer in network.layers
        if kinds[layer.name].factors
    }


def _factor(name: str, layer: Layer, possible: tuple[int, ...]) -> int:
    if name == "spec":
        wanted = int(layer.attributes.get("reuse_factor", 1))
        return wanted if layer.kind == "dense" else min(possible, key=lambda n: (abs(n - wanted), n))
    return possible[-1] if name == "serial" else possible[0]


def check(chosen: Architecture, network: Network) -> Architecture:
    """``chosen`` itself, if every reuse factor can be built; NetworkError if not."""
    for layer, possible in choices(network).items():
        factor = chosen.reuse_factors.get(layer, 0)
        if factor not in possible:
            what = "does not divide" if possible[-1] % max(factor, 1) or factor < 1 else "cannot be built for"
            raise NetworkError(
                f"{network.name}.{layer}: reuse factor {factor} {what} its {possible[-1]} inputs; "
                f"choose one of {', '.join(map(str, possible))}"
            )
    return chosen
