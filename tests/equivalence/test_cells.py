"""Cells of rtl/ against the functions of the same meaning in netsurf, exhaustively, in Icarus.

Everything a cell can see is one wide constant, and what it makes of it is printed: one compilation and
one run check thousands of cases.
"""

from __future__ import annotations

import itertools
import re
from typing import get_args

import numpy as np
import pytest

from netsurf.fixed import FixedFormat, Overflow, Rounding, cast, to_signed, to_unsigned
from netsurf.paths import rtl
from tests.rtl_bench import simulate

pytestmark = pytest.mark.rtl("icarus")

SOURCES = [(6, 3, True), (6, 3, False), (5, -1, True), (4, 6, False), (1, 0, True)]
TARGETS = [(4, 1, True), (3, 0, False), (5, 5, True), (1, -2, True), (8, 3, False), (6, 3, True)]
"""Formats (width, fraction, signed): binary points on both sides, words of one bit, wider and narrower."""


def cases():
    """Every source format with every target format, rounding and overflow mode."""
    for source, (width, fraction, signed) in itertools.product(SOURCES, TARGETS):
        for modes in itertools.product(get_args(Rounding), get_args(Overflow)):
            yield source, FixedFormat(width, width - fraction, signed, *modes)


def all_codes(width: int, signed: bool) -> np.ndarray:
    codes = np.arange(1 << width)
    return to_signed(codes, width) if signed else codes


def literal(values, width: int) -> str:
    """Verilog literal with element ``n`` at ``[n*width +: width]``."""
    total = sum(int(v) << (n * width) for n, v in enumerate(to_unsigned(values, width)))
    return f"{len(values) * width}'h{total:x}"


def elements(printed: str, count: int, width: int) -> np.ndarray:
    """Elements of a printed hexadecimal number."""
    total = int(printed, 16)
    return np.array([(total >> (n * width)) & ((1 << width) - 1) for n in range(count)])


def bench(instances: list[str]) -> str:
    return "module bench;\n" + "\n".join(instances) + "\n  initial #10 $finish;\nendmodule\n"


def run(tmp_path, instances, cells):
    """What each instance printed as ``NUMBER VALUE``, by number."""
    source = tmp_path / "bench.v"
    source.write_text(bench(instances))
    printed = simulate([*(rtl() / f"{cell}.v" for cell in cells), source], tmp_path)
    return {int(n): value for n, value in re.findall(r"^(\d+) ([0-9a-fx ]+)$", printed, re.M)}


def requantize(number: int, source, target: FixedFormat, mode: str | None = None) -> str:
    width, fraction, signed = source
    codes = all_codes(width, signed)
    return f"""
  wire [{len(codes) * target.width - 1}:0] y{number};
  ns_requantize #(
      .N({len(codes)}), .FROM_W({width}), .FROM_F({fraction}), .FROM_SIGNED({int(signed)}),
      .TO_W({target.width}), .TO_F({target.fraction}), .TO_SIGNED({int(target.signed)}),
      .ROUNDING("{mode or target.rounding}"), .OVERFLOW("{target.overflow}")
  ) u{number} (.en_i(1'b1), .data_i({literal(codes, width)}), .data_o(y{number}));
  initial #1 $display("{number} %h", y{number});"""


def wrong(printed, number, source, target) -> int:
    """How many codes the cell and `cast` do not agree on."""
    width, fraction, signed = source
    codes = all_codes(width, signed)
    expected = to_unsigned(cast(codes, fraction, target), target.width)
    return int((elements(printed[number], len(codes), target.width) != expected).sum())


def test_requantize_is_cast_in_every_mode(tmp_path):
    listed = list(cases())
    printed = run(tmp_path, [requantize(n, *case) for n, case in enumerate(listed)], ["ns_requantize"])
    assert len(printed) == len(listed) == len(SOURCES) * len(TARGETS) * 28
    assert [str(case) for n, case in enumerate(listed) if wrong(printed, n, *case)] == []


def test_a_wrong_rounding_mode_is_seen(tmp_path):
    """The negative control: each mode in the place of each other one differs on some code."""
    modes = get_args(Rounding)
    listed = [(a, b) for a in modes for b in modes if a != b]
    source = (6, 3, True)
    targets = {mode: FixedFormat(6, 5, True, mode) for mode in modes}
    printed = run(
        tmp_path,
        [requantize(n, source, targets[a], mode=b) for n, (a, b) in enumerate(listed)],
        ["ns_requantize"],
    )
    assert all(wrong(printed, n, source, targets[a]) for n, (a, _) in enumerate(listed))


def test_voter_truth_table(tmp_path):
    """All sixteen rows at once: a bit is voted where the mask says so, and passes where it does not."""
    a, b, c, mask = (np.array(column) for column in zip(*itertools.product((0, 1), repeat=4), strict=True))
    voted = np.where(mask, a + b + c >= 2, a)
    differs = (mask == 1) & ((a != b) | (a != c))
    rows = [f"1'b{x}, 1'b{y}, 1'b{z}, 1'b{m}" for x, y, z, m in zip(a, b, c, mask, strict=True)]
    instances = [
        f"""
  wire out{n}, error{n};
  ns_voter u{n} ({row}, out{n}, error{n});
  initial #1 $display("{n} %h%h", out{n}, error{n});"""
        for n, row in enumerate(rows)
    ]
    printed = run(tmp_path, instances, ["ns_voter"])
    assert [printed[n] for n in range(16)] == [
        f"{int(v)}{int(d)}" for v, d in zip(voted, differs, strict=True)
    ]


