"""The process that measures gradients: TensorFlow is loaded there and nowhere else.

``evidence_apart`` and ``initial_apart`` start ``python -m netsurf.frontend.worker FOLDER``, which reads
``request.json`` there, writes each result to the file that the request names as soon as it is measured, and
``done`` in the end, or ``error.json`` if the request cannot be carried out. A process that is interrupted
leaves what it had finished.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netsurf import errors
from netsurf.errors import NetsurfError, ToolFailedError
from netsurf.files import write_atomic
from netsurf.frontend import kept
from netsurf.frontend.gradients import Effort, measure_benchmark
from netsurf.paths import build


def evidence_apart(bench: str, trained: bool, files: Mapping[str, Path], effort: Effort) -> None:
    """:func:`netsurf.frontend.gradients.measure_benchmark` in a process of its own.

    Parameters
    ----------
    trained
        False measures the weights that training starts from.
    files
        Name of evidence to the file that it is kept in.

    Raises
    ------
    NetsurfError
        Whatever that function raises, as it raises it.
    ToolFailedError
        If the process dies without a word; its output is kept.
    """
    places = {name: str(file) for name, file in files.items()}
    _apart(
        f"measuring {', '.join(files)}",
        {"bench": bench, "trained": trained, "files": places, "effort": asdict(effort)},
    )


def initial_apart(bench: str, folder: Path) -> None:
    """Write a benchmark's network before training into ``folder``; errors as for `evidence_apart`."""
    _apart(f"building {bench}", {"bench": bench, "initial": str(folder)})


def _apart(what: str, request: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="netsurf-") as name:
        folder = Path(name)
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
        if not (folder / "done").exists():
            log = write_atomic(build() / "evidence" / "worker.log", run.stdout)
            raise ToolFailedError(f"{what} (exit {run.returncode})", log, run.stdout)


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
        _build(request) if "initial" in request else _measure(request)
    except NetsurfError as error:
        answer = {"kind": type(error).__name__, "message": str(error)}
        write_atomic(folder / "error.json", json.dumps(answer))
        return
    (folder / "done").touch()


def _measure(request: dict[str, Any]) -> None:
    files = {name: Path(file) for name, file in request["files"].items()}

    def keep(name: str, array: kept.Floats) -> None:
        if name in files:
            kept.write(files[name], array)

    effort = Effort(**request["effort"])
    measure_benchmark(request["bench"], request["trained"], tuple(files), effort, keep)


def _build(request: dict[str, Any]) -> None:
    from netsurf import ir
    from netsurf.frontend import spec as specs
    from netsurf.frontend.initial import initial

    _, network = initial(specs.load(request["bench"]))
    ir.save(network, Path(request["initial"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
