"""An engine for tests: persistent faults in Icarus under a plain Verilog test bench, quick to start.

`netsurf.cosim.IcarusEngine` starts a simulator with Python in it, which takes seconds. This one prints its
deposits into the test bench and shares nothing with the cosim room: a second opinion on that, too.
"""

from __future__ import annotations

import re

import numpy as np

from netsurf.emit import Accelerator, locate
from netsurf.engine import EngineResult
from netsurf.errors import DisagreementError, ToolFailedError
from netsurf.fault import Fault, FaultList
from netsurf.harden import DesignPoint
from tests.rtl_bench import NoAnswer, read_outputs, simulate, write_stimulus

BENCH = """\
`timescale 1ns / 1ps
module bench;
  reg aclk = 0, aresetn = 0, s_valid = 0, s_last = 0, we = 0, clear = 0;
  reg [{in_w}-1:0] s_data;
  reg [31:0] addr, data;
  wire s_ready, m_valid, m_last;
  wire [{out_w}-1:0] m_data;
  wire [{user_w}-1:0] m_user;
  wire [{err_w}-1:0] err;
  reg [63:0] writes [0:{writes}];
  reg [{in_w}-1:0] frames [0:{beats}*{samples}-1];
  reg [{word_w}-1:0] kept [0:{sites}];
  integer beat, got, i;

  {top} dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tvalid(s_valid), .s_axis_tready(s_ready), .s_axis_tdata(s_data), .s_axis_tlast(s_last),
      .m_axis_tvalid(m_valid), .m_axis_tready(1'b1), .m_axis_tdata(m_data), .m_axis_tlast(m_last),
      .m_axis_tuser(m_user), .cfg_we_i(we), .cfg_addr_i(addr), .cfg_data_i(data),
      .tmr_clear_i(clear), .tmr_error_o(err));

  always #5 aclk = !aclk;

  task stream;
    begin
      clear = 1;
      @(negedge aclk);
      clear = 0; beat = 0; got = 0;
      while (got < {samples} || beat < {beats} * {samples}) begin
        s_valid = beat < {beats} * {samples};
        if (s_valid) s_data = frames[beat];
        s_last = beat % {beats} == {beats} - 1;
        #1;
        if (s_valid && s_ready) beat = beat + 1;
        if (m_valid) begin
          $display("out %h %0d", m_data, m_user);
          got = got + 1;
        end
        @(negedge aclk);
      end
      s_valid = 0;
      $display("err %b", err);
    end
  endtask

  initial begin
    $readmemh("{folder}/writes.hex", writes);
    $readmemh("{folder}/frames.hex", frames);
    repeat (3) @(negedge aclk);
    aresetn = 1;
    for (i = 0; i < {writes}; i = i + 1) begin
      we = 1; {{addr, data}} = writes[i];
      @(negedge aclk);
    end
    we = 0;
{faults}
    $finish;
  end

  initial begin
    #{timeout} $display("timeout");
    $finish;
  end
endmodule
"""

_DEPOSITS = {
    "flip": "{m} ^ ({w}'d1 << {b})",
    "stuck0": "{m} & ~({w}'d1 << {b})",
    "stuck1": "{m} | ({w}'d1 << {b})",
}


class PlainIcarus:
    """Engine (`netsurf.engine.Engine`) for faults without a cycle, on every sample.

    Samples come back to back, with the last pixels of each where its output comes before them. What the
    accelerator decides is checked.
    """

    name, version = "rtl-icarus", "the one on the path"

    def __init__(self, accelerator: Accelerator, design: DesignPoint) -> None:
        self.accelerator, self.design = accelerator, design

    def run(self, faults: FaultList, inputs, samples=None) -> EngineResult:
        """See `netsurf.engine.Engine`; ``samples`` must be None."""
        assert samples is None
        text = self._simulated(faults, inputs)
        outputs = re.findall(r"^out ([0-9a-fx]+) (\d+|x)$", text, re.M)
        errors = re.findall(r"^err ([01x]+)$", text, re.M)
        if "timeout" in text or any("x" in data for data, _ in outputs):
            raise ToolFailedError(f"Icarus ({NoAnswer.__doc__})", self.accelerator.folder)
        codes = read_outputs(self.accelerator, [data for data, _ in outputs])
        decisions = [int(user) for _, user in outputs]
        if self.design.network.task == "classification" and (codes.argmax(-1) != decisions).any():
            raise DisagreementError("m_axis_tuser is not the index of the largest output")
        detected = np.array(["1" in flags for flags in errors])[:, None]
        shape = (len(faults), len(inputs))
        return EngineResult(codes.reshape(*shape, -1), np.broadcast_to(detected, shape).copy())

    def _simulated(self, faults: FaultList, inputs) -> str:
        accelerator, folder = self.accelerator, self.accelerator.folder
        writes, _ = write_stimulus(accelerator, self.design.network, inputs)
        cycles = accelerator.latency + (len(inputs) + 2) * (accelerator.interval + accelerator.input.beats)
        stores = [width for store in accelerator.stores for _, width in store.memories.values()]
        text = BENCH.format(
            top=accelerator.top,
            in_w=accelerator.input.tdata_width,
            out_w=accelerator.output.tdata_width,
            user_w=accelerator.output.tuser_width,
            err_w=accelerator.error_bits,
            word_w=max(stores, default=1),
            writes=writes,
            beats=accelerator.input.beats,
            samples=len(inputs),
            sites=int(faults.counts.max(initial=0)),
            folder=folder,
            faults="".join(self._fault(fault) for fault in faults),
            timeout=10 * (writes + 20 + len(faults) * 2 * (cycles + 64)),
        )
        (folder / "faults.v").write_text(text)
        return simulate([*accelerator.paths, folder / "faults.v"], folder)

    def _fault(self, fault: Fault) -> str:
        """Deposit, run, and put back what was there, last first."""
        where = locate(self.accelerator, np.array(sorted(set(fault.sites)), dtype=np.int64))
        places = zip(*(a.tolist() for a in (where.store, where.replica, where.word, where.bit)), strict=True)
        before, after = [], []
        for number, (store, replica, word, bit) in enumerate(places):
            path, _ = self.accelerator.stores[store].memories[replica]
            memory = f"dut.{path.split('.', 1)[1]}[{word}]"
            value = _DEPOSITS[fault.kind].format(m=memory, w=bit + 1, b=bit)
            before.append(f"    kept[{number}] = {memory}; {memory} = {value};\n")
            after.append(f"    {memory} = kept[{number}];\n")
        return "".join([*before, "    stream;\n", *reversed(after)])
