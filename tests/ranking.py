"""Rankers the slow way: every score from its formula, in loops over sites, with integers and floats.

Nothing here uses netsurf.rank's arrays: a site is looked up by its number in the fault space, its weight
in the tensor, its upset by flipping the bit of the stored code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netsurf.fault import FaultSpace
from netsurf.fixed import FixedFormat
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.rank import EVIDENCE, METHODS, Evidence
from netsurf.rank.bits import planes, widths


@dataclass(frozen=True)
class Site:
    """One stored bit, looked up the slow way."""

    number: int
    tensor: str
    layer: int
    element: int  # number over all tensors
    first: int  # number of the tensor's first element
    size: int  # elements of the tensor
    code: int
    bit: int
    format: FixedFormat
    pruned: bool

    @property
    def value(self) -> float:
        return self.code * 2.0**-self.format.fraction

    @property
    def pattern(self) -> list[int]:
        """Bits of the stored word, least significant first."""
        word = self.code % 2**self.format.width
        return [word >> b & 1 for b in range(self.format.width)]

    @property
    def delta(self) -> float:
        flipped = self.pattern
        flipped[self.bit] ^= 1
        word = sum(value << b for b, value in enumerate(flipped))
        if self.format.signed and flipped[-1]:
            word -= 2**self.format.width
        return (word - self.code) * 2.0**-self.format.fraction


def sites(network: Network) -> list[Site]:
    space = FaultSpace(network, np.empty(0, np.int64))
    first, layers = {}, {}
    for number, layer in enumerate(x for x in network.layers if x.parameters):
        for parameter in layer.parameters.values():
            layers[parameter.name] = number
    total = 0
    for name, parameter in network.parameters.items():
        first[name] = total
        total += parameter.codes.size
    found = []
    for number in range(network.stored_bits):
        at = space.site(number)
        parameter = network.parameters[at.tensor]
        where = np.unravel_index(at.index, parameter.codes.shape)
        found.append(
            Site(
                number,
                at.tensor,
                layers[at.tensor],
                first[at.tensor] + at.index,
                first[at.tensor],
                parameter.codes.size,
                int(parameter.codes[where]),
                at.bit,
                parameter.format,
                parameter.pruned is not None and bool(parameter.pruned[where]),
            )
        )
    return found


def brute_scores(method: str, network: Network, evidence: Evidence) -> np.ndarray:
    """Scores of a deterministic method at its default options, one site after the other."""
    every = sites(network)
    return np.array([_FORMULAS[method](site, evidence, every) for site in every])


def _min_max(values, site):
    part = np.abs(values[site.first : site.first + site.size])
    spread = part.max() - part.min()
    return (abs(values[site.element]) - part.min()) / spread if spread else 0.0


def _transitions(site):
    bits = site.pattern[:-1] if site.format.signed else site.pattern
    return sum(a != b for a, b in pairwise(bits))


def _leaves(site, every):
    """Step of recursive_uneven at which the site's weight leaves the majority, as a score."""
    words = {s.element: s.pattern[::-1] for s in every}
    deepest, group = max(map(len, words.values())), list(words)
    for step in range(deepest):
        group = [e for e in group if len(words[e]) > step]
        if not group:
            break
        counts = Counter(words[e][step] for e in group)
        rare = 1 if counts[1] < counts[0] else 0
        if len(counts) > 1 and site.element in group and words[site.element][step] == rare:
            return deepest - step
        if counts[1 - rare] == 0:
            break
        group = [e for e in group if words[e][step] != rare]
    return 0


def _hessian(site, evidence):
    pairs = zip(evidence["eigenvalues"][:3], evidence["eigenvectors"][:3], strict=True)
    return sum(abs(value * vector[site.element] * site.value) for value, vector in pairs)


def _fkeras(site, evidence, every):
    total = 0.0
    values = {s.element: s.value for s in every}
    for value, vector in zip(evidence["eigenvalues"][:3], evidence["eigenvectors"][:3], strict=True):
        projection = sum(value * vector[e] * w for e, w in values.items())
        total += abs(projection * value * vector[site.element])
    return total


def _hessiandelta(site, evidence):
    values, vectors = evidence["delta_eigenvalues"][site.bit], evidence["delta_eigenvectors"][site.bit]
    return sum(abs(values[k] * vectors[k][site.element] * site.delta) for k in range(3))


