"""Gather: the evidence that rankers read, measured on the calibration split and kept by digest.

Gradients are measured in a process of their own, which alone loads TensorFlow; activations and single
upsets come from the integer network. Every array is kept under ``build/evidence`` in a file whose name
depends on the network, the calibration samples and the settings, so it is measured once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf import ir
from netsurf.errors import DataError, UsageError
from netsurf.frontend import initial, kept
from netsurf.frontend import spec as specs
from netsurf.frontend.gradients import Effort
from netsurf.frontend.worker import evidence_apart, initial_apart
from netsurf.ir import Network
from netsurf.paths import build
from netsurf.rank.activations import corrupted_input
from netsurf.rank.evidence import EVIDENCE, Evidence
from netsurf.rank.interactions import Plan, continuous_greedy

Floats = NDArray[np.float64]
Arrays = Mapping[str, Floats]
Pairs = Iterator[tuple[str, Floats]]
Progress = Callable[[int, int, str], None]

_VERSION = 3
"""Raised when what a name means changes, so that no older file is read."""


LONG_H = 1 / 12
"""Hours from which a census of single upsets says beforehand how long it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What evidence depends on beside the benchmark.

    Parameters
    ----------
    effort
        For what is measured through the model.
    others
        For ``oracle2``: how other upsets are drawn.
    """

    effort: Effort = field(default_factory=Effort)
    others: Plan = field(default_factory=Plan)


@dataclass(frozen=True)
class Subject:
    """A benchmark's network, as it is or before its training, and calibration samples."""

    spec: specs.BenchmarkSpec
    network: Network
    trained: bool = True

    @classmethod
    def of(cls, bench: str) -> Subject:
        """Load a benchmark; UsageError of some kind if there is none or it was not trained."""
        spec = specs.load(bench)
        return cls(spec, ir.load(spec.folder))

    @classmethod
    def untrained(cls, bench: str) -> Subject:
        """A benchmark with the weights that its training starts from; built once, by TensorFlow, and kept."""
        spec = specs.load(bench)
        folder = initial.folder(spec)
        if not (folder / "network.json").exists():
            initial_apart(bench, folder)
        return cls(spec, ir.load(folder), trained=False)

    @cached_property
    def calibration(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Input codes, and classes or targets in the network's unit."""
        codes, labels = specs.calibration(self.spec)
        if self.spec.task == "classification":
            return codes, labels
        return codes, ((labels - self.spec.target.offset) / self.spec.target.scale).reshape(len(codes), -1)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over network and calibration samples."""
        hasher = hashlib.sha256(self.network.digest.encode())
        for array in self.calibration:
            hasher.update(np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()


def gather(
    subject: Subject,
    names: Iterable[str],
    settings: Settings | None = None,
    progress: Progress = lambda done, total, note: None,
) -> Evidence:
    """The arrays called ``names``, read if they were measured before and measured if not.

    Raises
    ------
    UnknownNameError
        If a name is not in :data:`netsurf.rank.EVIDENCE`.
    MissingToolError
        If gradients are needed and TensorFlow is not installed.
    DataError
        If the benchmark's model or data are missing.
    """
    settings = settings or Settings()
    names = tuple(dict.fromkeys(names))
    found = {
        name: array for name in names if (array := kept.read(_file(subject, name, settings))) is not None
    }
    for number, (source, missing) in enumerate(_by_source(names, found).items()):
        progress(number, 3, f"{source}: {', '.join(missing)}{_how_long(subject, missing)}")
        for name, array in _SOURCES[source](subject, missing, settings):
            kept.write(_file(subject, name, settings), array)
            found[name] = array
    return Evidence(subject.network.digest, {name: found[name] for name in names})


def _how_long(subject: Subject, names: tuple[str, ...]) -> str:
    """What a person should know before every stored bit of a large network is upset; mostly nothing."""
    if not {"loss_change", "accuracy_drop"} & set(names):
        return ""
    from netsurf.inject import outlook

    hours = outlook.seconds(subject.network, *subject.calibration, loss=True) / 3600
    return f", about {hours:.1f} h: leave oracle out of --method to do without" if hours > LONG_H else ""


def _by_source(names: tuple[str, ...], found: Arrays) -> dict[str, tuple[str, ...]]:
    Evidence("", dict.fromkeys(names, np.empty(0)))  # refuses unknown names
    missing: dict[str, tuple[str, ...]] = {}
    for name in names:
        if name not in found:
            source = EVIDENCE[name].source
            missing[source] = (*missing.get(source, ()), name)
    return missing


def _gradients(subject: Subject, names: tuple[str, ...], settings: Settings) -> Pairs:
    """The other process keeps each array itself, so that one which is interrupted loses no other."""
    files = {name: _file(subject, name, settings) for name in names}
    evidence_apart(subject.spec.name, subject.trained, files, settings.effort)
    for name, file in files.items():
        array = kept.read(file)
        if array is None:
            raise DataError(f"{file} was damaged as soon as it was written; is the disk full?")
        yield name, array


def _activations(subject: Subject, names: tuple[str, ...], settings: Settings) -> Pairs:
    inputs = subject.calibration[0][: settings.effort.samples]
    yield "corrupted_input", corrupted_input(subject.network, inputs)


def _injection(subject: Subject, names: tuple[str, ...], settings: Settings) -> Pairs:
    if {"loss_change", "accuracy_drop"} & set(names):
        yield from single_upsets(subject, subject.network).items()
    if "expected_loss_change" in names:
        yield "expected_loss_change", _among_others(subject, settings)


def _among_others(subject: Subject, settings: Settings) -> Floats:
    return continuous_greedy(
        subject.network,
        lambda network, rows: single_upsets(subject, network, rows)["loss_change"],
        len(subject.calibration[0]),
        settings.others,
        settings.effort.seed,
    )


def single_upsets(
    subject: Subject, network: Network, rows: NDArray[np.int64] | slice = slice(None)
) -> dict[str, Floats]:
    """Exact change of loss, and fall of accuracy, of every single upset of ``network``.

    The samples are the subject's, or the ``rows`` of them. In a regression the fall of accuracy is the
    rise of the rate of samples whose output moves by more than the benchmark's tolerance.
    """
    from netsurf.inject import exhaustive

    codes, labels = subject.calibration
    tolerance = subject.spec.output_tolerance
    result = exhaustive(network, codes[rows], labels[rows], loss=True, tolerance=tolerance)
    if result.loss is None or result.golden_loss is None:
        raise UsageError(f"{network.name}: its task '{network.task}' has no loss")
    if result.accuracy is None or result.golden_accuracy is None:
        drop = result.sdc / result.samples
    else:
        drop = result.golden_accuracy - result.accuracy
    return {"loss_change": result.loss - result.golden_loss, "accuracy_drop": drop}


_SOURCES: dict[str, Callable[[Subject, tuple[str, ...], Settings], Pairs]] = {
    "gradients": _gradients,
    "activations": _activations,
    "injection": _injection,
}


def _file(subject: Subject, name: str, settings: Settings) -> Path:
    words = json.dumps([_VERSION, name, asdict(settings), subject.digest], sort_keys=True)
    key = hashlib.sha256(words.encode()).hexdigest()[:16]
    return build() / "evidence" / subject.network.digest[:16] / f"{name}-{key}.npz"
