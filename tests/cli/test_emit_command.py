"""`netsurf emit`: what it writes, what it prints, and how it refuses."""

import json

import pytest

from netsurf.cli import main
from netsurf.emit import load


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "design"


def test_json_is_the_design(folder, capsys):
    assert main(["emit", "autompg", "--level", "20", "-o", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    accelerator = load(folder)
    assert document["latency"] == accelerator.latency
    assert document["flip_flops"] == accelerator.flip_flops
    assert [store["tensor"] for store in document["stores"]] == [s.tensor for s in accelerator.stores]
    protected = sum(store["protected_bits"] for store in document["stores"])
    assert protected == round(0.2 * accelerator.stored_bits)


def test_words_for_a_person(folder, capsys):
    assert main(["emit", "autompg", "--architecture", "parallel", "-o", str(folder)]) == 0
    shown = capsys.readouterr()
    assert "module autompg_accelerator" in shown.out
    assert "interval 1 cycles" in shown.out
    assert f"wrote {folder}" in shown.err


def test_a_plan_decides_instead_of_a_ranking(folder, tmp_path):
    from netsurf import ir
    from netsurf.harden import ProtectionPlan, save_plan
    from netsurf.paths import benchmarks

    network = ir.load(benchmarks() / "autompg")
    plan = ProtectionPlan(network.digest, network.stored_bits, [5, 7, 11])
    path = save_plan(plan, tmp_path / "plan.json")
    assert main(["emit", "autompg", "--plan", str(path), "-o", str(folder)]) == 0
    assert load(folder).plan == plan.digest
    assert main(["emit", "dummy", "--plan", str(path), "-o", str(folder)]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["emit", "autompgg"], "did you mean autompg"),
        (["emit", "autompg", "--architecture", "seriell"], "serial"),
        (["emit", "autompg", "--level", "101"], "101"),
        (["emit", "autompg", "--ranker", "mbs"], "unknown ranker 'mbs'"),
        (["emit", "autompg", "--plan", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_requests_write_nothing(folder, capsys, arguments, said):
    assert main([*arguments, "-o", str(folder)]) == 2
    assert said in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_of_something_else_is_left_alone(folder, capsys):
    folder.mkdir()
    (folder / "thesis.tex").touch()
    assert main(["emit", "autompg", "-o", str(folder)]) == 2
    assert "holds files but no emitted design" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.rtl
def test_check_has_three_tools_read_it(folder, capsys):
    assert main(["emit", "dummy", "--level", "10", "--check", "-o", str(folder), "--json"]) == 0
    readings = json.loads(capsys.readouterr().out)["readings"]
    assert [reading["tool"] for reading in readings] == ["verilator", "icarus", "pyverilog"]


@pytest.mark.rtl
@pytest.mark.parametrize(
    ("old", "new"),
    [("wire [7:0] x =", "wire [6:0] x ="), ("u_fc1_kernel (", "u_fc1_kernle ("), ("endmodule", "")],
)
def test_a_design_with_a_defect_is_refused(folder, tmp_path, old, new):
    """The negative controls of --check: a truncated port, another instance name, half a file."""
    from netsurf.cosim.readers import read_everywhere
    from netsurf.errors import NetsurfError

    main(["emit", "dummy", "-o", str(folder), "--quiet"])
    accelerator = load(folder)
    top = accelerator.paths[-1]
    text = top.read_text()
    assert old in text
    top.write_text(text.replace(old, new))
    with pytest.raises(NetsurfError):
        read_everywhere(accelerator, tmp_path / "logs")