_FORMULAS = {
    "msb": lambda s, e, every: 2.0**s.bit,
    "lsb": lambda s, e, every: 2.0**-s.bit,
    "layerwise_first": lambda s, e, every: max(x.layer for x in every) - s.layer + 1,
    "layerwise_last": lambda s, e, every: s.layer + 1,
    "weight_abs_value": lambda s, e, every: abs(s.value),
    "diffbitperweight": lambda s, e, every: _transitions(s),
    "recursive_uneven": lambda s, e, every: _leaves(s, every),
    "grad": lambda s, e, every: abs(e["gradient"][s.element]),
    "grad_norm": lambda s, e, every: _min_max(e["gradient"], s),
    "graddelta": lambda s, e, every: abs(e["delta_gradient"][s.bit, s.element]),
    "graddelta_norm": lambda s, e, every: _min_max(e["delta_gradient"][s.bit], s),
    "hessian": lambda s, e, every: _hessian(s, e),
    "hessian_fkeras": _fkeras,
    "hessiandelta": lambda s, e, every: _hessiandelta(s, e),
    "fisher": lambda s, e, every: e["fisher"][s.element],
    "fisher_squared_mean": lambda s, e, every: e["gradient"][s.element] ** 2,
    "laplace": lambda s, e, every: abs(e["hutchinson_diagonal"][s.element]),
    "taylor": lambda s, e, every: (e["gradient"][s.element] * s.value) ** 2,
    "taylor2": lambda s, e, every: (
        e["gradient"][s.element] * s.delta + e["hessian_diagonal"][s.element] * s.delta * s.delta / 2
    ),
    "qpolar": lambda s, e, every: abs(e["corrupted_input"][s.element] * s.delta),
    "qpolargrad": lambda s, e, every: abs(
        e["corrupted_input"][s.element] * s.delta * e["gradient"][s.element]
    ),
    "aiber": lambda s, e, every: e["flip_probability"][s.number],
    "oracle": lambda s, e, every: e["loss_change"][s.number],
    "oracle2": lambda s, e, every: e["expected_loss_change"][s.number],
}

DETERMINISTIC = tuple(_FORMULAS)
assert set(DETERMINISTIC) == set(METHODS) - {"random"}


def brute_order(network: Network, scores: np.ndarray, power: int, ordering: str, compete: bool) -> list[int]:
    """Python's own sort on explicit keys."""
    every = sites(network)

    def key(site):
        score = scores[site.number]
        if ordering == "free":
            score = score * (2.0 ** (site.bit - site.format.fraction)) ** power
        plane = -site.bit if ordering == "bitplane" else 0
        return (site.pruned and not compete, plane, -score, site.number)

    return [site.number for site in sorted(every, key=key)]


def drawn_evidence(network: Network, seed: int = 0) -> Evidence:
    """Random arrays of the right shapes: formulas do not care where numbers come from."""
    rng = np.random.default_rng(seed)
    sizes = {"S": network.stored_bits, "E": len(widths(network)), "P": planes(network), "K": 3}
    arrays = {
        name: rng.normal(size=tuple(sizes[axis] for axis in kind.axes)) for name, kind in EVIDENCE.items()
    }
    return Evidence(network.digest, arrays)


def mixed_network(seed: int = 5) -> Network:
    """Two dense layers whose four tensors have four formats, some weights pruned."""
    rng = np.random.default_rng(seed)
    wide = FixedFormat(20, 12)
    formats = [FixedFormat(5, 2), FixedFormat(7, 3), FixedFormat(4, 0, signed=False), FixedFormat(1, 1)]
    shapes = [(3, 4), (4,), (4, 2), (2,)]
    names = ["fc1.kernel", "fc1.bias", "fc2.kernel", "fc2.bias"]
    stored = []
    for name, shape, target in zip(names, shapes, formats, strict=True):
        codes = rng.integers(target.minimum, target.maximum, size=shape, endpoint=True)
        mask = rng.random(shape) < 0.25 if name == "fc1.kernel" else None
        stored.append(Parameter(name, codes if mask is None else np.where(mask, 0, codes), target, mask))
    layers = (
        _dense("fc1", "input", stored[0], stored[1], wide),
        Layer("relu1", "relu", ("fc1",), TensorSpec((4,), FixedFormat(6, 3, False, "RND_CONV", "SAT"))),
        _dense("fc2", "relu1", stored[2], stored[3], wide),
    )
    return Network("mixed", TensorSpec((3,), FixedFormat(4, 1, False)), layers)


def _dense(name, source, kernel, bias, accumulator):
    spec = TensorSpec((kernel.codes.shape[1],), accumulator)
    return Layer(
        name,
        "dense",
        (source,),
        spec,
        {"kernel": kernel, "bias": bias},
        {"accumulator": accumulator, "reuse_factor": 1},
    )
