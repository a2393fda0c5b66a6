"""``netsurf signature`` as it is typed, and its section of the report; evidence is drawn, not measured."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from netsurf import cli, ir
from netsurf.cli.report import _signature
from netsurf.frontend import gather as gathering
from netsurf.frontend import spec as specs
from netsurf.rank.bits import widths
from netsurf.rank.signature import QUANTITIES


@pytest.fixture(autouse=True)
def drawn(tmp_path, monkeypatch):
    """A build folder of our own, gradients that are random numbers, and an initial network of zeros."""

    def gradients(subject, names, settings):
        rng = np.random.default_rng(int(subject.network.digest[:8], 16))
        for name in names:
            yield name, rng.exponential(size=len(widths(subject.network)))

    def initial(bench, folder):
        ir.save(ir.load(specs.load("mnist_fnn_p0250").folder), folder)

    monkeypatch.setenv("NETSURF_BUILD", str(tmp_path))
    monkeypatch.setattr(gathering, "_SOURCES", {**gathering._SOURCES, "gradients": gradients})
    monkeypatch.setattr(gathering, "initial_apart", initial)
    return tmp_path


def run(capsys, *arguments):
    code = cli.main(["signature", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_tables_a_document_and_files(capsys, drawn):
    words = ("mnist_fnn_p0125", "--against", "mnist_fnn", "--samples", "20")
    code, out, err = run(capsys, *words)
    assert code == 0
    assert "Distance of mnist_fnn_p0125 from mnist_fnn" in out
    assert all(name in out for name in QUANTITIES)
    folder = drawn / "mnist_fnn_p0125" / "signature"
    assert f"written: {folder}" in err
    assert (folder / "lorenz.svg").read_text().startswith("<svg")
    code, out, _ = run(capsys, *words, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["quantities"] == json.loads((folder / "signature.json").read_text())["quantities"]
    assert document["network"] == ir.load(specs.load("mnist_fnn_p0125").folder).digest
    counts = {
        row["quantity"]: (row["before"]["count"], row["after"]["count"]) for row in document["quantities"]
    }
    assert counts["magnitude"] == (50_890, 50_890 - 50_816 // 8)
    assert counts["delta"] == (305_340, 305_340 - 6 * 50_816 // 8)


def test_without_another_benchmark_it_is_before_training(capsys, drawn):
    code, out, _ = run(capsys, "mnist_fnn", "--samples", "20", "--json", "-o", str(drawn / "here"))
    document = json.loads(out)
    assert code == 0
    assert document["against"]["name"] == "before training"
    assert document["against"]["network"] == ir.load(specs.load("mnist_fnn_p0250").folder).digest
    assert (drawn / "here" / "signature.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mnist_fn",), "unknown benchmark 'mnist_fn' (did you mean mnist_fnn"),
        (("mnist_fnn", "--against", "dummi"), "unknown benchmark 'dummi' (did you mean dummy"),
        (
            ("dummy", "--against", "autompg"),
            "autompg and dummy (29,190 and 26,118 stored bits) have other tensors",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(capsys, drawn, words, said):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert re.match(rf"netsurf: {re.escape(said)}", err.splitlines()[-1])
    assert not list(drawn.rglob("signature.json"))


def test_the_report_shows_the_signature_of_its_own_network_only(tmp_path):
    file = tmp_path / "signature.json"
    assert _signature(file, "abc") is None
    file.write_text(json.dumps({"network": "abc", "quantities": []}))
    assert _signature(file, "abc")["quantities"] == []
    assert _signature(file, "abd") is None
    for damaged in ("{", "[]"):
        file.write_text(damaged)
        assert _signature(file, "abc") is None
