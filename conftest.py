"""What a test may ask of the machine it runs on.

A missing tool skips the test for a visitor, with the line to type, and fails it when
``NETSURF_REQUIRE_TOOLS=1``, which ``make test`` and CI set: a test that did not run is not a pass.

* ``@pytest.mark.rtl`` needs Verilator; ``@pytest.mark.rtl("icarus", "pyosys")`` names what it needs, tools of
  `netsurf.toolchain.NEEDED` or Python packages.
* ``@pytest.mark.tf`` needs TensorFlow, QKeras and hls4ml.
* ``package("distributed")``, a fixture, asks for an optional Python package.
* ``tool("icarus")``, a fixture, gives the `netsurf.toolchain.Tool` to a test.
* ``quick_csim``, a fixture, has hls4ml's C++ compiled without optimisation: sooner there, slower to run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import util
from typing import NoReturn

import pytest

from netsurf import toolchain
from netsurf.errors import MissingToolError

collect_ignore = ["tests/unit/handover"]
"""Golden hand-over files: scripts for other tools, no tests."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a marked test whose tools are not there."""
    for marker in item.iter_markers("rtl"):
        for name in marker.args or ("verilator",):
            need(name) if name in toolchain.NEEDED else need_package(name)
    if item.get_closest_marker("tf") is not None:
        for package in ("tensorflow", "qkeras", "hls4ml"):
            need_package(package)


@pytest.fixture
def tool() -> Callable[[str], toolchain.Tool]:
    """Find a tool by its name in `netsurf.toolchain.NEEDED`, or skip or fail the test."""
    return need


@pytest.fixture(scope="session")
def package() -> Callable[[str], None]:
    """Ask for an optional Python package by its import name, or skip or fail the test."""
    return need_package


@pytest.fixture
def quick_csim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the C simulations of a test with ``-O0``."""
    from netsurf.hls import csim

    monkeypatch.setattr(csim, "FLAGS", tuple("-O0" if flag == "-O3" else flag for flag in csim.FLAGS))


def need(name: str) -> toolchain.Tool:
    """The tool of that name; without it the test is skipped, or failed if CI says so."""
    try:
        return toolchain.NEEDED[name]()
    except MissingToolError as error:
        do_without(str(error))


def need_package(name: str) -> None:
    """Skip or fail the test if the Python package is not installed."""
    if util.find_spec(name) is None:
        do_without(f"{name} is not installed; type: make setup")


def do_without(reason: str) -> NoReturn:
    """Skip the running test, or fail it under ``NETSURF_REQUIRE_TOOLS=1``."""
    if os.environ.get("NETSURF_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{reason} (NETSURF_REQUIRE_TOOLS=1)", pytrace=False)
    pytest.skip(reason)
