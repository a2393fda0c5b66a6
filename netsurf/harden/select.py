"""Choosing schemes: by name of layer or tensor, or as far down a ranking as a budget reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import PlanError, UnknownNameError
from netsurf.harden.assign import Assignment
from netsurf.harden.plan import TMR, ProtectionPlan, check_plan, plan_by_level
from netsurf.harden.schemes import NONE, SCHEMES
from netsurf.ir import Network

Bits = NDArray[np.int64]

EVERYTHING = "all"
"""Stands for every tensor."""


def bits_of(network: Network, name: str) -> Bits:
    """Numbers of the stored bits of a tensor, a layer, or ``all``.

    Raises
    ------
    UnknownNameError
        If nothing that stores bits has that name.
    """
    tensors = _tensors(network, name)
    sizes = [parameter.stored_bits for parameter in network.parameters.values()]
    starts = dict(zip(network.parameters, np.cumsum([0, *sizes]), strict=False))
    spans = [np.arange(starts[t], starts[t] + network.parameters[t].stored_bits) for t in tensors]
    return np.concatenate([np.empty(0, np.int64), *spans])


def _tensors(network: Network, name: str) -> list[str]:
    layers = {layer.name: [p.name for p in layer.parameters.values()] for layer in network.layers}
    if name == EVERYTHING:
        return list(network.parameters)
    if name in network.parameters:
        return [name]
    if not layers.get(name):
        stored = [layer for layer, held in layers.items() if held]
        raise UnknownNameError("layer or tensor", name, [EVERYTHING, *stored, *network.parameters])
    return layers[name]


def parse_scheme(text: str) -> tuple[str, dict[str, int]]:
    """A scheme with options as a person writes them.

    >>> parse_scheme("secded_scrub:word=32:period=100")
    ('secded_scrub', {'word': 32, 'period': 100})

    Raises
    ------
    UnknownNameError
        If there is no such scheme.
    PlanError
        If an option is no ``name=number``.
    """
    name, *options = text.split(":")
    if name != NONE and name not in SCHEMES:
        raise UnknownNameError("protection scheme", name, [NONE, *SCHEMES])
    values = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not (equals and value.isdigit()):
            raise PlanError(f"option '{option}' of the scheme {name}: write name=number, as secded:word=32")
        values[key] = int(value)
    return name, values


def plan_by_name(network: Network, wanted: Mapping[str, str], notes: Mapping[str, Any]) -> ProtectionPlan:
    """Protect layers and tensors by name; a tensor's own line beats its layer's, and both beat ``all``.

    Parameters
    ----------
    wanted
        Name of a tensor, a layer, or ``all``, to a scheme as :func:`parse_scheme` reads it.

    Raises
    ------
    UnknownNameError, PlanError
        If a name or scheme is unknown, or a tensor cannot take it.
    """
    chosen: dict[str, str] = {}
    order = sorted(wanted, key=lambda name: (name != EVERYTHING, name in network.parameters))
    for name in order:
        chosen |= dict.fromkeys(_tensors(network, name), wanted[name])
    schemes = []
    for tensor, text in chosen.items():
        scheme, options = parse_scheme(text)
        if scheme != NONE:
            schemes.append(Assignment(scheme, bits_of(network, tensor), options))
    none = np.empty(0, np.int64)
    plan = ProtectionPlan(network.digest, network.stored_bits, none, notes, tuple(schemes))
    check_plan(plan, network)
    return plan


def plan_by_scheme(
    network: Network, ranking: ArrayLike, level: float, text: str, notes: Mapping[str, Any]
) -> ProtectionPlan:
    """Protect the first part of a ranking with any scheme.

    A scheme of whole elements takes them in the order of their best ranked bit, as many as fit in
    ``round(level * S)`` bits.

    Raises
    ------
    PlanError
        As :func:`~netsurf.harden.plan.plan_by_level`; or if a tensor cannot take the scheme.
    """
    scheme, options = parse_scheme(text)
    kept = notes if scheme == TMR else {**notes, "scheme": text}
    plain = plan_by_level(network, ranking, 0.0 if scheme == NONE else level, kept)
    if scheme in (NONE, TMR):
        return plain if not options else _refuse_options(scheme, options)
    bits = plain.bits
    if SCHEMES[scheme].unit == "element":
        bits = _elements(network, np.asarray(ranking, dtype=np.int64), round(level * network.stored_bits))
    assigned = (Assignment(scheme, bits, options),)
    plan = ProtectionPlan(network.digest, network.stored_bits, np.empty(0, np.int64), plain.notes, assigned)
    check_plan(plan, network)
    return plan


def _refuse_options(scheme: str, options: Mapping[str, int]) -> ProtectionPlan:
    raise PlanError(f"the scheme {scheme} has no option '{min(options)}'")


def _elements(network: Network, ranking: Bits, budget: int) -> Bits:
    """Bits of whole elements, best ranked first, until the next one would not fit."""
    widths = np.concatenate([np.full(p.codes.size, p.format.width) for p in network.parameters.values()])
    ends = np.cumsum(widths)
    ranked = np.searchsorted(ends, ranking, side="right")
    _, first = np.unique(ranked, return_index=True)
    order = ranked[np.sort(first)]
    taken = order[np.cumsum(widths[order]) <= budget]
    return np.concatenate([np.empty(0, np.int64), *(np.arange(ends[e] - widths[e], ends[e]) for e in taken)])
