"""The command line: one table of commands, one file a command, loaded when asked for.

A command ``x`` lives in ``netsurf/cli/x.py`` and is the object ``command`` in it, made with
`netsurf.cli.common.command`; ``COMMANDS`` holds its one-line summary. So ``netsurf --help``
imports `netsurf.cli.app` and click alone, and ``netsurf x --help`` adds one small module. This file
holds no other code: a command may be called ``list``, and its module then hides the built-in here.

Click and not typer: on two cores ``--help`` takes 0.08 s with click and 0.3 s with typer.

Exit codes: 0 done; 1 the result says no; 2 a request that cannot be carried out; 3 a tool is
missing; 4 a tool, or NetSurf itself, failed; 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence

COMMANDS: dict[str, str] = {
    "doctor": "Say what is installed, try each simulator, and name the fix for what is missing.",
    "list": "List the benchmarks: data, layers, formats, pruned weights, stored bits and test score.",
    "train": "Train a benchmark, convert it to integers, and write its folder.",
    "convert": "Read a trained QKeras model through hls4ml into an integer network.",
    "emit": "Write a design point as Verilog with its site map.",
    "cosim": "Run the main job: emit, simulate, upset, compare every engine, certify.",
    "report": "Write the report of a finished main job.",
    "inject": "Upset stored bits of the integer network and measure what is left of it.",
    "avf": "Upset registers and voters too, and say when weights stop being the problem.",
    "mbu": "Upset neighbouring stored bits together, and interleave them.",
    "harden": "Choose which stored bits to triplicate, and say what that buys.",
    "compare": "Judge rankers on networks side by side, at every level and rate, on the same upsets.",
    "area": "Say what each protection level costs in LUTs and um^2, and audit every replica.",
    "prove": "Prove that no upset of a protected bit reaches an output, and that synthesis kept it.",
    "rank": "Order the stored bits by what their upset does, and judge the orders.",
    "signature": "Say how sensitivity is spread over weights and bits, before and after training.",
    "mission": "Say what radiation leaves of a network: accuracy over time, MTTF, FIT.",
    "handover": "Write an emitted design for FuseSoC, Yosys, Vivado, ASIC flows and TMR tools.",
    "golden": "Draw the fixed fault list of a benchmark and write its golden outcome counts.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; print errors as one sentence on stderr.

    Parameters
    ----------
    arguments
        What was typed after ``netsurf``; ``sys.argv[1:]`` if None.
    """
    import sys

    from netsurf.cli import app

    return app.run([*(sys.argv[1:] if arguments is None else arguments)])
