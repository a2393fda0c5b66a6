"""Cells of the protection schemes against netsurf.harden.schemes, in Icarus.

Exhaustively: every input of the checkers of small elements, every single and every double error of the codes.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from netsurf.harden.schemes import secded
from netsurf.harden.schemes.base import Errors
from netsurf.paths import rtl
from tests.rtl_bench import simulate

pytestmark = pytest.mark.rtl("icarus")


def literal(values, width):
    """Numbers side by side, the first one lowest, as one constant, in parts that Icarus can read."""
    parts = [values[first : first + 256] for first in range(0, len(values), 256)]
    numbers = [sum(int(value) << (n * width) for n, value in enumerate(part)) for part in parts]
    constants = [f"{len(part) * width}'h{number:x}" for part, number in zip(parts, numbers, strict=True)]
    return "{" + ",\n".join(reversed(constants)) + "}"


def fields(text, count, width):
    """The inverse of :func:`literal`, from what was printed in hexadecimal."""
    number = int(text, 16)
    return [number >> (n * width) & ((1 << width) - 1) for n in range(count)]


def run(tmp_path, body, cells, texts=None):
    """What a bench prints, line by line: name to text; ``texts`` replaces a cell's source."""
    bench = tmp_path / "bench.v"
    bench.write_text(f"module bench;\n{body}\nendmodule\n")
    sources = []
    for cell in cells:
        path = tmp_path / f"{cell}.v"
        path.write_text((texts or {}).get(cell) or (rtl() / f"{cell}.v").read_text())
        sources.append(path)
    return dict(re.findall(r"^(\w+) (\w+)$", simulate([*sources, bench], tmp_path), re.M))


def test_dmr_for_every_input(tmp_path):
    """Two elements of two bits: what one does is nothing to the other."""
    rows = list(itertools.product(range(16), range(16), (0, 3, 12, 15)))
    lines = [
        f"""
  wire [3:0] out{n}; wire err{n};
  ns_dmr #(.N(2), .WIDTH(2)) u{n} (.inA(4'd{a}), .inB(4'd{b}), .mask(4'd{m}), .out(out{n}), .tmrErr(err{n}));
  initial #1 $display("r{n} %h%h", out{n}, err{n});"""
        for n, (a, b, m) in enumerate(rows)
    ]
    printed = run(tmp_path, "".join(lines), ["ns_dmr"])
    for n, (a, b, m) in enumerate(rows):
        parts = [(a >> s & 3, (a ^ b) & m & 3 << s) for s in (0, 2)]
        out = sum((0 if differ else part) << s for (part, differ), s in zip(parts, (0, 2), strict=True))
        assert printed[f"r{n}"] == f"{out:x}{int((a ^ b) & m != 0):x}"


PARITY = """
  wire [{bits}:0] out{n}; wire err{n};
  ns_parity #(.N({count}), .WIDTH(4)) u{n} (
      .data_i({data}), .check_i({check}), .mask_i({mask}), .data_o(out{n}), .error_o(err{n}));
  initial #1 $display("r{n} %h%h", out{n}, err{n});"""


def test_parity_for_every_input(tmp_path):
    rows = list(itertools.product(range(16), (0, 1), (0, 15)))
    one = [
        PARITY.format(n=n, bits=3, count=1, data=f"4'd{d}", check=f"1'd{c}", mask=f"4'd{m}")
        for n, (d, c, m) in enumerate(rows)
    ]
    data, check, mask = zip(*rows, strict=True)
    every = literal(data, 4), literal(check, 1), literal(mask, 4)
    one.append(
        PARITY.format(
            n="all", bits=len(rows) * 4 - 1, count=len(rows), data=every[0], check=every[1], mask=every[2]
        )
    )
    printed = run(tmp_path, "".join(one), ["ns_parity"])
    wrong = [bool(m) and (bin(d).count("1") + c) % 2 == 1 for d, c, m in rows]
    outs = [0 if w else d for (d, _, _), w in zip(rows, wrong, strict=True)]
    assert [printed[f"r{n}"] for n in range(len(rows))] == [
        f"{o:x}{int(w):x}" for o, w in zip(outs, wrong, strict=True)
    ]
    assert fields(printed["rall"][:-1], len(rows), 4) == outs


