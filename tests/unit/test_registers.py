"""Registers and voter inputs by name and number, and faults written by people."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsurf.emit import architecture, emit, load
from netsurf.errors import FaultError, UnknownNameError
from netsurf.fault.registers import VOTER_INPUT, Register, RegisterSpace, layout
from netsurf.fault.strikes import Strike, StrikeList, format_strikes, parse_strikes
from tests.rtl_designs import design
from tests.strategies import design_points

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    point = design(0.3)
    return point, emit(point, architecture("serial", point.network), tmp_path_factory.mktemp("d") / "d")


@given(point=design_points(), name=st.sampled_from(["serial", "parallel"]))
@few
def test_the_list_is_the_count(point, name, tmp_path_factory):
    """Every flip-flop outside the banks is listed once, and comes back from design.json."""
    folder = tmp_path_factory.mktemp("design") / "d"
    accelerator = emit(point, architecture(name, point.network), folder)
    assert accelerator.register_space.flip_flops == accelerator.registers
    assert load(folder).register_list == accelerator.register_list
    labels = [register.label for register in accelerator.register_list]
    assert len(set(labels)) == len(labels)


def test_numbers_and_names_are_one(emitted):
    space = emitted[1].register_space
    sites = np.arange(space.size)
    assert [space.parse(str(space.site(int(n)))) for n in sites] == sites.tolist()
    kinds = space.kinds(sites)
    counts = layout(space.registers)
    assert counts == {kind: kinds.count(kind) for kind in counts}
    assert np.array_equal(
        space.of_kind("control", "flag"), [n for n in sites if kinds[n] in ("control", "flag")]
    )


def test_voter_inputs_are_numbered_behind_the_flip_flops(emitted):
    space = emitted[1].register_space
    assert min(space.of_kind(VOTER_INPUT)) == space.flip_flops


def test_design_json_says_where_they_are(emitted):
    accelerator = emitted[1]
    listed = json.loads((accelerator.folder / "design.json").read_text())["register_list"]
    row = next(entry for entry in listed if entry["name"] == "fc1.row")
    assert row == {
        "name": "fc1.row",
        "kind": "control",
        "elements": 1,
        "width": 3,
        "path": "small_accelerator.u_fc1.gen_serial.row_q",
        "replica": 0,
    }
    assert '-module "ns_dense" -var "row_q"' in (accelerator.folder / "registers.vlt").read_text()


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [
        ("fc1.acc[3]7", FaultError, "is no register bit"),
        ("fc1.acc[4].7", FaultError, "elements 0..3"),
        ("fc1.acc[3].18", FaultError, "bits 0..17"),
        ("fc1.ac[3].7", UnknownNameError, r"did you mean .*fc1\.acc"),
    ],
)
def test_a_wrong_name_is_refused(emitted, text, error, what):
    with pytest.raises(error, match=what):
        emitted[1].register_space.parse(text)


@pytest.mark.parametrize("number", [-1, 10**6])
def test_a_wrong_number_is_refused(emitted, number):
    with pytest.raises(FaultError, match="does not exist"):
        emitted[1].register_space.site(number)


def test_replicas_have_a_label_of_their_own():
    copies = tuple(Register("fc1.done", "control", 1, 1, f"t.u_{c}.done_q", c) for c in range(3))
    space = RegisterSpace(copies)
    assert [str(space.site(n)) for n in range(3)] == ["fc1.done", "fc1.done/1", "fc1.done/2"]
    assert space.parse("fc1.done/2") == 2


def test_faults_are_written_as_they_are_read(emitted):
    point, accelerator = emitted
    space, registers = point.space, accelerator.register_space
    bit = space.site(int(space.protected[3]))
    text = f"fc1.acc[3].7@12\n{bit.tensor}[{bit.index}].{bit.bit}/1@3 fc1.row.2@9\n"
    strikes = parse_strikes(f"# two faults\n\n{text}", space, registers)
    assert strikes[0] == (Strike(12, registers.number("fc1.acc", 3, 7)),)
    assert strikes[1] == (
        Strike(3, int(space.protected[3]) + space.stored_bits, stored=True),
        Strike(9, registers.number("fc1.row", 0, 2)),
    )
    again = parse_strikes(format_strikes(strikes, space, registers), space, registers)
    assert [again[n] for n in range(2)] == [strikes[n] for n in range(2)]
    assert strikes.take(np.array([1])).offsets.tolist() == [0, 2]


@pytest.mark.parametrize("text", ["fc1.acc[3].7", "fc1.acc[3].7@", "fc1.acc[3].7@-1"])
def test_a_fault_without_a_cycle_is_refused(emitted, text):
    with pytest.raises(FaultError, match="has no cycle"):
        parse_strikes(text, emitted[0].space, emitted[1].register_space)


def test_a_fault_that_is_not_there_is_refused():
    with pytest.raises(FaultError, match=r"faults 0\.\.0"):
        StrikeList.of([[Strike(1, 1)]])[1]
