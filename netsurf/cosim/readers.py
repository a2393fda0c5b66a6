"""Every tool that reads what was emitted, reading it: linter, second simulator, second elaborator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from netsurf import toolchain
from netsurf.cosim.elaborate import confirm_sites
from netsurf.emit import Accelerator
from netsurf.errors import DisagreementError


@dataclass(frozen=True, slots=True)
class Reading:
    """What one tool made of a design."""

    tool: str
    version: str
    verdict: str


def read_everywhere(accelerator: Accelerator, logs: Path) -> list[Reading]:
    """Have Verilator lint the design, Icarus compile it, and pyverilog confirm the site map.

    Parameters
    ----------
    logs
        Folder that receives ``lint.log`` and ``icarus.log``.

    Raises
    ------
    ToolFailedError
        If a tool refuses the design.
    DisagreementError
        If a tool has a remark.
    SiteMapError
        If a memory of the site map is not in the Verilog.
    """
    logs.mkdir(parents=True, exist_ok=True)
    readers: tuple[Callable[[Accelerator, Path], Reading], ...] = (_verilator, _icarus, _pyverilog)
    return [reader(accelerator, logs) for reader in readers]


def _verilator(accelerator: Accelerator, logs: Path) -> Reading:
    tool, log = toolchain.verilator(), logs / "lint.log"
    sources = (accelerator.folder / "sites.vlt", *accelerator.paths)
    files = [str(path.absolute()) for path in sources]
    # A warning is an error to the linter: it exits with a code that `run` refuses.
    tool.run("--lint-only", "-Wall", "--top-module", accelerator.top, *files, cwd=logs, log=log)
    return Reading(tool.name, tool.version, "no remark with -Wall")


def _icarus(accelerator: Accelerator, logs: Path) -> Reading:
    tool, log = toolchain.icarus(), logs / "icarus.log"
    files = [str(path.absolute()) for path in accelerator.paths]
    said = tool.run("-g2005", "-Wall", "-t", "null", "-s", accelerator.top, *files, cwd=logs, log=log)
    # Of a combinational read of a memory Icarus always says what it is sensitive to: all words, as meant.
    remarks = [line for line in said.splitlines() if "is sensitive to all" not in line]
    if remarks:
        raise DisagreementError(f"Icarus has a remark on {accelerator.folder}: {remarks[0]}; see {log}")
    return Reading(tool.name, tool.version, "Verilog-2005, no remark with -Wall")


def _pyverilog(accelerator: Accelerator, logs: Path) -> Reading:
    bits = confirm_sites(accelerator)
    memories = sum(len(store.memories) for store in accelerator.stores)
    verdict = f"{memories} memories of the site map, {bits:,} bits, are there"
    return Reading("pyverilog", metadata.version("pyverilog"), verdict)
