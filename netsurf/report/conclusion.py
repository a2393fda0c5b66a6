"""A certificate in two sentences: what was run and protected, and what differed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OTHER_PAIRS = (" transient", " boundary")
"""Ends of the names under which an engine is counted on more than (fault, sample) pairs at the output."""


def verdict(document: Mapping[str, Any]) -> str:
    """Mismatches of every row of the certificate, who ran all pairs with the bound on them, and who a part.

    >>> rows = ("fast", None, 960), ("csim", None, 480), ("rtl-icarus", "serial", 32)
    >>> keys = "name", "architecture", "pairs", "mismatches"
    >>> engines = [dict(zip(keys, (*row, 0))) for row in rows]
    >>> agreement = {"pairs": 960, "upper_bound": 0.0031, "confidence": 0.95}
    >>> said = verdict({"engines": engines, "agreement": agreement})
    >>> for part in said.split("; "):
    ...     print(part)
    0 mismatches: fast ran 960 (fault, sample) pairs, at most 3.1e-03 of all pairs can differ (95% confidence)
    csim ran 480 of them, rtl-icarus serial 32
    """
    agreement, ran = document["agreement"], _ran(document)
    whole = [name for name, pairs in ran.items() if pairs == agreement["pairs"]]
    part = [(name, f"{pairs:,}") for name, pairs in ran.items() if name not in whole]
    said = (
        f"{mismatches(differing(document))}: {', '.join(whole)} ran {agreement['pairs']:,} (fault, sample) "
        f"pairs, at most {agreement['upper_bound']:.1e} of all pairs can differ "
        f"({agreement['confidence']:.0%} confidence)"
    )
    if not part:
        return said
    (name, pairs), *others = part
    return ", ".join([f"{said}; {name} ran {pairs} of them", *(" ".join(other) for other in others)])


def setting(document: Mapping[str, Any]) -> str:
    """Which accelerators were simulated, and how they were protected.

    >>> spec = {"architectures": ["spec"], "ranker": "msb"}
    >>> levels = [{"schemes": {}}, {"schemes": {"tmr": 120}}]
    >>> setting({"mode": "cross-layer", "layers": [{"layer": "fc"}], "spec": spec, "levels": levels})
    'RTL of layers fc: spec. Protection: tmr, bits ranked by msb.'
    >>> setting({"mode": "software", "spec": spec | {"architectures": []}, "levels": levels[:1]})
    'No RTL. Protection: none.'
    """
    names = ", ".join(document["spec"]["architectures"])
    layers = ", ".join(layer["layer"] for layer in document.get("layers", ()))
    simulated = (
        f"RTL of {f'layers {layers}' if layers else 'the whole network'}: {names}" if names else "No RTL"
    )
    ranker = document["spec"]["ranker"]
    chosen = f"bits ranked by {ranker}" if ranker else "by plans"
    schemes = dict.fromkeys(scheme for level in document["levels"] for scheme in _schemes(level))
    protected = f"{', '.join(schemes)}, {chosen}" if schemes else "none"
    return f"{simulated}. Protection: {protected}."


def _schemes(level: Mapping[str, Any]) -> Mapping[str, int]:
    """Protected bits by scheme; certificates from before there were several have no such key."""
    protected = level.get("protected_bits", 0)
    return level.get("schemes", {"tmr": protected} if protected else {})


def differing(document: Mapping[str, Any]) -> int:
    """Mismatches of all engines together, each row's own: transient upsets, boundaries and Icarus as well."""
    return sum(engine["mismatches"] for engine in document["engines"])


def mismatches(count: int) -> str:
    """A number of mismatches, which stands out if there is one.

    >>> mismatches(0), mismatches(1200)
    ('0 mismatches', '1,200 MISMATCHES')
    """
    return f"{count:,} MISMATCHES" if count else "0 mismatches"


def _ran(document: Mapping[str, Any]) -> dict[str, int]:
    """Pairs of each engine and micro-architecture; in cross-layer mode of each engine, over all layers."""
    ran: dict[str, int] = {}
    for engine in document["engines"]:
        name = engine["name"]
        if name.endswith(OTHER_PAIRS):
            continue
        if engine["architecture"] and not document.get("layers"):
            name += f" {engine['architecture']}"
        ran[name] = ran.get(name, 0) + engine["pairs"]
    return ran
