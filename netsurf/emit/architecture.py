"""Architecture: how many cycles each dense layer takes, which decides how much hardware it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
        Layer name to reuse factor ``RF``, for every layer with a kernel: cycles between two samples, a
        divisor of the layer's inputs. ``inputs / RF`` words of the kernel are read every cycle.
    """

    name: str
    reuse_factors: Mapping[str, int]


def architecture(name: str, network: Network) -> Architecture:
    """The architecture called ``name`` for ``network``.

    ``serial`` takes one input a cycle, ``parallel`` one sample a cycle, ``spec`` follows the
    ``reuse_factor`` attributes of the layers (hls4ml's ReuseFactor).

    Raises
    ------
    UnknownNameError
        If there is no such architecture.
    NetworkError
        If a reuse factor is not realisable.
    """
    if name not in NAMES:
        raise UnknownNameError("architecture", name, NAMES)
    dense = [layer for layer in network.layers if layer.parameters]
    factors = {layer.name: _factor(name, layer, network) for layer in dense}
    return check(Architecture(name, factors), network)


def _factor(name: str, layer: Layer, network: Network) -> int:
    if name == "spec":
        return int(layer.attributes.get("reuse_factor", 1))
    return network.spec(layer.inputs[0]).size if name == "serial" else 1


def check(chosen: Architecture, network: Network) -> Architecture:
    """``chosen`` itself, if every reuse factor divides its layer's inputs; NetworkError if not."""
    for layer in network.layers:
        if not layer.parameters:
            continue
        inputs = network.spec(layer.inputs[0]).size
        factor = chosen.reuse_factors.get(layer.name, 0)
        if factor < 1 or inputs % factor:
            divisors = ", ".join(str(d) for d in range(1, inputs + 1) if inputs % d == 0)
            raise NetworkError(
                f"{network.name}.{layer.name}: reuse factor {factor} does not divide its {inputs} inputs; "
                f"choose one of {divisors}"
            )
    return chosen
