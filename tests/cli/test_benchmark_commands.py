"""``netsurf list``, ``train`` and ``convert``, as they are typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from netsurf import cli, ir
from netsurf.errors import DataError
from netsurf.frontend import artefacts
from netsurf.frontend import spec as specs


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_list_is_a_table(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert len(out.splitlines()) == 2 + len(specs.names())
    assert "784-64-10" in out


def test_list_as_json_has_every_benchmark(capsys):
    entries = listed(capsys)
    assert set(entries) == set(specs.names())
    assert entries["mnist_fnn"]["certificate"].endswith(" pairs, 0 wrong")
    assert entries["mnist_fnn"]["engines"]["rtl-verilator serial"] == 0.9828
    assert {"exhaustive", "area"} <= set(entries["mnist_fnn"]["results"].split())
    assert entries["mnist_fnn"]["stored_bits"] == ir.load(specs.load("mnist_fnn").folder).stored_bits


def test_a_certificate_is_shown_for_the_network_that_it_names_alone(capsys, tmp_path, monkeypatch):
    """The kept certificate of ``mnist_fnn`` says nothing of another network under that name."""
    source, copy = specs.load("mnist_fnn").folder, tmp_path / "mnist_fnn"
    copy.mkdir()
    for name in (specs.FILE, "golden.json"):
        (copy / name).write_bytes((source / name).read_bytes())
    monkeypatch.setenv("NETSURF_BENCHMARKS", str(tmp_path))
    assert listed(capsys)["mnist_fnn"]["certificate"].endswith(" pairs, 0 wrong")
    golden = json.loads((copy / "golden.json").read_text())
    (copy / "golden.json").write_text(json.dumps({**golden, "network": "0" * 64}))
    assert listed(capsys)["mnist_fnn"]["certificate"] == ""
    assert listed(capsys)["mnist_fnn"]["engines"] == {}


def listed(capsys) -> dict[str, dict]:
    """What ``netsurf list --json`` says of each benchmark."""
    code, out, _ = run(capsys, "list", "--json")
    assert code == 0
    return {entry["benchmark"]: entry for entry in json.loads(out)["benchmarks"]}


def test_a_benchmark_that_was_never_trained_says_so(capsys, tmp_path, monkeypatch):
    (tmp_path / "fresh").mkdir()
    text = (specs.load("dummy").folder / specs.FILE).read_text()
    (tmp_path / "fresh" / specs.FILE).write_text(text)
    monkeypatch.setenv("NETSURF_BENCHMARKS", str(tmp_path))
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert "fresh" in out
    assert "not trained" in out


def test_what_is_not_committed_of_a_large_benchmark_is_asked_for(capsys, tmp_path, monkeypatch):
    """Only what reads a file misses it: the model for gradients and conversion, the network for the rest."""
    shutil.copytree(specs.load("dummy").folder, tmp_path / "dummy")
    monkeypatch.setenv("NETSURF_BENCHMARKS", str(tmp_path))
    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path / "build"))
    (tmp_path / "dummy" / "model.h5").unlink()
    without_model = ("list",), ("rank", "dummy", "--method", "msb", "--trials", "0", "--quiet")
    assert [run(capsys, *words)[0] for words in without_model] == [0, 0]
    with pytest.raises(DataError, match=r"model\.h5 does not exist; type: netsurf train dummy"):
        artefacts.model_of(specs.load("dummy"))
    (tmp_path / "dummy" / "network.npz").unlink()
    assert run(capsys, "list")[0] == 0
    for words in (
        ("rank", "dummy"),
        ("inject", "dummy", "--ber", "1e-3"),
        ("cosim", "dummy"),
        ("golden", "dummy"),
    ):
        code, _, err = run(capsys, *words)
        assert code == 2
        assert err == f"netsurf: {tmp_path}/dummy/network.npz does not exist; type: netsurf train dummy\n"


@pytest.mark.parametrize("command", ["train", "convert"])
def test_an_unknown_benchmark_is_one_sentence(capsys, command):
    code, out, err = run(capsys, command, "mnist_fn")
    assert code == 2
    assert out == ""
    assert err.startswith("netsurf: unknown benchmark 'mnist_fn' (did you mean mnist_fnn")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "more",
    [("--layers", "fc1"), ("--architectures", "serial"), ("--transients", "3"), ("--netlist", "words")],
)
def test_software_and_rtl_exclude_each_other(capsys, more):
    code, _, err = run(capsys, "cosim", "dummy", "--software", *more)
    assert code == 2
    assert err == f"netsurf: --software runs no RTL: leave out {more[0]}, or --software\n"


def test_epochs_must_be_positive(capsys):
    code, _, err = run(capsys, "train", "dummy", "--epochs", "0")
    assert code == 2
    assert "0 is not in the range" in err


def test_a_model_needs_an_input_format(capsys):
    code, _, err = run(capsys, "convert", "some.h5")
    assert code == 2
    assert "add for example --input 'ufixed<8,0>'" in err


@pytest.mark.tf
class TestWithTensorFlow:
    def test_train_leaves_a_whole_folder(self, capsys, tmp_path):
        code, out, err = run(capsys, "train", "dummy", "--epochs", "1", "--out", str(tmp_path), "--json")
        document = json.loads(out)
        assert code == 0
        assert err == ""
        assert document["network"] == ir.load(tmp_path).digest
        assert Path(document["folder"]) == tmp_path

    def test_trying_out_epochs_leaves_the_benchmark_alone(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
        before = (specs.load("dummy").folder / "golden.json").read_bytes()
        code, _, _ = run(capsys, "train", "dummy", "--epochs", "1", "--quiet")
        assert code == 0
        assert (tmp_path / "dummy" / "train" / "golden.json").exists()
        assert (specs.load("dummy").folder / "golden.json").read_bytes() == before

    def test_convert_gives_the_committed_network(self, capsys, tmp_path):
        code, out, _ = run(capsys, "convert", "dummy", "--out", str(tmp_path))
        assert code == 0
        assert "equal to the Keras model on 256 random inputs" in out
        assert ir.load(tmp_path).digest == ir.load(specs.load("dummy").folder).digest

    def test_convert_takes_a_model_file(self, capsys, tmp_path):
        model = str(specs.load("dummy").folder / "model.h5")
        options = ("--input", "fixed<8,1>", "--name", "line", "--task", "regression", "--out", str(tmp_path))
        code, out, _ = run(capsys, "convert", model, *options, "--json")
        assert code == 0
        assert json.loads(out)["name"] == ir.load(tmp_path).name == "line"

    def test_convert_takes_the_zeros_of_a_model_file_for_pruned_if_asked(self, capsys, tmp_path):
        variant = specs.load("mnist_fnn_p0500").folder
        words = (
            str(variant / "model.h5"),
            "--input",
            "ufixed<8,0>",
            "--name",
            "pruned",
            "--out",
            str(tmp_path),
        )
        expected = ir.load(variant).parameters
        for extra in ((), ("--pruned",)):
            code, _, _ = run(capsys, "convert", *words, *extra)
            found = ir.load(tmp_path).parameters
            assert code == 0
            for name, parameter in found.items():
                assert np.array_equal(parameter.codes, expected[name].codes)
                if extra and expected[name].pruned is not None:
                    assert np.array_equal(parameter.pruned, expected[name].pruned)
                else:
                    assert parameter.pruned is None

    def test_an_interrupted_training_leaves_nothing(self, capsys, tmp_path, monkeypatch):
        from netsurf.frontend import artefacts

        def interrupt(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(artefacts, "convert_benchmark", interrupt)
        code, _, err = run(capsys, "train", "dummy", "--epochs", "1", "--out", str(tmp_path))
        assert code == 130
        assert "interrupted" in err
        assert not list(tmp_path.iterdir())
