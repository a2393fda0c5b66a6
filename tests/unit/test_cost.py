"""Reading what Yosys writes, Liberty files good and bad, budgets: no Yosys is run here."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import pytest

from netsurf.cost import liberty, within_budget
from netsurf.cost.liberty import packed, read_liberty
from netsurf.cost.netlist import counts, depths, parse, registers
from netsurf.cost.parts import Part, slices
from netsurf.cost.sized import parse_sizes, sized
from netsurf.cost.targets import ICE40, TARGETS, XILINX, target
from netsurf.errors import DataError, DisagreementError, UnknownNameError, UsageError

BLIF = """\
.model part
.inputs clk a d[0] d[1]
.outputs y q
.names $false
.gate SB_LUT4 I0=a I1=u.mem_q[0][1] I2=$false I3=$false O=n1
.cname one
.gate SB_LUT4 I0=n1 I1=a I2=$false I3=$false O=y
.gate SB_DFFE C=clk D=n1 E=a Q=u.mem_q[0][1]
.gate SB_DFF C=clk D=d[0] Q=v.mem_q[3][0]
.names v.mem_q[3][0] w.mem_q[3][0]
1 1
.names u.mem_q[0][1] q
1 1
.end
"""


def test_cells_are_counted_by_type():
    assert counts(parse(BLIF, ICE40, {})) == {"SB_DFF": 1, "SB_DFFE": 1, "SB_LUT4": 2}


def test_registers_have_the_names_of_their_nets_and_a_shared_one_belongs_to_one_bit():
    found, merged = registers(parse(BLIF, ICE40, {}), ICE40)
    assert set(found) == {("u.mem_q", 0, 1), ("v.mem_q", 3, 0)}
    assert merged == {("w.mem_q", 3, 0): ("v.mem_q", 3, 0)}


def test_depth_is_the_longest_path_in_cells_by_where_it_starts_and_ends():
    found = depths(parse(BLIF, ICE40, {}), ICE40, {})
    assert found.through == {"a": {"y": 2}}
    assert found.leaving == {"y": 2, "q": 0}
    assert found.entering == {"a": 1, "d": 0}
    assert found.inside == 1
    assert found.longest == 2


def test_a_box_on_the_way_counts_its_own_depth():
    inner = depths(parse(BLIF, ICE40, {}), ICE40, {})
    text = (
        ".inputs x\n.outputs z\n.gate SB_LUT4 I0=x O=n\n"
        ".subckt bank a=n y=m\n.cname u_bank\n.gate SB_LUT4 I0=m O=z\n.end\n"
    )
    netlist = parse(text, ICE40, {"bank": frozenset({"y"})})
    assert [box.name for box in netlist.boxes] == ["u_bank"]
    found = depths(netlist, ICE40, {"bank": inner})
    assert found.through == {"x": {"z": 4}}
    assert found.leaving == {"z": 3}
    assert found.entering == {"x": 2}


def test_a_loop_without_a_register_is_refused():
    text = ".inputs x\n.outputs a\n.gate SB_LUT4 I0=x I1=b O=a\n.gate SB_LUT4 I0=a O=b\n.end\n"
    with pytest.raises(DisagreementError, match="loop without a register"):
        depths(parse(text, ICE40, {}), ICE40, {})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (".gate $_AND_ A=a B=b Y=c", "is no cell of"),
        (".subckt FDRE C=c D=d Q=q", "is no cell of"),
        (".names a b c\n11 1", "logic that is no cell"),
        (".latch d q re c 2", "a register that is no cell"),
    ],
)
def test_what_was_not_mapped_is_no_figure(line, said):
    with pytest.raises(DisagreementError, match=said):
        parse(f".inputs a\n{line}\n.end\n", ICE40, {})


@pytest.mark.parametrize(
    ("cell", "kind"), [("LUT6", "LUT"), ("INV", "LUT"), ("FDRE", "FF"), ("MUXF7", "MUX")]
)
def test_cells_of_a_family_by_class(cell, kind):
    assert XILINX.class_of(cell) == kind


def test_an_unknown_target_names_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"unknown target 'ice4' \(did you mean ice40\?\)"):
        target("ice4")
    assert set(TARGETS) == {"ice40", "ecp5", "xilinx", "sg13g2", "osu018"}


def test_the_packed_library_is_whole():
    library = read_liberty(packed())
    assert library.name == "sg13g2_stdcell_typ_1p20V_25C"
    assert library.area["sg13g2_nand2_1"] == 7.2576
    assert library.flip_flops == {"sg13g2_dfrbp_1", "sg13g2_dfrbp_2", "sg13g2_sdfbbp_1"}
    assert library.outputs["sg13g2_dfrbp_1"] == {"Q", "Q_N"}


def test_a_changed_packed_library_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path / "cache"))
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / f"{liberty.PACKED}.gz").write_bytes(gzip.compress(b"library (x) {}"))
    monkeypatch.setattr(liberty, "__file__", str(tmp_path / "liberty.py"))
    with pytest.raises(DataError, match="is damaged"):
        packed()


GOOD = "library (l) { cell (f) { area : 2; ff (IQ, IQN) {} pin (Q) { direction : output; } } }"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no library"),
        ("not Liberty at all", "it has no library"),
        (GOOD[:-1], "the brace of line 1 is never closed"),
        (GOOD.replace("area : 2;", ""), "cell f has no area"),
        (GOOD.replace("ff (IQ, IQN) {}", ""), "none of its cells is a flip-flop"),
        ("library (l) { }", "it has no cell"),
    ],
)
def test_a_damaged_library_is_said_clearly(tmp_path, text, said):
    (tmp_path / "l.lib").write_text(GOOD)
    assert read_liberty(tmp_path / "l.lib").area == {"f": 2.0}
    (tmp_path / "l.lib").write_text(text)
    with pytest.raises(DataError, match=said):
        read_liberty(tmp_path / "l.lib")


def test_a_library_that_is_no_text_or_no_file(tmp_path):
    (tmp_path / "l.lib").write_bytes(b"\xff\xfe\x00")
    for name in ("l.lib", "absent.lib"):
        with pytest.raises(DataError, match="no Liberty file"):
            read_liberty(tmp_path / name)


def bank(words, width, mask):
    parameters = {"WORDS": f"{words:032b}", "WIDTH": f"{width:032b}", "MASK": mask}
    return Part("ns_bank", parameters, "x", ("u",), frozenset({"data_o"}))


def test_slices_are_columns_with_their_part_of_the_mask():
    rows = ["0" * 4 + "1" * 96, "1" * 4 + "0" * 95 + "1"]  # words 1 and 0, highest bit first
    cut = slices(bank(2, 100, "".join(rows)), 6, limit=100)
    assert [first for _, first in cut] == [0, 96]
    assert [piece.parameters["MASK"] for piece, _ in cut] == ["1" * 96 + "0" * 95 + "1", "0000" + "1111"]
    assert [int(piece.parameters["WIDTH"], 2) for piece, _ in cut] == [96, 4]
    assert slices(bank(2, 100, "".join(rows)), 6, limit=200)[0][1] == 0


def test_sizes_of_a_chain():
    network = sized(parse_sizes("dense:13-58-3"))
    assert network.stored_bits == 6 * (13 * 58 + 58 + 58 * 3 + 3)
    assert sized((13, 58, 3)).digest == network.digest != sized((13, 58, 3), seed=6).digest
    for bad in ("dense:13", "dense:", "dense:3-x", "dense:0-3"):
        with pytest.raises(UsageError, match="write the sizes"):
            parse_sizes(bad)


def budgeted(curve):
    measured = []

    def measure(level):
        measured.append(level)
        return SimpleNamespace(areas={"t": SimpleNamespace(size=1000 * (1 + curve(level)))}, level=level)

    return measure, measured


@pytest.mark.parametrize("curve", [lambda x: 0.8 * x, lambda x: 0.8 * x**2, lambda x: 0.8 * x**0.5])
def test_a_budget_of_area_is_met_from_below_and_nearly_used_up(curve):
    measure, measured = budgeted(curve)
    level, tried = within_budget(measure, 0.2, "t", tries=30)
    assert curve(level.level) <= 0.2
    assert curve(level.level + 0.01) > 0.2
    assert [x for x, _ in tried] == sorted(measured)


def test_a_budget_for_everything_and_for_nothing():
    measure, _ = budgeted(lambda x: 0.8 * x)
    assert within_budget(measure, 1.0, "t")[0].level == 1.0
    assert within_budget(measure, 0.0, "t")[0].level == 0.0
