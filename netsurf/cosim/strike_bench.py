"""Strikes in Icarus: a Verilog bench is printed that names every struck variable itself.

It shares nothing with ``strikes.cpp`` but the site map. Registers and memory words are assigned to from
outside; a voter input is *forced*, at the port of the voter, which Verilator cannot do.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from netsurf import paths, toolchain
from netsurf.cosim.strike_engines import check_decisions
from netsurf.emit import Accelerator, config_writes, locate, pack_input, require_match, unpack_output
from netsurf.engine.base import Codes
from netsurf.errors import ToolFailedError
from netsurf.fault.registers import VOTER_INPUT
from netsurf.fault.strikes import StrikeList, StrikeResult, window
from netsurf.harden import DesignPoint

_BENCH = """\
`timescale 1ns / 1ps
module strikes;
  reg aclk = 0, aresetn = 0, s_valid = 0, s_last = 0, we = 0, clear = 0;
  reg [{input_high}:0] s_data;
  reg [31:0] addr, data;
  wire s_ready, m_valid, m_last;
  wire [{output_high}:0] m_data;
  reg [{output_high}:0] first_data;
  wire [{user_high}:0] m_user;
  reg [{user_high}:0] first_user;
  wire [{error_high}:0] err;
  reg [63:0] writes [0:{writes}];
  reg [{input_high}:0] frames [0:{total_beats}];
  reg [31:0] chosen [0:{faults}];
  integer i, fault, cycle, beat, count, when;
  reg accepted;
{scratch}

  {top} dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data), .s_axis_tlast(s_last),
      .m_axis_tvalid(m_valid), .m_axis_tready(1'b1), .m_axis_tdata(m_data), .m_axis_tlast(m_last),
      .m_axis_tuser(m_user), .cfg_we_i(we), .cfg_addr_i(addr), .cfg_data_i(data),
      .tmr_clear_i(clear), .tmr_error_o(err));

  task tick;
    begin #5 aclk = 1; #5 aclk = 0; end
  endtask

  task strike;
    begin
      case (fault)
{strikes}
        default: ;
      endcase
    end
  endtask

  task show;
    begin
      case (fault)
{forces}
        default: ;
      endcase
    end
  endtask

  task undo;
    begin
      case (fault)
{undos}
        default: ;
      endcase
    end
  endtask

  task watch;
    input struck;
    begin
      count = 0; when = -1; beat = 0; first_data = 0; first_user = 0;
      for (cycle = 0; cycle < {window}; cycle = cycle + 1) begin
        s_valid = beat < {beats};
        s_last = beat == {beats} - 1;
        if (s_valid) s_data = frames[chosen[fault] * {beats} + beat];
        #1 if (struck) strike;
        #1 if (struck) show;
        #1 accepted = s_valid && s_ready;
        if (m_valid) begin
          if (count == 0) begin first_data = m_data; first_user = m_user; when = cycle; end
          count = count + 1;
        end
        tick;
{releases}
        if (accepted) beat = beat + 1;
      end
      s_valid = 0;
    end
  endtask

  initial begin
    $readmemh("writes.hex", writes);
    $readmemh("frames.hex", frames);
    $readmemh("chosen.hex", chosen);
    repeat (4) tick;
    aresetn = 1; tick;
    for (i = 0; i < {writes}; i = i + 1) begin
      we = 1; {{addr, data}} = writes[i]; tick;
    end
    we = 0; tick;
    for (fault = 0; fault < {faults}; fault = fault + 1) begin
      aresetn = 0; repeat (3) tick;
      aresetn = 1; tick;
      watch(1'b0);
      clear = 1; tick; clear = 0;
      watch(1'b1);
      $display("fault %0d %0d %0d %h %0d %h", fault, count, when, err, first_user, first_data);
      undo;
    end
    $finish;
  end
endmodule
"""

_LINE = re.compile(r"^fault (\d+) (\d+) (-?\d+) ([0-9a-f]+) (\d+) ([0-9a-f]+)$", re.M)


class IcarusStrikes:
    """Runs strikes in Icarus: slow, and independent of Verilator and its harness.

    Parameters
    ----------
    accelerator
        What was emitted from ``design``.

    Raises
    ------
    SiteMapError
        If the accelerator is not that of the design point.
    """

    name = "rtl-icarus"

    def __init__(self, accelerator: Accelerator, design: DesignPoint) -> None:
        require_match(accelerator, design)
        self.accelerator, self.design = accelerator, design

    @property
    def version(self) -> str:
        """Version of Icarus."""
        return toolchain.icarus().version

    def run(self, strikes: StrikeList, inputs: Codes, samples: Codes) -> StrikeResult:
        """Run each fault on one sample, as :meth:`netsurf.inject.cycle.CycleModel.run`.

        Raises
        ------
        ToolFailedError
            If the bench does not compile, or an output has unknown bits.
        DisagreementError
            If the accelerator's own decision (``tuser``) is not the index of its largest output.
        """
        scratch = paths.build() / "jobs"
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            folder = Path(name)
            self._write(folder, strikes, inputs, np.asarray(samples))
            tool, log = toolchain.icarus(), paths.build() / "logs" / "icarus-strikes.log"
            sources = [str(path.absolute()) for path in self.accelerator.paths]
            log.parent.mkdir(parents=True, exist_ok=True)
            tool.run("-g2005", "-s", "strikes", "-o", "a.vvp", *sources, "bench.v", cwd=folder, log=log)
            text = subprocess.run(
                [tool.path.with_name("vvp"), "-n", "a.vvp"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            ).stdout
        return self._result(text, len(strikes), log)

    def _result(self, text: str, faults: int, log: Path) -> StrikeResult:
        found = _LINE.findall(text)
        if [int(line[0]) for line in found] != list(range(faults)):
            raise ToolFailedError("the Icarus bench of strikes (an output is missing or unknown)", log, text)
        size = self.accelerator.output.tdata_width // 8
        beats = [bytes.fromhex(line[5].zfill(2 * size))[::-1] for line in found]
        raw = np.frombuffer(b"".join(beats), dtype=np.uint8).reshape(faults, size)
        counts = np.array([int(line[1]) for line in found], dtype=np.int64)
        result = StrikeResult(
            unpack_output(self.accelerator, raw),
            counts,
            np.array([int(line[2]) for line in found], dtype=np.int64),
            np.array([int(line[3], 16) for line in found], dtype=np.uint64),
        )
        decisions = np.array([int(line[4]) for line in found], dtype=np.int64)
        check_decisions(self.accelerator, self.design, result, decisions)
        return result

    def _write(self, folder: Path, strikes: StrikeList, inputs: Codes, samples: Codes) -> None:
        accelerator = self.accelerator
        addresses, data = config_writes(accelerator, self.design.network)
        beats = pack_input(accelerator, inputs).reshape(-1, accelerator.input.tdata_width // 8)
        lines = {
            "writes.hex": (f"{a:08x}{d:08x}" for a, d in zip(addresses, data, strict=True)),
            "frames.hex": (row[::-1].tobytes().hex() for row in beats),
            "chosen.hex": (f"{sample:x}" for sample in samples.tolist()),
        }
        for name, rows in lines.items():
            (folder / name).write_text("\n".join(rows) + "\n")
        (folder / "bench.v").write_text(self._bench(strikes, len(data), len(beats)))

    def _bench(self, strikes: StrikeList, writes: int, beats: int) -> str:
        accelerator, faults = self.accelerator, range(len(strikes))
        events = [self._events(strikes, fault) for fault in faults]
        voters = sorted({path for event in events for path, _, how, _ in event if how == "force"})
        scratch = {path: f"seen_{number}" for number, path in enumerate(voters)}
        width = 1 + max((r.bits for r in accelerator.register_list if r.kind == VOTER_INPUT), default=1)
        return _BENCH.format(
            top=accelerator.top,
            input_high=accelerator.input.tdata_width - 1,
            output_high=accelerator.output.tdata_width - 1,
            user_high=accelerator.output.tuser_width - 1,
            error_high=accelerator.error_bits - 1,
            writes=writes,
            total_beats=beats,
            faults=len(strikes),
            beats=accelerator.input.beats,
            window=window(accelerator.latency),
            scratch="\n".join(f"  reg [{width}:0] {name};" for name in scratch.values()),
            strikes=_cases(
                [
                    [f"if (cycle == {c}) {p} = {p} ^ {_hex(m)};" for p, c, how, m in e if how != "force"]
                    for e in events
                ]
            ),
            forces=_cases(
                [[_force(p, c, m, scratch[p]) for p, c, how, m in e if how == "force"] for e in events]
            ),
            undos=_cases(
                [[f"{p} = {p} ^ {_hex(m)};" for p, _, how, m in e if how == "word"] for e in events]
            ),
            releases="\n".join(f"        release {path};" for path in scratch),
        )

    def _events(self, strikes: StrikeList, fault: int) -> list[tuple[str, int, str, int]]:
        """Variable, cycle, how (``register``, ``word``, ``force``) and mask of everything a fault does."""
        masks: dict[tuple[str, int, str], int] = {}
        for strike in strikes[fault]:
            if strike.cycle >= window(self.accelerator.latency):
                continue
            path, bit, how = self._place(strike.site, strike.stored)
            key = (f"dut.{path.split('.', 1)[1]}", strike.cycle, how)
            masks[key] = masks.get(key, 0) ^ 1 << bit
        return [(*key, mask) for key, mask in masks.items() if mask]

    def _place(self, site: int, stored: bool) -> tuple[str, int, str]:
        if stored:
            where = locate(self.accelerator, [site])
            bank = self.accelerator.stores[int(where.store[0])].banks[int(where.replica[0])]
            return f"{bank}[{where.word[0]}]", int(where.bit[0]), "word"
        found = self.accelerator.register_space.site(site)
        path, bit = found.register.variable(found.element, found.bit)
        return path, bit, "force" if found.register.kind == VOTER_INPUT else "register"


def _force(path: str, cycle: int, mask: int, seen: str) -> str:
    return f"if (cycle == {cycle}) begin {seen} = {path} ^ {_hex(mask)}; force {path} = {seen}; end"


def _hex(mask: int) -> str:
    return f"{mask.bit_length()}'h{mask:x}"


def _cases(statements: list[list[str]]) -> str:
    """Arms of a case statement, one a fault that has something to do."""
    return "\n".join(
        f"        {number}: begin {' '.join(lines)} end" for number, lines in enumerate(statements) if lines
    )
