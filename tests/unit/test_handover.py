"""Hand-over files: what they say, from design.json alone, and whether their languages accept it.

Golden files are in ``tests/unit/handover``; after a change that is meant, write them again with
``NETSURF_GOLDEN=write pytest tests/unit/test_handover.py`` and read the difference.
"""

import ast
import configparser
import csv
import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from netsurf.emit import architecture, emit, load, locate
from netsurf.emit.accelerator import Store
from netsurf.errors import PlanError, UsageError
from netsurf.handover import FORMATS, Facts, hand_over
from netsurf.harden import DesignPoint, plan_by_level
from tests.campaigns import small_network

GOLDEN = Path(__file__).parent / "handover"

STORE = Store("fc1.kernel", 6, 2, 3, 12, 0, 1, 1, ("toy.u_fc1_kernel.u_bank_a.mem_q",), 1, 1, 0, 0)


@pytest.fixture(scope="module")
def design():
    network = small_network()
    order = np.random.default_rng(1).permutation(network.stored_bits)
    return DesignPoint(network, plan_by_level(network, order, 0.2, {}))


@pytest.fixture(scope="module")
def emitted(design, tmp_path_factory):
    place = tmp_path_factory.mktemp("design") / "d"
    return emit(design, architecture("serial", design.network), place)


@pytest.fixture(scope="module")
def written(design, emitted):
    return hand_over(emitted, emitted.folder.parent / "out", protected=design.plan.bits)


