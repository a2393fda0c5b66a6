"""The command line as a whole: what it loads, what it returns, and how it says no."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from netsurf import __version__, cli
from netsurf.cli import app
from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.errors import DisagreementError, MissingToolError, NetworkError, ToolFailedError

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numpy",
    "scipy",
    "numba",
    "matplotlib",
    "duckdb",
    "tensorflow",
    "qkeras",
    "hls4ml",
    "cocotb",
    "rich",
    "pydantic",
}


def loaded_by(*arguments: str) -> set[str]:
    """Top-level modules in a fresh interpreter after ``netsurf ARGUMENTS``."""
    program = (
        "import json, sys; from netsurf.cli import main; code = main(sys.argv[1:]);"
        "print('\\n' + json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    code, modules = json.loads(run.stdout.splitlines()[-1])
    assert code == 0
    return set(modules)


def run_one(function, *arguments: str) -> int:
    """The exit code of ``main`` if ``function`` were the command ``doctor``."""

    class Module:
        pass

    Module.command = function
    sys.modules["netsurf.cli.doctor"], kept = Module, sys.modules.get("netsurf.cli.doctor")
    try:
        return cli.main(["doctor", *arguments])
    finally:
        if kept is None:
            del sys.modules["netsurf.cli.doctor"]
        else:
            sys.modules["netsurf.cli.doctor"] = kept


def failing(error: BaseException) -> click.Command:
    @command
    def fail(output: Output) -> None:
        """Fail."""
        raise error

    return fail


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in cli.COMMANDS)]
)
def test_help_loads_nothing_heavy(arguments):
    modules = loaded_by(*arguments)
    assert "click" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_examples_in_help_keep_their_lines(name, capsys):
    assert cli.main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert "\\b" not in said
    assert not [line for line in said.splitlines() if line.count(f"netsurf {name} ") > 1]


def test_the_probe_for_heavy_modules_sees_one():
    assert "numpy" in set(
        json.loads(
            subprocess.run(
                [sys.executable, "-c", "import numpy, sys, json; print(json.dumps(list(sys.modules)))"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
    )


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_in_the_table_is_one_file_with_the_common_options(name, capsys):
    assert cli.main([name, "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--json", "--quiet", "--debug", "--help"):
        assert option in text
    assert cli.COMMANDS[name].endswith(".")


def test_every_file_that_defines_a_command_is_in_the_table():
    helpers = {"common"}  # it shows what a command looks like
    defines = {
        file.stem
        for file in (ROOT / "netsurf" / "cli").glob("*.py")
        if file.stem not in helpers and "\ndef command(" in file.read_text()
    }
    assert defines == set(cli.COMMANDS)


def test_a_command_called_list_hides_nothing():
    program = "import netsurf.cli.list, sys; from netsurf.cli import main; sys.exit(main(['--version']))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_no_arguments_print_the_help(capsys):
    assert cli.main([]) == 0
    said = capsys.readouterr()
    assert "Commands:" in said.out
    assert "doctor" in said.out
    assert said.err == ""


def test_version(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"netsurf {__version__}\n"


def test_unknown_command_names_the_nearest(capsys):
    assert cli.main(["docter"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("netsurf: unknown command 'docter' (did you mean doctor?); known: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["doctor", "--jsn"], ["doctor", "extra"], ["--nothing"]])
def test_wrong_usage_says_what_to_type(arguments, capsys):
    assert cli.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("netsurf: ")
    assert said.endswith("--help\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (DisagreementError("3 of 40 pairs differ"), 1, "3 of 40 pairs differ"),
        (NetworkError("fc1: no kernel"), 2, "fc1: no kernel"),
        (MissingToolError("iverilog", "apt-get install -y iverilog"), 3, "type: apt-get install -y iverilog"),
        (ToolFailedError("g++", Path("a.log"), "boom"), 4, "g++ failed; its log is a.log"),
        (OSError(errno.ENOSPC, "No space left on device", "build/x"), 4, "the disk is full (build/x)"),
        (PermissionError(errno.EACCES, "Permission denied", "build/x"), 4, "Permission denied: 'build/x'"),
        (ZeroDivisionError("division by zero"), 4, "a defect in NetSurf: ZeroDivisionError"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyboardInterrupt("12 of 30 blocks kept; type: netsurf cosim x"), 130, "12 of 30 blocks kept"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(error, code, sentence, capsys):
    assert run_one(failing(error)) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.strip().startswith("netsurf: ")
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(capsys):
    assert run_one(failing(NetworkError("fc1: no kernel")), "--debug") == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("netsurf: fc1: no kernel\n")


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1)])
def test_what_a_command_returns_is_the_exit_code(answer, code):
    @command
    def give(output: Output) -> int | None:
        """Give."""
        return answer

    assert run_one(give) == code


def test_json_is_one_document_and_nothing_else(capsys):
    @command
    def both(output: Output) -> None:
        """Say everything."""
        output.say("for a person")
        output.note("beside the point")
        output.table(["a"], [[1]])
        with output.progress("counting") as progress:
            progress(1, 2)
        output.document({"path": Path("x"), "set": {2, 1}})

    assert run_one(both, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"path": "x", "set": [1, 2]}
    assert said.err == ""

    assert run_one(both) == 0
    said = capsys.readouterr()
    assert "for a person" in said.out
    assert "beside the point" in said.err

    assert run_one(both, "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_an_interrupt_from_the_keyboard_ends_with_130():
    """A shell starts what it runs in the background with interrupts ignored, and these tests may be that."""
    program = "import signal, sys; from netsurf.cli import main; from netsurf.cli import doctor;\n" + (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "doctor.examine = lambda **more: signal.raise_signal(signal.SIGINT)\nsys.exit(main(['doctor']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == app.INTERRUPTED
    assert "netsurf: interrupted" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_reader_that_goes_away_is_no_defect():
    program = "from netsurf.cli import main; import sys; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert run.returncode == app.PIPE_CLOSED
    assert run.stderr == ""


def test_python_m_netsurf_is_the_same_command():
    run = subprocess.run(
        [sys.executable, "-m", "netsurf", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stderr.startswith("netsurf: unknown command 'nothing'")


def test_make_help_lists_the_targets():
    run = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = {line.split()[0] for line in run.stdout.splitlines()[1:]}
    assert {"help", "setup", "train", "cosim", "test", "lint", "check", "clean"} <= listed
