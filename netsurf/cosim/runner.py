"""Runs cocotb's runner, in a process of its own because it exits and prints as it likes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

TOP = "netsurf_bench"
"""Module of ``bench.v``."""

TESTS_FAILED = 5
"""Exit code when everything ran and some test says no."""

TEST_MODULE = "netsurf.cosim.testbench"


def main(request: Mapping[str, Any]) -> int:
    """Build and test as ``request`` says; 0 if every cocotb test that was asked for ran and passed."""
    folder = Path(request["folder"])
    verilator = request["simulator"] == "verilator"
    runner = get_runner(request["simulator"])
    runner.build(
        sources=request["sources"],
        hdl_toplevel=TOP,
        defines={"NETSURF_TOP": request["define"]},
        parameters=request["parameters"],
        build_args=["-Wno-fatal", "--x-assign", "fast", "-O3"] if verilator else [],
        build_dir=folder / "sim",
        timescale=("1ns", "1ps"),
        always=True,
        log_file=folder / "build.log",
    )
    results = runner.test(
        test_module=TEST_MODULE,
        hdl_toplevel=TOP,
        build_dir=folder / "sim",
        test_dir=folder,
        test_filter="|".join(f"{name}$" for name in request["tests"]),
        test_args=[] if verilator else ["-n"],  # Ctrl-C ends Icarus instead of asking what to do
        plusargs=request["plusargs"],
        results_xml=str(folder / "results.xml"),
        log_file=folder / "test.log",
    )
    ran, failed = get_results(results)
    if ran != len(request["tests"]):
        return 1
    return TESTS_FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
