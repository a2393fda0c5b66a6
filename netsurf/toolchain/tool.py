"""A program that is there, and how it is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netsurf.errors import ToolFailedError
from netsurf.files import write_atomic


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that is there.

    Attributes
    ----------
    name
        What people call it.
    path
        The executable.
    version
        As the tool or its package states it.
    env
        Variables to set on top of ``os.environ`` when the tool, or anything that runs it
        (cocotb's runner, ``make``), is started; see `environ`.
    """

    name: str
    path: Path
    version: str
    env: Mapping[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        """The whole environment to start the tool with."""
        return {**os.environ, **self.env}

    def run(self, *arguments: str | Path, cwd: Path, log: Path, timeout: float | None = None) -> str:
        """Run the tool in ``cwd``; return what it printed, which is also in ``log``.

        Raises
        ------
        ToolFailedError
            If it exits with another code than 0 or takes longer than ``timeout`` seconds.
        """
        return run_logged(self.name, [self.path, *arguments], cwd, log, self.environ(), timeout)


def run_logged(
    name: str,
    command: Sequence[str | Path],
    cwd: Path,
    log: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
) -> str:
    """Run ``command`` without standard input; return what it printed, which is also in ``log``.

    Raises
    ------
    ToolFailedError
        If it cannot start, exits with another code than 0 or takes longer than ``timeout`` seconds.
    """
    try:
        run = subprocess.run(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolFailedError(f"{name} (stopped after {timeout:g} s)", log) from error
    except OSError as error:
        raise ToolFailedError(f"{name} ({error.strerror})", log) from error
    write_atomic(log, run.stdout)
    if run.returncode != 0:
        raise ToolFailedError(f"{name} (exit code {run.returncode})", log, run.stdout)
    return run.stdout
