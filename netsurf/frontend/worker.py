"""The process that measures gradients: TensorFlow is loaded there and nowhere else.

``measure_apart`` starts ``python -m netsurf.frontend.worker FOLDER``, which reads ``request.json`` there and
writes ``arrays.npz``, or ``error.json`` if a request cannot be carried out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsurf import errors
from netsurf.errors import NetsurfError, ToolFailedError
from netsurf.files import write_atomic
from netsurf.frontend.gradients import Effort, measure_benchmark
from netsurf.paths import build

Arrays = dict[str, NDArray[np.float64]]


def measure_apart(bench: str, names: tuple[str, ...], effort: Effort) -> Arrays:
    """:func:`netsurf.frontend.gradients.measure_benchmark` in a process of its own.

    Raises
    ------
    NetsurfError
        Whatever that function raises, as it raises it.
    ToolFailedError
        If the process dies without a word; its output is kept.
    """
    with tempfile.TemporaryDirectory(prefix="netsurf-") as name:
        folder = Path(name)
        request = {"bench": bench, "names": names, "effort": asdict(effort)}
        (folder / "request.json").write_text(json.dumps(request))
        run = subprocess.run(
            [sys.executable, "-m", "netsurf.frontend.worker", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if (folder / "error.json").exists():
            _raise(**json.loads((folder / "error.json").read_text()))
        if not (folder / "arrays.npz").exists():
            log = write_atomic(build() / "evidence" / "worker.log", run.stdout)
            raise ToolFailedError(f"measuring {', '.join(names)} (exit {run.returncode})", log, run.stdout)
        with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
            return dict(archive)


def _raise(kind: str, message: str) -> None:
    """Raise the error of that class and message; its own constructor would word it anew."""
    found = getattr(errors, kind)
    error = found.__new__(found)
    Exception.__init__(error, message)
    raise error


def main(folder: Path) -> None:
    """Carry out the request in a folder."""
    request = json.loads((folder / "request.json").read_text())
    try:
        arrays = measure_benchmark(request["bench"], tuple(request["names"]), Effort(**request["effort"]))
    except NetsurfError as error:
        answer = {"kind": type(error).__name__, "message": str(error)}
        write_atomic(folder / "error.json", json.dumps(answer))
        return
    with (folder / "draft.npz").open("wb") as file:
        np.savez(file, **arrays)
    (folder / "draft.npz").replace(folder / "arrays.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
