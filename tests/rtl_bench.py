"""Runs an emitted accelerator in Icarus under a plain Verilog test bench, for tests of the emitter.

Faster to start than the batch harness (nothing is compiled to C++) and independent of it: what the
emitter's tests find is not hidden by a defect that the cosim room shares with the emitter.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netsurf.emit import Accelerator, config_writes, pack_input, unpack_output
from netsurf.ir import execute

BENCH = """\
`timescale 1ns / 1ps
module bench;
  parameter IN_W = {in_w}, OUT_W = {out_w}, USER_W = {user_w}, ERR_W = {err_w};
  parameter WRITES = {writes}, BEATS = {beats}, TOTAL = {total}, SAMPLES = {samples}, STALL = {stall};
  reg aclk = 0, aresetn = 0;
  reg s_valid = 0, s_last = 0, m_ready = 1, we = 0, clear = 0;
  reg [IN_W-1:0] s_data;
  reg [31:0] addr, data;
  wire s_ready, m_valid, m_last;
  wire [OUT_W-1:0] m_data;
  wire [USER_W-1:0] m_user;
  wire [ERR_W-1:0] err;
  reg [63:0] writes [0:WRITES];
  reg [IN_W-1:0] frames [0:TOTAL-1];
  integer cycle, beat, got, i, seed;

  {top} dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data), .s_axis_tlast(s_last),
      .m_axis_tvalid(m_valid), .m_axis_tready(m_ready), .m_axis_tdata(m_data), .m_axis_tlast(m_last),
      .m_axis_tuser(m_user), .cfg_we_i(we), .cfg_addr_i(addr), .cfg_data_i(data),
      .tmr_clear_i(clear), .tmr_error_o(err));

  always #5 aclk = !aclk;

  initial begin
    $readmemh("{writes_file}", writes);
    $readmemh("{frames_file}", frames);
    seed = 1; beat = 0; got = 0; cycle = 0;
    repeat (3) @(negedge aclk);
    aresetn = 1;
    for (i = 0; i < WRITES; i = i + 1) begin
      we = 1; {{addr, data}} = writes[i];
      @(negedge aclk);
    end
    we = 0;
{upsets}
    while (got < SAMPLES) begin
      s_valid = beat < TOTAL && (!STALL || $random(seed) % 3 != 0);
      m_ready = !STALL || $random(seed) % 8 == 0;
      if (beat < TOTAL) s_data = frames[beat];
      s_last = beat % BEATS == BEATS - 1;
      #1;
      if (s_valid && s_ready) begin
        if (beat % BEATS == 0) $display("in %0d", cycle);
        beat = beat + 1;
      end
      if (m_valid && m_ready) begin
        $display("out %0d %h %0d %b", cycle, m_data, m_user, m_last);
        got = got + 1;
      end
      @(negedge aclk);
      cycle = cycle + 1;
    end
    @(negedge aclk);
    $display("err %b", err);
    clear = 1; s_valid = 0;
    @(negedge aclk);
    $display("cleared %b", err);
    $finish;
  end

  initial begin
    #{timeout} $display("timeout");
    $finish;
  end
endmodule
"""


class NoAnswer(Exception):
    """The accelerator hangs, or an output has unknown bits."""


@dataclass(frozen=True)
class Run:
    """What a run showed: codes and decisions a sample, cycles of first beats and outputs, error flags."""

    outputs: np.ndarray
    decisions: np.ndarray
    accepted: np.ndarray
    answered: np.ndarray
    errors: str
    cleared: str


def run(accelerator: Accelerator, network, codes, stall=False, upsets=(), parameters=None) -> Run:
    """Load, upset, stream ``codes`` and read the outputs.

    ``upsets`` are ``(path, word, bit)`` of memories whose bit is inverted before the first beat.
    """
    folder = accelerator.folder
    writes, beats = write_stimulus(accelerator, network, codes, parameters)
    text = BENCH.format(
        top=accelerator.top,
        in_w=accelerator.input.tdata_width,
        out_w=accelerator.output.tdata_width,
        user_w=accelerator.output.tuser_width,
        err_w=max(len(accelerator.stores), 1),
        writes=writes,
        beats=accelerator.input.beats,
        total=beats,
        samples=len(codes),
        stall=int(stall),
        writes_file=folder / "writes.hex",
        frames_file=folder / "frames.hex",
        upsets="".join(_upset(*upset) for upset in upsets),
        timeout=10 * (writes + 40 * (len(codes) + 2) * (accelerator.latency + accelerator.interval)),
    )
    (folder / "bench.v").write_text(text)
    return _parsed(simulate([*accelerator.paths, folder / "bench.v"], folder), accelerator)


def write_stimulus(accelerator: Accelerator, network, codes, parameters=None) -> tuple[int, int]:
    """Write ``writes.hex`` and ``frames.hex`` for a test bench; returns how many lines each has."""
    writes = list(zip(*config_writes(accelerator, network, parameters), strict=True))
    beats = pack_input(accelerator, codes).reshape(-1, accelerator.input.tdata_width // 8)
    lines = {
        "writes.hex": [f"{address:08x}{data:08x}\n" for address, data in writes],
        "frames.hex": [row[::-1].tobytes().hex() + "\n" for row in beats],
    }
    for name, text in lines.items():
        (accelerator.folder / name).write_text("".join(text))
    return len(writes), len(beats)


def read_outputs(accelerator: Accelerator, beats: list[str]) -> np.ndarray:
    """Codes ``(beats, outputs)`` of output beats that a test bench printed in hexadecimal."""
    rows = [np.frombuffer(bytes.fromhex(beat)[::-1], np.uint8) for beat in beats]
    return unpack_output(accelerator, np.array(rows).reshape(-1, accelerator.output.tdata_width // 8))


def is_right(accelerator: Accelerator, network, codes, defect=None, upsets=()) -> bool:
    """Whether a run that stalls gives what the reference executor gives, and a flag for upsets alone.

    ``defect`` is what :func:`plant` takes, and is planted before. No answer is not right either.
    """
    if defect:
        plant(accelerator, *defect)
    try:
        seen = run(accelerator, network, codes, stall=True, upsets=upsets)
    except NoAnswer:
        return False
    return np.array_equal(seen.outputs, execute(network, codes)) and ("1" in seen.errors) == bool(upsets)


def plant(accelerator: Accelerator, file: str, old: str, new: str) -> None:
    """Replace ``old``, which stands there once, in a cell of a design: a negative control."""
    path = accelerator.folder / "rtl" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def _upset(path: str, word: int, bit: int) -> str:
    """A line that inverts one bit of a memory; ``path`` starts with the top module."""
    memory = f"dut.{path.split('.', 1)[1]}[{word}]"
    return f"    {memory} = {memory} ^ ({bit + 1}'d1 << {bit});\n"


def simulate(sources, folder: Path, top: str = "bench") -> str:
    """Standard output of an Icarus simulation of Verilog-2005 sources."""
    program = folder / f"{top}.vvp"
    compiled = subprocess.run(
        ["iverilog", "-g2005", "-s", top, "-o", program, *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run(["vvp", program], capture_output=True, text=True, check=True).stdout


def _parsed(text: str, accelerator: Accelerator) -> Run:
    outputs = re.findall(r"^out (\d+) ([0-9a-fx]+) (\d+|x) (\d)$", text, re.M)
    if "timeout" in text or any("x" in data for _, data, *_ in outputs):
        raise NoAnswer(text)
    assert all(last == "1" for *_, last in outputs)
    return Run(
        outputs=read_outputs(accelerator, [data for _, data, *_ in outputs]),
        decisions=np.array([int(user) for _, _, user, _ in outputs]),
        accepted=np.array([int(cycle) for cycle in re.findall(r"^in (\d+)$", text, re.M)]),
        answered=np.array([int(cycle) for cycle, *_ in outputs]),
        errors=re.search(r"^err (\w+)$", text, re.M)[1],
        cleared=re.search(r"^cleared (\w+)$", text, re.M)[1],
    )
