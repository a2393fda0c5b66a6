"""Hypothesis strategies for networks, design points, faults and inputs, shared by every test folder.

Everything drawn here is legal: a test that wants an error breaks it on purpose. Codes are drawn from a
seed, not element by element, so that a network of a few hundred weights stays cheap to draw and shrinks
by its shape and formats, which is where defects live.

>>> network = networks().example()      # doctest: +SKIP
"""

from __future__ import annotations

from math import ceil, log2, prod
from typing import get_args

import numpy as np
from hypothesis import strategies as st

from netsurf.emit import Architecture, architecture
from netsurf.emit.architecture import choices
from netsurf.fault import Fault, FaultList
from netsurf.fault.lists import KINDS
from netsurf.fixed import FixedFormat, Overflow, Rounding
from netsurf.harden import SCHEMES, Assignment, DesignPoint, ProtectionPlan
from netsurf.ir import Layer, Network, Parameter, TensorSpec

ROUNDINGS = get_args(Rounding)
OVERFLOWS = get_args(Overflow)


@st.composite
def formats(draw, widths=(1, 10), signed=None, roundings=ROUNDINGS, overflows=OVERFLOWS):
    """Formats of ``widths[0]..widths[1]`` bits with the binary point up to 2 bits outside the word."""
    width = draw(st.integers(*widths))
    return FixedFormat(
        width,
        draw(st.integers(-2, width + 2)),
        draw(st.booleans()) if signed is None else signed,
        draw(st.sampled_from(roundings)),
        draw(st.sampled_from(overflows)),
    )


def random_codes(target: FixedFormat, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Codes of a format: uniform, with about one in eight at either end of the range."""
    codes = rng.integers(target.minimum, target.maximum, size=shape, endpoint=True, dtype=np.int64)
    extreme = rng.random(shape)
    codes = np.where(extreme < 1 / 16, target.minimum, codes)
    return np.where(extreme > 15 / 16, target.maximum, codes)


@st.composite
def accumulators(draw, x: FixedFormat, kernel: FixedFormat, inputs: int):
    """Accumulator formats: exact (wide enough for every sum), truncated, wrapping and saturating."""
    fraction = x.fraction + kernel.fraction
    width = x.width + kernel.width + ceil(log2(max(inputs, 2))) + 1
    if draw(st.booleans()):
        return FixedFormat(width, width - fraction)
    width = draw(st.integers(2, width))
    lost = draw(st.integers(-2, 4))
    modes = draw(st.sampled_from(ROUNDINGS)), draw(st.sampled_from(OVERFLOWS))
    return FixedFormat(width, width - (fraction - lost), True, *modes)


def dense(name, source, x, outputs, kernel, bias, accumulator, output, rng):
    """A dense layer with random weights; ``x`` is the TensorSpec it reads."""
    stored = {
        "kernel": Parameter(f"{name}.kernel", random_codes(kernel, (x.size, outputs), rng), kernel),
        "bias": Parameter(f"{name}.bias", random_codes(bias, (outputs,), rng), bias),
    }
    spec = TensorSpec((outputs,), output)
    return Layer(name, "dense", (source,), spec, stored, {"accumulator": accumulator, "reuse_factor": 1})


@st.composite
def networks(draw, max_size=8, max_dense=3, widths=(1, 8), tasks=("classification", "regression")):
    """Chains of dense layers with relu, linear and nothing between them, behind an optional flatten.

    Parameters
    ----------
    max_size
        Most elements of any tensor.
    max_dense
        Most dense layers; there is at least one.
    widths
        Bits of inputs, weights and activations; accumulators are as wide as they need or narrower.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(draw(st.integers(1, max_size)),), (2, 2, 1), (1, 3)]))
    spec, source, layers = TensorSpec(shape, draw(formats(widths))), "input", []
    first = spec
    if len(shape) > 1:
        spec = TensorSpec((prod(shape),), spec.format)
        layers.append(Layer("flat", "flatten", (source,), spec))
        source = "flat"
    for number in range(1, draw(st.integers(1, max_dense)) + 1):
        kernel, bias = draw(formats(widths)), draw(formats(widths))
        accumulator = draw(accumulators(spec.format, kernel, spec.size))
        output = draw(st.one_of(st.just(accumulator), formats((widths[0], widths[1] + 4))))
        outputs = draw(st.integers(1, max_size))
        layer = dense(f"fc{number}", source, spec, outputs, kernel, bias, accumulator, output, rng)
        layers.append(layer)
        spec, source = layer.output, layer.name
        kind = draw(st.sampled_from(["relu", "linear", None]))
        if kind:
            spec = TensorSpec(spec.shape, draw(formats(widths)))
            layers.append(Layer(f"{kind}{number}", kind, (source,), spec))
            source = f"{kind}{number}"
        elif spec.format.width > widths[1] + 4:  # keep the next layer's sums small
            spec = TensorSpec(spec.shape, draw(formats(widths)))
            layers.append(Layer(f"narrow{number}", "linear", (source,), spec))
            source = f"narrow{number}"
    return Network("drawn", first, tuple(layers), draw(st.sampled_from(tasks)))


