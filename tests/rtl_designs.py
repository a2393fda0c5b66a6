"""Small design points for tests that build simulators, and mutants of what was emitted from them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from netsurf.emit import Accelerator, architecture, emit, load
from netsurf.files import sha256
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.ir import Layer, Network, TensorSpec
from tests.strategies import dense, random_codes


def network(seed: int = 0) -> Network:
    """6 - 4 - 3 with a rounding, saturating ReLU: about 230 stored bits, a bank of every word type."""
    rng = np.random.default_rng(seed)
    x, weight = FixedFormat(5, 2), FixedFormat(6, 1)
    hidden = TensorSpec((4,), FixedFormat(4, 2, False, "RND_CONV", "SAT"))
    wide = FixedFormat(18, 9)
    layers = (
        dense("fc1", "input", TensorSpec((6,), x), 4, weight, weight, wide, wide, rng),
        Layer("relu1", "relu", ("fc1",), hidden),
        dense("fc2", "relu1", hidden, 3, weight, weight, wide, wide, rng),
    )
    return Network("small", TensorSpec((6,), x), layers)


def design(level: float, seed: int = 0) -> DesignPoint:
    """The network with a random part of its bits protected."""
    drawn = network(seed)
    bits = np.random.default_rng(seed + 1).permutation(drawn.stored_bits)
    plan = ProtectionPlan(drawn.digest, drawn.stored_bits, bits[: round(level * drawn.stored_bits)])
    return DesignPoint(drawn, plan)


def samples(drawn: Network, count: int, seed: int = 2) -> np.ndarray:
    """Input codes, extremes included."""
    return random_codes(drawn.input.format, (count, *drawn.input.shape), np.random.default_rng(seed))


def emitted(point: DesignPoint, name: str, folder: Path) -> Accelerator:
    """The accelerator of a design point in the architecture ``name``."""
    return emit(point, architecture(name, point.network), folder / "design")


def mutant(accelerator: Accelerator, file: str, old: str, new: str) -> Accelerator:
    """The accelerator with one place of one of its files changed, as if it had been emitted that way."""
    path = accelerator.folder / file
    text = path.read_text()
    assert text.count(old) == 1, f"{file} has {text.count(old)} places like {old!r}"
    path.write_text(text.replace(old, new))
    changed = replace(accelerator, digests={**accelerator.digests, file: sha256(path)})
    document = {**changed.describe(), "digest": changed.digest}
    (accelerator.folder / "design.json").write_text(json.dumps(document))
    return load(accelerator.folder)
