"""Whether a tool works: it compiles and runs something tiny, and the answer must be right."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from netsurf import paths
from netsurf.errors import ToolFailedError
from netsurf.files import write_atomic
from netsurf.toolchain.finding import compiler, vvp
from netsurf.toolchain.tool import Tool, run_logged


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
    return run_logged("the compiled probe", [folder / "probe"], folder, log, tool.environ(), 20)


def _probe_icarus(tool: Tool, folder: Path, log: Path) -> str:
    (folder / "probe.v").write_text(_PROBE_V)
    tool.run("-g2005", "-s", "bench", "-o", "probe.vvp", "probe.v", cwd=folder, log=log, timeout=60)
    return run_logged("vvp", [vvp(), "-n", "probe.vvp"], folder, log, tool.environ(), 20)


def _probe_verilator(tool: Tool, folder: Path, log: Path) -> str:
    (folder / "probe.v").write_text(_PROBE_V)
    (folder / "main.cpp").write_text(_PROBE_VERILATOR)
    options = ("--cc", "--exe", "--build", "--timing", "-j", "2", "--top-module", "probe", "--Mdir", "obj")
    tool.run(*options, "-CFLAGS", "-O0", "probe.v", "main.cpp", cwd=folder, log=log, timeout=300)
    return run_logged("the verilated probe", [folder / "obj" / "Vprobe"], folder, log, tool.environ(), 20)


_PROBES: dict[str, Callable[[Tool, Path, Path], str]] = {
    "g++": _probe_compiler,
    "icarus": _probe_icarus,
    "verilator": _probe_verilator,
}
