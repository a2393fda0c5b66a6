"""A run of Yosys counts only if its last command and every report are there."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netsurf.errors import MissingToolError, ToolFailedError
from netsurf.toolchain import run_yosys, yosys
from netsurf.toolchain.yosys import END

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Put a shell script in the place of Yosys."""

    def install(body: str) -> None:
        program = tmp_path / "yosys"
        program.write_text(f'#!/bin/sh\n[ "$1" = -V ] && exit 0\n{body}\n')
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


def test_yosys_ends_with_whoever_started_it(tmp_path):
    """A killed NetSurf leaves no Yosys behind that eats the machine."""
    (tmp_path / "go.py").write_text(
        "from pathlib import Path\nfrom netsurf.toolchain import run_yosys\n"
        "run_yosys(['exec -- echo $PPID >pid', 'exec -- sleep 60'], Path('.'))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "go.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    pid = _appears(tmp_path / "pid")
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").exists() and _state(pid) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _appears(path):
    deadline = time.monotonic() + 60
    while not (path.is_file() and path.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(path.read_text())


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"
