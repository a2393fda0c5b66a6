"""Runs Yosys in a process of its own, and believes it only when it says that it came to the end.

Yosys builds have been seen to stop in the middle with exit code 0. So the last command of every script
writes an end mark that belongs to this very run, and every report that the caller asked for must be there.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.toolchain.finding import _first_line, _number, _which
from netsurf.toolchain.tool import Tool

END = "yosys.end"
SCRIPT = "yosys.ys"
LOG = "yosys.log"


def yosys() -> Tool:
    """Yosys: the program that ``$NETSURF_YOSYS`` names, else the wheel `pyosys`.

    Raises
    ------
    MissingToolError
        If there is neither.
    """
    chosen = os.environ.get("NETSURF_YOSYS")
    if chosen:
        path = _which(chosen, package="yosys")
        return Tool("yosys", path, _number(_first_line(path, "-V")))
    if util.find_spec("pyosys") is None:
        raise MissingToolError("pyosys", "make setup (or: pip install pyosys==0.70)")
    return Tool("pyosys", Path(sys.executable), metadata.version("pyosys"))


def _command(tool: Tool) -> list[str]:
    if tool.name == "pyosys":
        return [str(tool.path), str(Path(__file__).with_name("yosys_worker.py")), SCRIPT]
    return [str(tool.path), "-s", SCRIPT]


@dataclass(frozen=True, slots=True)
class YosysRun:
    """A run that came to its end.

    Attributes
    ----------
    folder
        Where it ran; what the script wrote with relative names lies there.
    reports
        Name to text of every report that was asked for.
    log
        Everything that Yosys printed.
    version
        Name and version of the program.
    seconds
        CPU time of Yosys and of what it started, ABC included.
    peak_mb
        Largest resident set of one process, MiB.
    """

    folder: Path
    reports: Mapping[str, str]
    log: Path
    version: str
    seconds: float
    peak_mb: float


def run_yosys(
    script: Sequence[str], folder: Path, *, reports: Sequence[str] = (), timeout: float | None = None
) -> YosysRun:
    """Run the commands of ``script`` in ``folder``, in a process of its own.

    Parameters
    ----------
    script
        Yosys commands, one an entry. Name files relative to ``folder``, or absolutely and without spaces.
    folder
        Made if need be; receives ``yosys.ys``, ``yosys.log`` and what the script writes.
    reports
        Names of files in ``folder`` that the script writes and that must be there, and not empty, at the
        end. A file of that name from an earlier run is removed first.
    timeout
        Seconds after which Yosys is killed; None for no limit.

    Raises
    ------
    MissingToolError
        If there is no Yosys.
    ToolFailedError
        If it exits with another code than 0, is killed, takes too long, or stops with exit code 0 before
        its last command or without a report: nothing of a run that did not end is to be used.
    """
    tool, folder = yosys(), Path(folder)
    mark = secrets.token_hex(16)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (END, *reports):
        (folder / name).unlink(missing_ok=True)
    (folder / SCRIPT).write_text("\n".join([*script, f"tee -q -o {END} log {mark}", ""]))
    ended = _Process(_command(tool), folder, tool.environ()).wait(timeout)
    log = folder / LOG
    trouble = ended.trouble or _missing(folder, mark, reports)
    if trouble:
        raise ToolFailedError(f"Yosys ({trouble})", log, log.read_text(errors="replace"))
    texts = {name: (folder / name).read_text() for name in reports}
    return YosysRun(folder, texts, log, f"{tool.name} {tool.version}", ended.seconds, ended.peak_mb)


def _missing(folder: Path, mark: str, reports: Sequence[str]) -> str:
    """What a run that ended well left out, or an empty string."""
    end = folder / END
    if not end.is_file() or end.read_text().strip() != mark:
        return "it stopped before its last command although its exit code is 0"
    absent = [name for name in reports if not (folder / name).is_file() or not (folder / name).stat().st_size]
    return f"it wrote no {', '.join(absent)} although its exit code is 0" if absent else ""


@dataclass(frozen=True, slots=True)
class _Ended:
    trouble: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class _Process:
    """A program that is started once; its resources are read from the kernel when it ends."""

    command: Sequence[str]
    folder: Path
    env: Mapping[str, str]

    def wait(self, timeout: float | None) -> _Ended:
        """Start it, wait for it, and say how it ended; it does not outlive an interruption of NetSurf."""
        with (self.folder / LOG).open("wb") as log:
            try:
                process = subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    env=dict(self.env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                return _Ended(str(error.strerror), 0.0, 0.0)
            started = time.monotonic()
            clock = threading.Timer(timeout or threading.TIMEOUT_MAX, process.kill)
            clock.daemon = True
            clock.start()
            try:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                clock.cancel()
                if process.returncode is None:
                    process.kill()
                    process.wait()
        late = timeout is not None and time.monotonic() - started >= timeout
        return _Ended(
            _how(process.returncode, timeout if late else None),
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024,
        )


def _how(code: int, limit: float | None) -> str:
    """What was wrong with an exit, or an empty string.

    >>> _how(0, None), _how(3, None), _how(-9, None), _how(-9, 5.0)
    ('', 'exit code 3', 'killed by signal 9', 'stopped after 5 s')
    """
    if code == 0:
        return ""
    if limit is not None:
        return f"stopped after {limit:g} s"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
