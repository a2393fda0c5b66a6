"""Sizes: what the main job runs of a network, so that it ends in minutes whatever a sample costs.

A sample of a dense network costs a simulator a millisecond; one of a convolutional network a thousand times
more products and as many more cycles. The costs below are rough (measured on mnist_hls4ml and mnist_fnn, one
core of an AMD EPYC); they decide how many samples a fault runs, and never what is reported: the certificate
counts what was run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from netsurf.certify.spec import JobSpec
from netsurf.emit import architecture
from netsurf.errors import NetworkError
from netsurf.ir import Network, cut, products, visits

FAULT_SECONDS, ACCURACY_SECONDS = 150.0, 25.0
"""Processor time for faults in all RTL simulators together, and for fault-free samples of each engine."""
PER_PRODUCT, PER_READ_BIT, PER_CYCLE = 6e-9, 8e-11, 4e-7
"""Seconds of a verilated model: for a multiplication, for a stored bit that is read, for a clock cycle."""
CSIM_PER_PRODUCT, REFERENCE_PER_PRODUCT = 3e-9, 7e-10
"""Seconds of hls4ml's C++ and of the reference executor for a multiplication."""
WHOLE = 500_000
"""Stored bits up to which the accelerator is simulated as a whole."""
LARGE = 150_000
"""Stored bits above which building a simulator takes half a minute or more: fewer levels."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one sample, by engine or micro-architecture."""

    reference: float
    csim: float
    rtl: Mapping[str, float]


def is_streamed(network: Network) -> bool:
    """Whether some layer reads its stored words more than once for a sample."""
    return any(layer.parameters and visits(network, layer) > 1 for layer in network.layers)


def cost(network: Network, names: tuple[str, ...]) -> Cost:
    """Rough seconds of one sample in the micro-architectures ``names``."""
    count = products(network)
    rtl = {name: _simulated(network, name, count) for name in names}
    return Cost(REFERENCE_PER_PRODUCT * count + 1e-4, CSIM_PER_PRODUCT * count + 1e-5, rtl)


def _simulated(network: Network, name: str, count: int) -> float:
    factors = architecture(name, network).reuse_factors
    cycles = max(
        [prod(network.input.shape[:-1]), *(visits(network, network.layer(n)) * f for n, f in factors.items())]
    )
    bits = sum(
        p.stored_bits / factors.get(layer.name, 1)
        for layer in network.layers
        for p in layer.parameters.values()
    )
    return PER_PRODUCT * count + cycles * (PER_CYCLE + PER_READ_BIT * bits)


def job_spec(network: Network, **chosen: Any) -> JobSpec:
    """The job for a network: the defaults of :class:`JobSpec` for a dense one, fewer samples for the others.

    Parameters
    ----------
    chosen
        Fields of JobSpec that are decided already; the others follow from them. No ``architectures`` at all:
        no RTL.
    """
    if not is_streamed(network):
        return _with_icarus(chosen)
    names = chosen.setdefault("architectures", ("spec", "parallel"))
    if network.stored_bits > LARGE:
        chosen.setdefault("levels", (0.0, 0.2, 1.0))
    spent = cost(network, names)
    few = {"transients": 24, "icarus": dict.fromkeys(names, (1, 1)), **chosen}
    spec = JobSpec(**few)
    pairs = len(spec.levels) * 2 * spec.faults
    each = max(sum(spent.rtl.values()), spent.reference)
    samples = chosen.get("samples", _rounded(FAULT_SECONDS / (pairs * each), 96))
    return JobSpec(
        **{**few, "samples": samples, "fault_free": _fault_free(spent), "csim": _csim(spec, spent)}
    )


def layers_spec(network: Network, layers: Sequence[str], **chosen: Any) -> JobSpec:
    """The job for layers of a network in cross-layer mode, each simulated in one micro-architecture."""
    name = chosen.setdefault("architectures", ("spec",))[0]
    chosen.setdefault("levels", (0.0, 0.2, 1.0))
    few = {"faults": 12, "transients": 12, "icarus": {n: (1, 1) for n in chosen["architectures"]}, **chosen}
    spec, whole = JobSpec(**few), cost(network, ())
    rtl = [cost(cut(network, layer).network, (name,)).rtl[name] for layer in layers]
    pairs = len(spec.levels) * 2 * spec.faults
    each = max(sum(rtl), len(layers) * whole.reference)
    samples = chosen.get("samples", _rounded(FAULT_SECONDS / (pairs * each), 32))
    corner = _csim(replace(spec, levels=spec.levels * len(layers)), whole)
    return JobSpec(**{**few, "samples": samples, "fault_free": _fault_free(whole), "csim": corner})


def layers_under_fault(network: Network) -> tuple[str, ...]:
    """Layers that differ in kind and are small enough: first convolution, one in the middle, last dense.

    The one in the middle is depthwise or recurrent if there is any.

    Raises
    ------
    NetworkError
        If no layer is small enough.
    """
    small = [
        layer
        for layer in network.layers
        if "kernel" in layer.parameters and cut(network, layer.name).network.stored_bits <= WHOLE
    ]
    if not small:
        raise NetworkError(
            f"{network.name}: every layer stores more than {WHOLE:,} bits; no RTL can be simulated"
        )
    convolutions = [layer for layer in small if layer.kind == "conv"]
    others = [layer for layer in small if layer.kind not in ("conv", "dense")]
    middle = others or convolutions[1:-1] or small[1:-1]
    chosen = [*convolutions[:1], *middle[len(middle) // 2 :][:1], small[-1]]
    return tuple(dict.fromkeys(layer.name for layer in sorted(chosen, key=network.layers.index)))


def _with_icarus(chosen: dict[str, Any]) -> JobSpec:
    """The job of a dense network: Icarus runs a pair of what is not its default's."""
    usual = JobSpec()
    names = chosen.get("architectures", usual.architectures)
    return JobSpec(**{"icarus": {name: usual.icarus.get(name, (1, 1)) for name in names}, **chosen})


def _fault_free(spent: Cost) -> dict[str, int]:
    seconds = {"reference": spent.reference, "csim": spent.csim, **spent.rtl}
    return {name: _rounded(ACCURACY_SECONDS / each, None) for name, each in seconds.items()}


def _csim(spec: JobSpec, spent: Cost) -> tuple[int, int]:
    """Faults and samples of each block that the C simulation repeats."""
    pairs = FAULT_SECONDS / 2 / spent.csim / (2 * len(spec.levels))
    return max(1, min(spec.faults, int(pairs))), max(1, int(pairs / spec.faults))


def _rounded(count: float, most: int | None) -> int:
    """At least 2, to two significant digits downwards.

    >>> _rounded(3789.2, None), _rounded(0.3, 96), _rounded(1234, 96)
    (3700, 2, 96)
    """
    whole = max(int(count), 2)
    step = 10 ** max(len(str(whole)) - 2, 0)
    return min(whole // step * step, most) if most else whole // step * step
