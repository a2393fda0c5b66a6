"""A run of Yosys counts only if its last command and every report are there."""

from __future__ import annotations

import stat

import pytest

from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.toolchain import run_yosys, yosys
from netsurf.toolchain.yosys import END


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Put a shell script in the place of Yosys."""

    def install(body: str) -> None:
        program = tmp_path / "yosys"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("NETSURF_YOSYS", str(program))

    return install


def test_a_whole_run_returns_its_reports_and_what_it_took(tmp_path):
    (tmp_path / "d.v").write_text("module d(input a, input b, output y); assign y = a ^ b; endmodule\n")
    script = ["read_verilog d.v", "synth -top d", "tee -q -o stat.json stat -json"]
    run = run_yosys(script, tmp_path, reports=["stat.json"])
    assert '"$_XOR_"' in run.reports["stat.json"]
    assert run.version.startswith("pyosys 0.")
    assert run.seconds > 0
    assert run.peak_mb > 1
    assert "Executing SYNTH pass" in run.log.read_text()


def test_an_error_of_yosys_is_said_with_its_log(tmp_path):
    with pytest.raises(ToolFailedError, match=r"exit code 1[\s\S]*nothing_there"):
        run_yosys(["read_verilog nothing_there.v"], tmp_path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 0", "stopped before its last command although its exit code is 0"),
        (f"echo stale > {END}; echo {{}} > stat.json", "stopped before its last command"),
        ("exit 7", "exit code 7"),
        ("kill -9 $$", "killed by signal 9"),
        (f"sed -n 's/.* log //p' $2 > {END}", "wrote no stat.json although its exit code is 0"),
        (f"sed -n 's/.* log //p' $2 > {END}; : > stat.json", "wrote no stat.json"),
    ],
)
def test_half_a_run_is_no_run(tmp_path, pretend, body, said):
    pretend(body)
    (tmp_path / "stat.json").write_text("of an earlier run")
    with pytest.raises(ToolFailedError, match=said):
        run_yosys(["tee -o stat.json stat"], tmp_path, reports=["stat.json"])


def test_a_pretender_that_does_everything_is_believed(tmp_path, pretend):
    """So the refusals above are not for being a pretender."""
    pretend(f"sed -n 's/.* log //p' $2 > {END}; echo {{}} > stat.json")
    assert run_yosys(["stat"], tmp_path, reports=["stat.json"]).reports == {"stat.json": "{}\n"}


def test_a_run_that_hangs_is_stopped(tmp_path, pretend):
    pretend("exec sleep 60")
    with pytest.raises(ToolFailedError, match=r"stopped after 0\.2 s"):
        run_yosys(["stat"], tmp_path, timeout=0.2)


def test_no_yosys_names_the_fix(monkeypatch):
    monkeypatch.setenv("NETSURF_YOSYS", "no-such-program")
    with pytest.raises(MissingToolError, match="apt-get install -y yosys"):
        yosys()
