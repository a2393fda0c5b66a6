"""Run one command: find its module, and turn whatever goes wrong into a sentence and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import traceback

import click

from netsurf import __version__
from netsurf.cli import COMMANDS
from netsurf.errors import NetsurfError, UnknownNameError

INTERRUPTED = 130
FAILED = 4
PIPE_CLOSED = 141


class _Commands(click.Group):
    """A click group whose commands are imported one at a time from ``netsurf.cli``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            raise UnknownNameError("command", cmd_name, COMMANDS)
        return importlib.import_module(f"netsurf.cli.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="netsurf", message="%(prog)s %(version)s")
@click.pass_context
def _netsurf(ctx: click.Context) -> None:
    """From a quantised neural network to a hardened, cross-checked accelerator.

    Start with `netsurf doctor`. Every command has --help and --json.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(typed: list[str]) -> int:
    """Run what was typed after ``netsurf``; see `netsurf.cli.main`."""
    try:
        code = _invoke(typed)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last frame before the shell
        if "--debug" in typed:
            traceback.print_exc()
        return _explain(error)
    return code


def _invoke(typed: list[str]) -> int:
    try:
        # Not click's own `main`, which turns a closed pipe into exit code 1: "the result says no".
        with _netsurf.make_context("netsurf", list(typed)) as context:
            return _netsurf.invoke(context) or 0
    except click.exceptions.Exit as done:  # --help and --version
        return done.exit_code


def _explain(error: BaseException) -> int:
    """Say ``error`` in one sentence and return the exit code that belongs to it."""
    if isinstance(error, BrokenPipeError):  # the reader went away, as `head` does: no defect
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the flush at exit
        return PIPE_CLOSED
    sentence, code = _sentence(error)
    with contextlib.suppress(OSError):
        print(f"netsurf: {sentence}", file=sys.stderr)
    return code


def _sentence(error: BaseException) -> tuple[str, int]:
    match error:
        case NetsurfError():
            return str(error), error.exit_code
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "netsurf"
            return f"{_lower(error.format_message()).rstrip('.')}; type: {where} --help", 2
        case click.ClickException():
            return error.format_message(), error.exit_code
        case KeyboardInterrupt():
            default = "interrupted; nothing half-written was kept, type the same command again"
            return str(error) or default, INTERRUPTED
        case OSError(errno=errno.ENOSPC):
            return f"the disk is full ({error.filename or 'no file named'}); make room and run again", FAILED
        case OSError():
            return f"{error}", FAILED
        case _:
            return f"a defect in NetSurf: {type(error).__name__}: {error}; --debug shows where", FAILED


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