@pytest.mark.parametrize("signed", [True, False])
def test_argmax_is_the_first_of_equals(tmp_path, signed):
    codes = np.array(list(itertools.product(all_codes(2, signed), repeat=4)))
    instances = [
        f"""
  wire [1:0] index{n};
  ns_argmax #(.N(4), .WIDTH(2), .SIGNED({int(signed)}), .INDEX_W(2)) u{n} (
      .en_i(1'b1), .data_i({literal(row, 2)}), .index_o(index{n}));
  initial #1 $display("{n} %h", index{n});"""
        for n, row in enumerate(codes)
    ]
    printed = run(tmp_path, instances, ["ns_argmax"])
    assert [int(printed[n], 16) for n in range(len(codes))] == codes.argmax(axis=1).tolist()


def test_relu(tmp_path):
    codes = all_codes(5, signed=True)
    instances = [
        f"""
  wire [{len(codes) * 5 - 1}:0] y{n};
  ns_relu #(.N({len(codes)}), .WIDTH(5), .SIGNED({n})) u{n} (.data_i({literal(codes, 5)}), .data_o(y{n}));
  initial #1 $display("{n} %h", y{n});"""
        for n in (0, 1)
    ]
    printed = run(tmp_path, instances, ["ns_relu"])
    as_unsigned = to_unsigned(codes, 5)
    assert elements(printed[0], len(codes), 5).tolist() == as_unsigned.tolist()
    assert elements(printed[1], len(codes), 5).tolist() == np.maximum(codes, 0).tolist()


STORE = """\
module bench;
  reg aclk = 0, aresetn = 0, we = 0, read = 0, clear = 0;
  reg [31:0] addr, data;
  reg [0:0] row = 0;
  wire [79:0] q;
  wire error;

  // Four words of 40 bits, two a read: a full and a short lane a word.
  ns_store #(
      .WORDS(4), .WIDTH(40), .PER_READ(2), .CFG_BASE(32'h40), .WORD_W(2), .LANE_W(1), .ROW_W(1),
      .MASK({mask})
  ) dut (
      .aclk(aclk), .aresetn(aresetn), .cfg_we_i(we), .cfg_addr_i(addr), .cfg_data_i(data),
      .read_i(read), .row_i(row), .data_o(q), .tmr_clear_i(clear), .tmr_error_o(error));

  task tick; begin #5 aclk = 1; #5 aclk = 0; end endtask
  task write(input [31:0] a, input [31:0] d); begin we = 1; addr = a; data = d; tick; we = 0; end endtask

  integer i;
  initial begin
    tick; aresetn = 1;
    for (i = 0; i < 8; i = i + 1) write(32'h40 + i, 32'h1234_5670 + i * 32'h1111_1101);
    write(32'h48, 32'hffff_ffff);                        // the store behind
    write(32'h3f, 32'hffff_ffff);                        // and the one before
    row = 0; #1 $display("0 %h", q);
    row = 1; #1 $display("1 %h", q);
    $display("2 %h", {{dut.gen_tmr.u_bank_b.mem_q[3], dut.gen_tmr.u_bank_b.mem_q[2],
                      dut.gen_tmr.u_bank_b.mem_q[1], dut.gen_tmr.u_bank_b.mem_q[0]}});
    tick; $display("3 %h", error);                       // nothing differs
    dut.gen_tmr.u_bank_c.mem_q[2][35] = ~dut.gen_tmr.u_bank_c.mem_q[2][35];
    read = 0; row = 1; tick; $display("4 %h", error);    // differs, but is not read
    read = 1; row = 0; tick; $display("5 %h", error);    // another row is read
    read = 1; row = 1; tick; $display("6 %h", error);    // read
    #1 $display("7 %h", q);
    read = 0; tick; $display("8 %h", error);             // sticky
    clear = 1; tick; $display("9 %h", error);            // cleared
    read = 1; tick; $display("10 %h", error);            // an error beats a clear
    dut.u_bank_a.mem_q[2][35] = ~dut.u_bank_a.mem_q[2][35];
    #1 $display("11 %h", q);                             // two of three
    $finish;
  end
endmodule
"""


def test_store(tmp_path):
    """Lanes, neighbours' addresses, masked replicas, and an error flag that means what it says."""
    mask = (1 << (2 * 40 + 35)) | 0xF0F
    source = tmp_path / "bench.v"
    source.write_text(STORE.format(mask=f"160'h{mask:x}"))
    cells = ("ns_store", "ns_bank", "ns_config", "ns_mask", "ns_voter")
    printed = simulate([*(rtl() / f"{cell}.v" for cell in cells), source], tmp_path)
    seen = dict(re.findall(r"^(\d+) (\w+)$", printed, re.M))
    lanes = [(0x12345670 + i * 0x11111101) & 0xFFFFFFFF for i in range(8)]
    words = [lanes[2 * w] | (lanes[2 * w + 1] & 0xFF) << 32 for w in range(4)]
    stored = sum(word << (40 * w) for w, word in enumerate(words))
    low, high = stored & ((1 << 80) - 1), stored >> 80
    assert (int(seen["0"], 16), int(seen["1"], 16)) == (low, high)
    assert int(seen["2"], 16) == stored & mask
    assert [seen[str(n)] for n in (3, 4, 5, 6, 8, 9, 10)] == ["0", "0", "0", "1", "1", "0", "1"]
    assert int(seen["7"], 16) == high
    assert int(seen["11"], 16) == high ^ (1 << 35)