SECDED = """
  wire [{dw}:0] data; wire [{cw}:0] check; wire err;
  ns_secded_decode #(.N({n}), .DATA({width}), .CHECKS({checks})) u (
      .data_i({data}), .check_i({check}), .cover_i({cover}), .data_o(data), .check_o(check), .error_o(err));
  initial #1 begin $display("data %h", data); $display("check %h", check); $display("err %h", err); end"""


def decoded(tmp_path, width, received, cover, text=None):
    """What the cell makes of ``received``, pairs of data and check bits."""
    checks = secded.checks(width)
    data, check = zip(*received, strict=True)
    body = SECDED.format(
        n=len(data),
        width=width,
        checks=checks,
        dw=len(data) * width - 1,
        cw=len(data) * checks - 1,
        data=literal(data, width),
        check=literal(check, checks),
        cover=literal([cover] * len(data), width),
    )
    printed = run(tmp_path, body, ["ns_secded_decode"], {"ns_secded_decode": text} if text else None)
    return (
        fields(printed["data"], len(data), width),
        fields(printed["check"], len(data), checks),
        int(printed["err"]),
    )


def cases(width, cover, seed=0):
    """No error, every single and every double one, each on data of its own: words, and the upsets alone."""
    rng, full = np.random.default_rng(seed), (1 << width) - 1
    checks = secded.checks(width)
    places = [j for j in range(width + checks) if j >= width or cover >> j & 1]
    masks = [0, *(1 << i for i in places), *(1 << i | 1 << j for i, j in itertools.combinations(places, 2))]
    data = [int.from_bytes(rng.bytes(8), "little") & full & cover for _ in masks]
    check = secded.encode(np.array(data, dtype=np.uint64), width).tolist()
    received = [(d ^ m & full, c ^ m >> width) for d, c, m in zip(data, check, masks, strict=True)]
    errors = Errors(
        np.array([m & full for m in masks], dtype=np.uint64),
        np.array([m >> width for m in masks], dtype=np.uint64),
        np.array(data, dtype=np.uint64),
        np.full(len(masks), cover, dtype=np.uint64),
        width,
    )
    return received, data, check, errors


@pytest.mark.parametrize(
    ("width", "cover"),
    [(1, 1), (4, 15), (6, 63), (11, 0b10111011101), (24, 0xFC0FFF), (60, (1 << 60) - 1), (64, (1 << 64) - 1)],
)
def test_secded_on_every_single_and_double_error(tmp_path, width, cover):
    """Data, corrected check bits and flag are those of the library, for whole and for shortened words."""
    received, data, check, errors = cases(width, cover)
    got_data, got_check, flag = decoded(tmp_path, width, received, cover)
    wrong, seen = secded.decode(errors)
    left, left_check = secded.repair(errors)
    assert got_data == [d ^ w for d, w in zip(data, wrong.tolist(), strict=True)]
    assert got_check == [c ^ e for c, e in zip(check, left_check.tolist(), strict=True)]
    np.testing.assert_array_equal(left, wrong)
    assert flag == 1
    singles = 1 + bin(cover).count("1") + secded.checks(width)
    assert got_data[:singles] == data[:singles], "single errors are corrected"
    assert seen[1:].all()
    assert not seen[0]
    assert decoded(tmp_path, width, received[:1], cover)[2] == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for (p = 3; p < 2 ** R", "for (p = 5; p < 2 ** R"),
        ("single = (^data) ^ (^check);", "single = (^data);"),
        ("data_i[n*DATA+j] ^ cover_i[n*DATA+j]", "data_i[n*DATA+j]"),
    ],
    ids=["syndrome table", "parity", "no correction"],
)
def test_a_damaged_decoder_is_seen(tmp_path, old, new):
    text = (rtl() / "ns_secded_decode.v").read_text()
    assert text.count(old) == 1
    received, data, _, errors = cases(6, 63)
    got = decoded(tmp_path, 6, received, 63, text.replace(old, new))
    wrong, _ = secded.decode(errors)
    assert got[0] != [d ^ w for d, w in zip(data, wrong.tolist(), strict=True)]
