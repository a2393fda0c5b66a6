"""What every command has in common: ``--json``, ``--quiet``, ``--debug``, and an `Output`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from netsurf.cli.output import Output


def command(function: Callable[..., Any]) -> click.Command:
    """Turn a function into a command with the common options; it gets an `Output` as first argument.

    The function's docstring is the help text and its name, with ``_`` as ``-``, is the command's.
    It returns None or 0 when all is well and 1 when the result says no; everything else that can
    go wrong is an exception of `netsurf.errors`.

    Examples
    --------
    A whole command, ``netsurf/cli/count.py``, plus one line in `netsurf.cli.COMMANDS`::

        import click
        from netsurf.cli.common import command
        from netsurf.cli.output import Output

        @command
        @click.argument("bench")
        @click.option("--samples", default=16, show_default=True, help="Test samples to use.")
        def command(output: Output, bench: str, samples: int) -> int | None:
            \"\"\"Count the stored bits of BENCH.\"\"\"
            from netsurf.ir import load                         # heavy imports go here

            with output.progress("counting bits") as progress:  # progress(done, total, note)
                rows = count(load(bench), samples, progress=progress)
            output.table(["tensor", "bits"], rows, title=bench)
            output.document({"benchmark": bench, "tensors": rows})
    """

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
    @click.option("--quiet", is_flag=True, help="No progress and no notes.")
    @click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
    @functools.wraps(function)
    def run(*arguments: Any, as_json: bool, quiet: bool, debug: bool, **options: Any) -> Any:
        return function(Output(as_json=as_json, quiet=quiet), *arguments, **options)

    # In a raw docstring the mark before lines that are not to be joined is two characters; Click knows one.
    text = (function.__doc__ or "").replace("\\b\n", "\b\n")
    return click.command(help=text, context_settings={"help_option_names": ["-h", "--help"]})(run)