@pytest.fixture(scope="module")
def toy(emitted, tmp_path_factory):
    """A design of two stores, one with replicas, whose text no emitter changes."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "rtl").mkdir()
    top = (
        "module toy (\n    input  wire        aclk,\n    input  wire        aresetn,\n"
        "    input  wire [31:0] cfg_data_i,\n    output wire [1:0]  tmr_error_o\n);\n"
        "  store #(\n      .N(1)\n  ) u_fc1_kernel (\n      .x(x)\n  );\n"
        "  store #(\n      .N(2)\n  ) u_fc1_bias (\n      .x(x)\n  );\n  dense u_fc1 (.x(x));\nendmodule\n"
    )
    texts = {
        "bank": "module bank; endmodule\n",
        "dense": "module dense; endmodule\n",
        "store": "module store;\n  bank #(.N(1)) u_bank_a (.x(x));\nendmodule\n",
        "toy": top,
    }
    for name, text in texts.items():
        (folder / "rtl" / f"{name}.v").write_text(text)
    path = "toy.u_fc1_bias"
    banks = (f"{path}.u_bank_a.mem_q", *(f"{path}.gen_tmr.u_bank_{b}.mem_q" for b in "bc"))
    bias = replace(
        STORE, tensor="fc1.bias", words=1, banks=banks, config_base=4, error_bit=1, protected_bits=2
    )
    files = tuple(f"rtl/{name}.v" for name in texts)
    return replace(emitted, top="toy", files=files, stores=(STORE, bias), registers=7, folder=folder)


def text_of(name, accelerator, protected=None):
    return FORMATS[name].text(Facts(accelerator, 8.0, "xc7a35ticsg324-1L", protected))


def without_digests(text):
    return "".join(line for line in text.splitlines(keepends=True) if "Written by NetSurf" not in line)


# Golden files


@pytest.mark.parametrize("name", FORMATS)
def test_text_is_the_golden_one(name, toy):
    text = without_digests(text_of(name, toy, np.array([36, 41])))
    golden = GOLDEN / FORMATS[name].file.format(top="toy")
    if os.environ.get("NETSURF_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_golden_file_is_of_a_format():
    assert {p.name for p in GOLDEN.iterdir()} == {f.file.format(top="toy") for f in FORMATS.values()}


def test_every_format_names_its_tool_and_its_reference():
    for name, entry in FORMATS.items():
        assert entry.name == name
        assert entry.tool
        assert len(entry.reference) > 10


# Facts


def test_names_of_banks_in_every_tool(toy):
    bank = Facts(toy, 8.0, "", None).banks[2]
    assert bank.flat == "u_fc1_bias.gen_tmr.u_bank_b"
    assert bank.cell == "u_fc1_bias/gen_tmr.u_bank_b"
    assert bank.pattern == "u_fc1_bias/*u_bank_b"
    assert bank.register(0, 7) == "u_fc1_bias/gen_tmr.u_bank_b/mem_q_reg[0][7]"
    assert bank.flip_flops == 2


def test_kept_modules_are_read_off_the_verilog(toy, emitted):
    assert Facts(toy, 8.0, "", None).kept_modules == ("bank", "store")
    found = Facts(emitted, 8.0, "", None)
    assert {"ns_store", "ns_bank", "ns_voter", "ns_config"} <= set(found.kept_modules)
    assert "ns_dense" not in found.kept_modules
    assert found.top not in found.kept_modules


def test_ports_are_those_of_the_top(emitted):
    ports = Facts(emitted, 8.0, "", None).ports
    assert ports[:2] == ("aclk", "aresetn")
    assert {"s_axis_tdata", "m_axis_tuser", "cfg_addr_i", "tmr_error_o"} <= set(ports)


def test_banks_hold_all_flip_flops_but_the_registers(emitted):
    banks = Facts(emitted, 8.0, "", None).banks
    assert sum(bank.flip_flops for bank in banks) + emitted.registers == emitted.flip_flops


def test_guarded_stores_too(tmp_path):
    """Check bits, copies and scrubbed replicas are banks like others; what refreshes itself stays timed."""
    from netsurf.harden import ProtectionPlan
    from netsurf.harden.assign import Assignment

    network = small_network()
    kernel = network.parameters["fc1.kernel"].stored_bits
    schemes = (
        Assignment("secded", np.arange(kernel), {"word": 24}),
        Assignment("tmr_scrub", np.arange(kernel, kernel + 5)),
        Assignment("dmr", np.arange(network.stored_bits - 24, network.stored_bits)),
    )
    plan = ProtectionPlan(network.digest, network.stored_bits, np.empty(0, np.int64), {}, schemes)
    accelerator = emit(DesignPoint(network, plan), architecture("serial", network), tmp_path / "d")
    facts = Facts(accelerator, 8.0, "", None)
    assert sum(bank.flip_flops for bank in facts.banks) + accelerator.registers == accelerator.flip_flops
    assert any(bank.cell.endswith("u_bank_k") for bank in facts.replicated)
    false = text_of("quasi-static", accelerator)
    assert "u_fc1_kernel/*u_bank_k/" in false
    assert "u_fc1_bias/" not in false
    assert "ns_store_guarded" in facts.kept_modules


def test_a_datapath_that_stands_three_times_is_kept(tmp_path, design):
    chosen = architecture("serial", design.network, triplicated=True)
    accelerator = emit(design, chosen, tmp_path / "d")
    facts = Facts(accelerator, 8.0, "", None)
    assert facts.copies == ("u_datapathA", "u_datapathB", "u_datapathC")
    assert {"ns_dense", "ns_store", f"{accelerator.top}_datapath"} <= set(facts.kept_modules)
    for name in ("xdc", "dont-touch", "yosys", "tmrg", "spydrnet"):
        assert all(copy in text_of(name, accelerator) for copy in facts.copies), name


# Languages


def test_fusesoc_core_is_yaml_with_every_file(written, emitted):
    text = written.files["fusesoc"].read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.split("\n", 1)[1])
    assert core["filesets"]["rtl"]["files"] == list(emitted.files)
    assert core["targets"]["default"]["toplevel"] == emitted.top
    for entry in core["filesets"].values():
        assert all((written.folder / file).is_file() for file in entry["files"])


def test_tmrx_is_toml_that_leaves_stores_alone(written):
    config = tomllib.loads(written.files["tmrx"].read_text())
    assert config["global"]["tmr_mode"] == "LogicTMR"
    assert config["global"]["clock_port_names"] == ["aclk"]
    assert config["group"]["netsurf_store"]["tmr_mode"] == "None"
    assert config["module"]["ns_bank"]["groups"] == ["netsurf_store"]
    assert "ns_dense" not in config["module"]


def test_tmrg_is_an_ini_file_that_leaves_stores_alone(written, emitted):
    config = configparser.ConfigParser()
    config.optionxform = str
    config.read_string(written.files["tmrg"].read_text())
    assert config["ns_store"]["do_not_touch"] == "true"
    assert config["ns_dense"]["default"] == "triplicate"
    assert config[emitted.top]["u_fc1_kernel"] == "do_not_triplicate"
    assert config[emitted.top]["m_axis_tdata"] == "do_not_triplicate"
    assert config["tmrg"]["files"].split() == list(emitted.files)


def test_protected_bits_are_where_the_site_map_says(written, design, emitted):
    rows = list(csv.DictReader(written.files["bits"].open()))
    assert [int(row["site"]) for row in rows] == design.plan.bits.tolist()
    place = locate(emitted, design.plan.bits + design.network.stored_bits)
    for row, store, word, bit in zip(rows, place.store, place.word, place.bit, strict=True):
        path = emitted.stores[store].banks[1].split(".")[1:]
        assert row["replica_1"].replace("/", ".") == ".".join(path) + f"_reg[{word}][{bit}]"
        assert row["tensor"] == emitted.stores[store].tensor


def leaf(name, primitive=True):
    reference = SimpleNamespace(is_leaf=lambda: primitive)
    return SimpleNamespace(name=name, item=SimpleNamespace(reference=reference))


def script(written, monkeypatch):
    """The SpyDrNet script as a module; the packages that it imports are stand-ins."""
    monkeypatch.setitem(__import__("sys").modules, "spydrnet", SimpleNamespace())
    monkeypatch.setitem(__import__("sys").modules, "spydrnet.uniquify", SimpleNamespace(uniquify=None))
    names = {"__name__": "spydrnet_tmr"}
    exec(compile(ast.parse(written.files["spydrnet"].read_text()), "spydrnet_tmr.py", "exec"), names)
    return SimpleNamespace(**names)


def netlist(*names):
    cells = [leaf(name) for name in names]
    return SimpleNamespace(
        get_hinstances=lambda recursive, filter: [c for c in [*cells, leaf("u_fc1", False)] if filter(c)]
    )


def test_spydrnet_script_chooses_what_is_in_no_store(written, monkeypatch):
    chosen = script(written, monkeypatch).outside_stores(
        netlist("u_fc1/acc_reg[3]", "u_fc1_kernel/u_bank_a/mem_q_reg[0][4]", "u_fc1_bias.gen_tmr.u_voter/lut")
    )
    assert [cell.name for cell in chosen] == ["u_fc1/acc_reg[3]"]


def test_spydrnet_script_finds_the_flip_flops_of_a_plan_or_stops(written, monkeypatch):
    module = script(written, monkeypatch)
    rows = list(csv.DictReader(written.files["bits"].open()))
    names = [row["replica_0"] for row in rows]
    chosen = module.of_plan(netlist(*names, "u_fc1/acc_reg[3]"), written.files["bits"])
    assert sorted(cell.name for cell in chosen) == sorted(names)
    with pytest.raises(SystemExit, match="1 of"):
        module.of_plan(netlist(*names[1:]), written.files["bits"])


def balanced(text):
    """Whether braces, brackets and quotes of Tcl close, outside comments and backslashes."""
    text = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))
    text = text.replace("\\\n", " ")
    depth = {"{": 0, "[": 0}
    for open_, close in (("{", "}"), ("[", "]")):
        depth[open_] = text.count(open_) - text.count(close)
    return not any(depth.values()) and text.count('"') % 2 == 0


TCL = ("vivado", "xdc", "sdc", "quasi-static", "dont-touch")


@pytest.mark.parametrize("name", TCL)
def test_tcl_closes_what_it_opens(written, name):
    text = written.files[name].read_text()
    assert balanced(text)
    assert not balanced(text.replace("]", "", 1))  # the control


COMMANDS = (
    *("read_verilog", "read_xdc", "synth_design", "report_utilization", "report_timing_summary"),
    *("write_checkpoint", "create_clock", "set_property", "set_false_path", "set_input_delay"),
    *("set_output_delay", "set_dont_touch", "get_ports", "all_inputs", "all_outputs"),
    "remove_from_collection",
)


def run_tcl(path, cells):
    """Run a script in a Tcl interpreter whose tool commands write down their arguments.

    ``cells(arguments)`` is what ``get_cells`` returns. None if this Python has no Tcl.
    """
    try:
        from tkinter import Tcl, TclError
    except ImportError:
        return None
    interpreter, said = Tcl(), []
    interpreter.createcommand("get_cells", lambda *a: tuple(cells(a)))
    for command in COMMANDS:
        interpreter.createcommand(command, lambda *a, c=command: said.append((c, *a)) or "")
    interpreter.eval("set argv {}")
    try:
        interpreter.eval(path.read_text())
    except TclError as error:
        return said, str(error)
    return said, ""


@pytest.mark.parametrize("name", TCL[1:])
def test_tcl_runs(written, name):
    outcome = run_tcl(written.files[name], lambda arguments: ("cell",))
    if outcome is not None:
        said, error = outcome
        assert error == ""
        assert said


def test_vivado_script_counts_flip_flops_and_fails_if_one_is_lost(written, emitted):
    banks = {bank.cell: bank.flip_flops for bank in Facts(emitted, 8.0, "", None).banks}

    def found(lost):
        def cells(arguments):
            name = arguments[-1].split("NAME =~ ")[1].split("/*")[0]
            return ["ff"] * (banks[name] - (name == lost))

        return cells

    whole = run_tcl(written.files["vivado"], found(None))
    if whole is not None:
        assert whole[1] == ""
        assert ("read_verilog", emitted.files[0]) in whole[0]
        assert any(c[0] == "synth_design" and "-keep_equivalent_registers" in c for c in whole[0])
        lost = "u_fc1_kernel/gen_tmr.u_bank_b"
        assert (
            f"{lost}: {banks[lost] - 1} of {banks[lost]}" in run_tcl(written.files["vivado"], found(lost))[1]
        )


def test_dont_touch_stops_at_a_name_that_is_not_there(written):
    outcome = run_tcl(written.files["dont-touch"], lambda arguments: ())
    if outcome is not None:
        assert "would not be kept" in outcome[1]


# The folder


def test_the_folder_can_be_read_as_a_design(written, emitted):
    copy = load(written.folder)
    assert copy.digest == emitted.digest
    assert written.files["yosys"].is_file()
    readme = (written.folder / "README.md").read_text()
    assert all(file.name in readme for file in written.files.values())


def test_an_unprotected_design_has_nothing_to_keep(design, tmp_path):
    bare = DesignPoint.unprotected(design.network)
    accelerator = emit(bare, architecture("serial", design.network), tmp_path / "d")
    plain = hand_over(accelerator, tmp_path / "plain")
    assert "dont-touch" not in plain.files
    assert "bits" not in plain.files
    assert "DONT_TOUCH TRUE" not in plain.files["xdc"].read_text()
    # With a plan it says which flip-flops another tool is to triplicate.
    planned = hand_over(accelerator, tmp_path / "planned", protected=design.plan.bits)
    row = next(csv.DictReader(planned.files["bits"].open()))
    assert row["replica_0"]
    assert row["replica_1"] == ""


def test_an_older_hand_over_is_replaced_and_nothing_else(emitted, tmp_path):
    target = tmp_path / "out"
    hand_over(emitted, target)
    (target / "stale").touch()
    hand_over(emitted, target)
    assert not (target / "stale").exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").touch()
    with pytest.raises(UsageError, match="no hand-over"):
        hand_over(emitted, foreign)
    with pytest.raises(UsageError, match="design itself"):
        hand_over(emitted, emitted.folder)


@pytest.mark.parametrize("period", [0.0, -1.0, float("nan")])
def test_an_impossible_period_is_refused(emitted, tmp_path, period):
    with pytest.raises(UsageError, match="period"):
        hand_over(emitted, tmp_path / "out", period=period)


@pytest.mark.parametrize("bits", [[0], [10**6], [-1]])
def test_a_plan_of_another_design_is_refused(emitted, tmp_path, bits):
    with pytest.raises(PlanError, match="plan protects"):
        hand_over(emitted, tmp_path / "out", protected=bits)


def test_documents_of_the_formats_are_plain(written):
    assert json.loads((written.folder / "design.json").read_text())["top"] in written.files["yosys"].name
