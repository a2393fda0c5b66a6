"""Problem: a network with the samples and targets that it is judged on, in a folder of its own.

A run folder holds its problem: it can be moved, resumed and replayed by itself, and workers are told where
it is and what its digest is instead of being sent arrays.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.engine import decide
from netsurf.errors import DataError
from netsurf.files import write_atomic
from netsurf.ir import Network, execute, load, save

Codes = NDArray[np.int64]

_CHUNK = 1000
"""Samples that the reference executor runs at once: its intermediate tensors stay in cache."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What faults are measured against.

    Parameters
    ----------
    network
        The fault-free network.
    inputs
        Codes ``(samples, *network.input.shape)``, any integer type.
    labels
        Class numbers, ``int64 (samples,)``; for regression targets in the data set's unit,
        ``float64 (samples,)`` or ``(samples, outputs)``.
    split
        Name of the split that the samples come from.
    tolerance
        Regression: largest change of an output, in the network's unit, that is no SDC.
    scale, offset
        Regression: output ``o`` of the network stands for ``o * scale + offset``.

    Raises
    ------
    DataError
        If there is no sample, or not one label each.
    """

    network: Network
    inputs: NDArray[Any]
    labels: NDArray[Any]
    split: str = "test"
    tolerance: float = 0.0
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not len(self.inputs) or len(self.inputs) != len(self.labels):
            raise DataError(
                f"{self.network.name}: {len(self.inputs)} samples with {len(self.labels)} labels; "
                "every sample needs one, and there must be a sample"
            )

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.inputs)

    @cached_property
    def golden(self) -> Codes:
        """Fault-free outputs by the reference executor, ``int64 (samples, outputs)``."""
        parts = range(0, self.samples, _CHUNK)
        return np.concatenate([execute(self.network, self.inputs[i : i + _CHUNK]) for i in parts])

    @cached_property
    def decisions(self) -> Codes:
        """Fault-free decision of each sample; see :func:`netsurf.engine.decide`."""
        return decide(self.network, self.golden)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over network, samples, labels and what a decision is."""
        hasher = hashlib.sha256(json.dumps([self.network.digest, *self._scalars().values()]).encode())
        hasher.update(np.ascontiguousarray(self.inputs, dtype="<i4").tobytes())
        hasher.update(np.ascontiguousarray(self.labels, dtype="<f8").tobytes())
        return hasher.hexdigest()

    def _scalars(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "tolerance": self.tolerance,
            "scale": self.scale,
            "offset": self.offset,
        }


def save_problem(problem: Problem, folder: Path) -> None:
    """Write a problem into a folder; does nothing if it is there already."""
    if not (folder / "problem.json").exists():
        save(problem.network, folder)
        write_atomic(folder / "samples.npz", _packed(inputs=problem.inputs, labels=problem.labels))
        scalars = {"digest": problem.digest, **problem._scalars()}
        write_atomic(folder / "problem.json", json.dumps(scalars, indent=2) + "\n")


def _packed(**arrays: NDArray[Any]) -> bytes:
    """An npz archive, compressed as fast as possible: samples are mostly small numbers and zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def load_problem(folder: Path) -> Problem:
    """Read the problem in a folder.

    Raises
    ------
    DataError
        If it is not there, or is not what its digest says.
    """
    try:
        scalars = json.loads((folder / "problem.json").read_text())
        expected = scalars.pop("digest")
        with np.load(folder / "samples.npz", allow_pickle=False) as arrays:
            problem = Problem(load(folder), arrays["inputs"], arrays["labels"], **scalars)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{folder} holds no problem ({error}); start the campaign again with --fresh"
        ) from error
    if problem.digest != expected:
        raise DataError(f"{folder}: the samples are not what their digest says; start again with --fresh")
    return problem
