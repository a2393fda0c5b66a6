"""A benchmark's folder: model.h5, network.json, network.npz and golden.json, from its benchmark.yaml."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netsurf import ir
from netsurf.errors import DataError
from netsurf.files import sha256, write_atomic
from netsurf.frontend import golden as goldens
from netsurf.frontend import model as models
from netsurf.frontend import pruning
from netsurf.frontend import train as training
from netsurf.frontend.convert import convert_benchmark
from netsurf.frontend.datasets import DataSplits, Split
from netsurf.frontend.equality import alike, equal, run_both
from netsurf.frontend.score import score
from netsurf.frontend.session import start
from netsurf.frontend.settle import settle
from netsurf.frontend.spec import BenchmarkSpec
from netsurf.ir import Network
from netsurf.provenance import provenance

SCHEMA_VERSION = 1
MODEL = "model.h5"

Watch = Callable[[str], Any]
"""Gives a context manager that yields a progress callback for the stage it is told."""


def make(spec: BenchmarkSpec, folder: Path, watch: Watch) -> dict[str, Any]:
    """Train both models of a benchmark, convert the quantised one, and write the folder.

    Nothing is written before everything is computed and the integer network was found equal to
    the quantised model on every test sample.

    Returns
    -------
    What golden.json says.

    Raises
    ------
    DisagreementError
        If the integer network and the QKeras model differ in any output.
    NetworkError
        If pruning missed its target.
    """
    data = spec.splits()
    start(spec.training.seed)
    convert_benchmark(models.build(spec), spec)  # what cannot be converted is refused before it is trained
    began = time.monotonic()
    with watch("training in floating point") as progress:
        twin = training.train(spec, data.train, quantised=False, progress=progress)
    with watch("training quantised") as progress:
        model = training.train(spec, data.train, quantised=True, progress=progress, twin=twin)
    model = settle(model, spec)
    seconds = time.monotonic() - began
    network = convert_benchmark(model, spec)
    if spec.pruning:
        pruning.require_sparsity(network, spec.sparsity)
    ours, theirs = run_both(network, model, spec.inputs(data.test))
    same = (equal if spec.exact else alike)(network, ours, theirs)
    tests = {
        "float": training.evaluate(twin, spec, data.test),
        "quantised": score(spec.task, spec.predictions(theirs, fraction=0), data.test.y),
        "integer": score(spec.task, spec.predictions(ours, network.output.format.fraction), data.test.y),
    }
    golden = _golden(spec, data, network, tests, seconds)
    golden["equal_samples" if spec.exact else "alike_samples"] = same
    return _write(folder, model, network, golden)


def network_scores(network: Network, spec: BenchmarkSpec, data: Split) -> dict[str, float]:
    """Scores of an integer network on ``data``."""
    codes = ir.execute(network, spec.inputs(data))
    return score(spec.task, spec.predictions(codes, network.output.format.fraction), data.y)


def _golden(
    spec: BenchmarkSpec, data: DataSplits, network: Network, tests: dict[str, Any], seconds: float
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "benchmark": spec.name,
        "network": network.digest,
        "parameters": sum(p.codes.size for p in network.parameters.values()),
        "stored_bits": network.stored_bits,
        **({"sparsity": pruning.sparsities(network)} if spec.pruning else {}),
        "test": {"samples": len(data.test), **tests},
        "calibration": {
            "samples": len(data.calibration),
            "integer": network_scores(network, spec, data.calibration),
        },
        "data": {"name": spec.data, "source": data.source, "provenance": data.provenance},
        "training_seconds": round(seconds, 1),
        "provenance": provenance(seed=spec.training.seed),
    }


def _write(folder: Path, model: Any, network: Network, golden: dict[str, Any]) -> dict[str, Any]:
    models.save(model, folder / MODEL)
    ir.save(network, folder)
    document = _kept(folder, network) | golden | {"model": sha256(folder / MODEL)}
    write_atomic(folder / goldens.FILE, json.dumps(document, indent=2) + "\n")
    return document


def _kept(folder: Path, network: Network) -> dict[str, Any]:
    """What others have added to golden.json, as long as it is about this very network."""
    try:
        document = json.loads((folder / goldens.FILE).read_text())
    except (OSError, ValueError):
        return {}
    return document if document.get("network") == network.digest else {}


def model_of(spec: BenchmarkSpec) -> Any:
    """The benchmark's trained QKeras model, checked against golden.json.

    Raises
    ------
    DataError
        If the model or golden.json is missing, damaged, or they do not belong together.
    """
    path = spec.folder / MODEL
    advice = f"type: netsurf train {spec.name}"
    try:
        expected = json.loads((spec.folder / goldens.FILE).read_text())["model"]
        found = sha256(path)
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} does not exist; {advice}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{spec.folder / goldens.FILE} is damaged ({error}); {advice}") from error
    if found != expected:
        raise DataError(f"{path} is not the model that {goldens.FILE} describes; {advice}")
    return models.load(path)
