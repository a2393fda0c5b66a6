"""Where things are: the checkout first, then the data installed beside the package."""

from __future__ import annotations

import os
from pathlib import Path

from netsurf.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Folder that holds ``rtl/``, ``hls/`` and ``benchmarks/``.

    In a checkout that is the repository; in an installed wheel it is ``netsurf/_data``.
    """
    for candidate in (_PACKAGE.parent, _PACKAGE / "_data"):
        if (candidate / "rtl").is_dir():
            return candidate
    raise UsageError(f"no rtl/ beside {_PACKAGE}; reinstall NetSurf or run from a clone")


def rtl() -> Path:
    """Folder of the hand-written Verilog cells."""
    return root() / "rtl"


def hls() -> Path:
    """Folder of the C++ that is added to hls4ml's output."""
    return root() / "hls"


def benchmarks() -> Path:
    """Folder with one sub-folder a benchmark; ``NETSURF_BENCHMARKS`` overrides it."""
    override = os.environ.get("NETSURF_BENCHMARKS")
    return Path(override) if override else root() / "benchmarks"


def build() -> Path:
    """Folder for everything generated; ``NETSURF_BUILD`` overrides ``./build``."""
    return Path(os.environ.get("NETSURF_BUILD", "build")).absolute()


def cache() -> Path:
    """Folder for downloads shared between checkouts; ``NETSURF_CACHE`` overrides ``~/.cache/netsurf``."""
    override = os.environ.get("NETSURF_CACHE")
    return Path(override) if override else Path.home() / ".cache" / "netsurf"


def data() -> Path:
    """Folder with one sub-folder a data set of the user's; ``NETSURF_DATA`` overrides the cache's."""
    override = os.environ.get("NETSURF_DATA")
    return Path(override) if override else cache() / "datasets"
