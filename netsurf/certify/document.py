"""The certificate as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from netsurf.campaign.statistics import student
from netsurf.certify.events import Accuracy, JobResult, LevelResult, Tally
from netsurf.engine import Agreement
from netsurf.ir import cut

CONFIDENCE = 0.95


def certificate_document(
    result: JobResult, benchmark: str, data_source: str, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that ``netsurf cosim --json`` prints and ``certificate.json`` holds.

    Keys: ``benchmark``, ``network``, ``mode`` (``whole``, ``cross-layer`` or ``software``), ``layers`` (of
    cross-layer mode: those under fault, with stored_bits, boundary_pairs, boundary_mismatches),
    ``data_source`` (``real`` or ``synthetic``), ``spec``, ``accuracies``, ``engines`` (name, version,
    architecture, pairs, mismatches, upper_bound, seconds), ``agreement`` (pairs, mismatches, upper_bound,
    listed), ``levels`` (protection, stored_bits, flip_flops, area, accuracy, interval, outcomes, latency,
    interval in cycles, build_seconds), ``provenance``.
    """
    tallies = result.tallies
    return {
        "benchmark": benchmark,
        "network": result.network.digest,
        "mode": _mode(result),
        "layers": [_layer(name, result) for name in result.layers],
        "task": result.network.task,
        "data_source": data_source,
        "spec": json.loads(json.dumps(asdict(result.spec))),  # tuples become lists, as in the file
        "accuracies": [_accuracy(a) for a in result.accuracies],
        "engines": [_engine(t) for t in tallies],
        "agreement": {
            **_agreement(result.agreement),
            "confidence": CONFIDENCE,
            "listed": [asdict(m) for t in tallies for m in t.agreement.mismatches],
        },
        "levels": [_level(level) for level in result.levels],
        "provenance": dict(provenance),
    }


def _mode(result: JobResult) -> str:
    """What of the accelerator was simulated: all of it, some layers, or nothing."""
    if result.layers:
        return "cross-layer"
    return "whole" if result.spec.architectures else "software"


def _layer(name: str, result: JobResult) -> dict[str, Any]:
    """A layer under fault: what it and what is fused to it store, and what ran at its boundary."""
    piece = cut(result.network, name)
    pairs = [
        t for t in result.tallies if t.engine.endswith(" boundary") and t.architecture.split()[0] == name
    ]
    return {
        "layer": name,
        "with": [layer.name for layer in piece.network.layers[1:]],
        "kind": result.network.layer(name).kind,
        "stored_bits": piece.network.stored_bits,
        "boundary_codes": piece.network.output.size,
        "boundary_pairs": {t.engine.removesuffix(" boundary"): t.agreement.pairs for t in pairs},
        "boundary_mismatches": sum(t.agreement.count for t in pairs),
    }


def _accuracy(a: Accuracy) -> dict[str, Any]:
    return {**asdict(a), "accuracy": a.correct / a.samples}


def _engine(t: Tally) -> dict[str, Any]:
    return {
        "name": t.engine,
        "version": t.version,
        "architecture": t.architecture or None,
        **_agreement(t.agreement),
        "seconds": round(t.seconds, 2),
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "pairs": agreement.pairs,
        "mismatches": agreement.count,
        "upper_bound": agreement.upper_bound(CONFIDENCE),
    }


def _level(level: LevelResult) -> dict[str, Any]:
    accuracy = student(level.correct, CONFIDENCE)
    return {
        "protection": level.level,
        "plan": level.design.plan.digest,
        "protected_bits": len(level.design.plan.protected),
        "schemes": {a.label: len(a.bits) for a in level.design.plan.assignments},
        "stored_bits": level.design.space.size,
        "flip_flops": {name: a.flip_flops for name, a in level.accelerators.items()},
        "area": None,
        "accuracy": accuracy.estimate,
        "interval": [max(accuracy.low, 0.0), min(accuracy.high, 1.0)],
        "outcomes": {name: asdict(counts) for name, counts in level.outcomes.items()},
        "cycles": {
            name: {"latency": a.latency, "interval": a.interval} for name, a in level.accelerators.items()
        },
        "build_seconds": {name: round(seconds, 1) for name, seconds in level.build_seconds.items()},
    }
