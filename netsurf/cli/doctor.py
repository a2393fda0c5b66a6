"""``netsurf doctor``: what is there, whether it works, and what to type when it does not."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from netsurf.cli.common import command as _command
from netsurf.cli.output import Output
from netsurf.cli.progress import Progress
from netsurf.errors import MissingToolError, NetsurfError

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "duckdb",
    "matplotlib",
    "cocotb",
    "cocotbext-axi",
    "pyverilog",
    "hls4ml",
    "qkeras",
    "tensorflow-cpu",
)
"""Python distributions that the main job imports."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One tool or package: ``state`` is ``works``, ``missing``, ``broken`` or ``absent`` (and optional)."""

    name: str
    kind: str
    state: str
    version: str = ""
    where: str = ""
    fix: str = ""

    @property
    def healthy(self) -> bool:
        """True unless something that is needed is missing or broken."""
        return self.state in ("works", "absent")


@_command
@click.option("--fresh", is_flag=True, help="Probe again what passed its probe before.")
def command(output: Output, fresh: bool) -> int:
    """Say what is installed, try each simulator, and name the fix for what is missing.

    Each compiler and simulator compiles and runs something tiny; a success is remembered.
    """
    with output.progress("looking") as progress:
        findings = examine(fresh=fresh, progress=progress)
    sick = [finding for finding in findings if not finding.healthy]
    output.table(["", "state", "version", "where"], [[f.name, f.state, f.version, f.where] for f in findings])
    for finding in sick:
        output.say(f"\n{finding.name}: {finding.fix}")
    output.say("\nnothing is missing" if not sick else "")
    output.document({"healthy": not sick, "findings": findings})
    return MissingToolError.exit_code if sick else 0


def examine(*, fresh: bool = False, progress: Progress | None = None) -> list[Finding]:
    """Look for every tool and package that the main job needs, and probe what compiles."""
    from netsurf import toolchain

    checks = [_python]
    checks += [lambda name=name: _tool(name, fresh) for name in toolchain.NEEDED]
    checks += [_ccache]
    checks += [lambda name=name: _package(name) for name in PACKAGES]
    findings = []
    for done, check in enumerate(checks, 1):
        findings.append(check())
        if progress:
            progress(done, len(checks), findings[-1].name)
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == (3, 11):
        return Finding("python", "tool", "works", version, sys.executable)
    return Finding(
        "python", "tool", "broken", version, sys.executable, "TensorFlow 2.14 needs 3.11; type: make setup"
    )


def _tool(name: str, fresh: bool) -> Finding:
    from netsurf import toolchain

    try:
        tool = toolchain.NEEDED[name]()
        toolchain.probe(tool, fresh=fresh)
    except MissingToolError as error:
        return Finding(name, "tool", "missing", fix=str(error))
    except NetsurfError as error:
        return Finding(name, "tool", "broken", fix=str(error))
    return Finding(name, "tool", "works", tool.version, str(tool.path))


def _ccache() -> Finding:
    from netsurf import toolchain

    tool = toolchain.ccache()
    if tool is None:
        return Finding("ccache", "tool", "absent", fix=f"optional; type: {toolchain.apt_line('ccache')}")
    return Finding("ccache", "tool", "works", tool.version, str(tool.path))


def _package(name: str) -> Finding:
    from netsurf.provenance import package_version

    version = package_version(name)
    if version is None:
        return Finding(name, "package", "missing", fix=f"{name} is not installed; type: make setup")
    return Finding(name, "package", "works", version)