@st.composite
def design_points(draw, drawn=None):
    """A network (from the strategy ``drawn``) with none, all or a random part of its bits protected."""
    network = draw(networks() if drawn is None else drawn)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level = draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    bits = rng.permutation(network.stored_bits)[: round(level * network.stored_bits)]
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits))


@st.composite
def guarded_points(draw, drawn=None, schemes=tuple(SCHEMES), periods=(1, 40)):
    """A network whose elements are each under one of ``schemes``, or none; ``tmr`` takes single bits too."""
    network = draw(networks() if drawn is None else drawn)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    used = draw(st.lists(st.sampled_from(schemes), min_size=1, max_size=3, unique=True))
    if {"secded", "secded_scrub"} <= set(used):  # a tensor has code words of one kind
        used.remove("secded")
    period = draw(st.integers(*periods))
    offset, held = 0, {name: [np.empty(0, np.int64)] for name in used}
    for parameter in network.parameters.values():
        width = parameter.format.width
        chosen = rng.choice([None, *used], parameter.codes.size, p=_weights(rng, len(used) + 1))
        for name in used:
            elements = np.flatnonzero(chosen == name)[:, None]
            bits = offset + (elements * width + np.arange(width)).reshape(-1)
            held[name].append(rng.permutation(bits)[: (len(bits) + 1) // 2] if "tmr" in name else bits)
        offset += parameter.stored_bits
    return DesignPoint(network, _plan_of(network, held, period, draw(st.sampled_from([1, 9, 24, 64]))))


def _weights(rng, count):
    """Now and then everything is under one scheme."""
    return np.eye(count)[rng.integers(1, count)] if rng.random() < 0.3 else rng.dirichlet(np.ones(count))


def _plan_of(network, held, period, word):
    values = {"period": period, "word": word}
    assignments = tuple(
        Assignment(name, np.concatenate(bits), {key: values[key] for key in SCHEMES[name].options})
        for name, bits in held.items()
    )
    none = np.empty(0, np.int64)
    return ProtectionPlan(network.digest, network.stored_bits, none, {}, assignments)


@st.composite
def fault_lists(draw, design: DesignPoint, max_faults=6, max_sites=5, kinds=KINDS):
    """Persistent faults of one or more sites; some hit two or three replicas of one protected bit."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return FaultList.of(
        Fault(_sites(design, rng, max_sites), kinds[rng.integers(len(kinds))])
        for _ in range(draw(st.integers(1, max_faults)))
    )


def _sites(design: DesignPoint, rng: np.random.Generator, most: int) -> tuple[int, ...]:
    space = design.space
    if len(space.protected) and rng.random() < 0.5:
        bit = rng.choice(space.protected)
        replicas = rng.permutation(3)[: rng.integers(1, 4)]
        return tuple(sorted(int(r * space.stored_bits + bit) for r in replicas))
    if design.guard and rng.random() < 0.5:  # in one code word, where upsets meet
        group = design.guard.groups[rng.integers(len(design.guard.groups))]
        word = rng.integers(len(group))
        data = group.bits[group.start[word] : group.start[word + 1]]
        there = np.concatenate([data, group.check_sites(space.stored_bits)[word]])
        return tuple(sorted(rng.permutation(there)[: rng.integers(1, 5)].tolist()))
    return tuple(
        sorted(rng.choice(space.sites, min(int(rng.integers(1, most + 1)), space.size), False).tolist())
    )


@st.composite
def inputs(draw, network: Network, max_samples=4):
    """Input codes ``(samples, *network.input.shape)``, extremes included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, max_samples)), *network.input.shape)
    return random_codes(network.input.format, shape, rng)


@st.composite
def architectures(draw, network):
    """Serial, parallel, or any reuse factors that can be built."""
    name = draw(st.sampled_from(["serial", "parallel", "mixed"]))
    if name != "mixed":
        return architecture(name, network)
    possible = choices(network)
    return Architecture("mixed", {layer: draw(st.sampled_from(some)) for layer, some in possible.items()})
