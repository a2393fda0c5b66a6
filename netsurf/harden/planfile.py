"""Protection plans as files: JSON that a person can write too.

Schema 1 knows ``tmr`` alone, bit by bit. Schema 2 adds ``schemes``, a list of objects with ``scheme``,
``options`` and where it holds, in any of these ways::

    {"scheme": "secded", "options": {"word": 64}, "layers": ["fc1"]}
    {"scheme": "parity", "tensors": ["fc2.kernel"]}
    {"scheme": "dmr", "elements": {"fc2.bias": [0, 3, 4]}}
    {"scheme": "tmr_scrub", "bits": [12, 13]}
    {"scheme": "tmr_scrub", "ranges": [[12, 14], [60, 66]]}

``ranges`` of bits ``[first, beyond the last]`` are what NetSurf itself writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import PlanError, UnknownNameError
from netsurf.files import write_atomic
from netsurf.harden.assign import Assignment, numbers, ranges
from netsurf.harden.plan import ProtectionPlan, check_plan
from netsurf.harden.schemes import NONE
from netsurf.harden.select import bits_of
from netsurf.ir import Network

SCHEMA_VERSION = 2
_PLACES = ("layers", "tensors", "elements", "bits", "ranges")


def save_plan(plan: ProtectionPlan, path: Path) -> Path:
    """Write a plan as JSON, whole or not at all. Plans of ``tmr`` alone are written in schema 1."""
    document = {
        "schema_version": SCHEMA_VERSION if plan.schemes else 1,
        "network": plan.network_digest,
        "stored_bits": plan.stored_bits,
        "notes": dict(plan.notes),
        "digest": plan.digest,
        "bits": plan.bits.tolist(),
    }
    if plan.schemes:
        document["schemes"] = [
            {"scheme": a.scheme, "options": dict(a.options), "ranges": ranges(a.bits)} for a in plan.schemes
        ]
    return write_atomic(path, json.dumps(document) + "\n")


def load_plan(path: Path, network: Network) -> ProtectionPlan:
    """Read a plan for ``network``.

    Raises
    ------
    PlanError
        If the file is missing, damaged, or belongs to another network, or a tensor cannot take its scheme.
    """
    try:
        document = json.loads(path.read_text())
        if document.get("schema_version", 1) > SCHEMA_VERSION:
            raise PlanError(f"{path}: written by a later NetSurf (schema {document['schema_version']})")
        if document["network"] != network.digest:  # before numbers are read as bits of this network
            check_plan(ProtectionPlan(document["network"], 0, np.empty(0, np.int64)), network)
        schemes = tuple(
            entry
            for given in document.get("schemes", ())
            if (entry := _assignment(given, network)) is not None
        )
        bits = np.array(document["bits"], dtype=np.int64)
        plan = ProtectionPlan(document["network"], document["stored_bits"], bits, document["notes"], schemes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(f"{path}: not a protection plan ({error})") from error
    check_plan(plan, network)
    return plan


def _assignment(given: Mapping[str, Any], network: Network) -> Assignment | None:
    """One entry of ``schemes``; None for bits that are to be left alone."""
    places = [place for place in _PLACES if place in given]
    unknown = set(given) - {"scheme", "options", *_PLACES}
    if unknown:
        raise UnknownNameError("key of a plan's scheme", min(unknown), ["scheme", "options", *_PLACES])
    if len(places) != 1:
        raise PlanError(f"a scheme of a plan names its bits by exactly one of {', '.join(_PLACES)}")
    bits = _READ[places[0]](given[places[0]], network)
    return None if given["scheme"] == NONE else Assignment(given["scheme"], bits, given.get("options", {}))


def _named(names: list[str], network: Network) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *(bits_of(network, name) for name in names)])


def _elements(places: Mapping[str, list[int]], network: Network) -> NDArray[np.int64]:
    parts = [np.empty(0, np.int64)]
    for name, indices in places.items():
        every = bits_of(network, name).reshape(network.parameters[name].codes.size, -1)
        bad = [index for index in indices if not 0 <= index < len(every)]
        if bad:
            raise PlanError(f"plan names {name}[{bad[0]}]; the tensor has elements 0..{len(every) - 1}")
        parts.append(every[np.array(indices, dtype=np.int64)].reshape(-1))
    return np.concatenate(parts)


_READ: dict[str, Callable[[Any, Network], NDArray[np.int64]]] = {
    "layers": _named,
    "tensors": _named,
    "elements": _elements,
    "bits": lambda bits, network: np.array(bits, dtype=np.int64),
    "ranges": lambda spans, network: numbers(spans),
}
