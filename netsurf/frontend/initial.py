"""A benchmark before its training: the very weights that training starts from.

Needs TensorFlow; `netsurf.frontend.worker` runs it in a process of its own.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from netsurf.frontend.spec import BenchmarkSpec
from netsurf.ir import Network
from netsurf.paths import build


def initial(spec: BenchmarkSpec) -> tuple[Any, Network]:
    """The untrained QKeras model, drawn with the training's seed, and its integer network.

    Nothing is pruned yet, whatever the benchmark prunes later.
    """
    from netsurf.frontend import model as models
    from netsurf.frontend.convert import convert
    from netsurf.frontend.session import start

    start(spec.training.seed)
    model = models.build(spec)
    return model, convert(model, spec.name, spec.input.format, spec.reuse_factors, spec.task)


def folder(spec: BenchmarkSpec) -> Path:
    """Where the initial network is kept; depends on what it depends on."""
    said = (spec.name, spec.task, spec.input, spec.scheme, spec.layers, spec.training.seed)
    return build() / "evidence" / f"initial-{hashlib.sha256(repr(said).encode()).hexdigest()[:16]}"
