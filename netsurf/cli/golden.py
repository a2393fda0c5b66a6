"""``netsurf golden``: the fixed fault list of a benchmark and its golden outcome counts."""

from __future__ import annotations

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output


@command
@click.argument("bench")
def command(output: Output, bench: str) -> None:
    """Draw the fixed fault list of BENCH and write its outcome counts to golden.json.

    The reference executor computes them; `pytest sim/` replays the list in every engine.
    """
    from netsurf.certify.regression import (
        FAULTS,
        Regression,
        draw_faults,
        fixed_design,
        fixed_samples,
        golden_outcomes,
    )
    from netsurf.fault import write_fault_list
    from netsurf.files import write_json
    from netsurf.frontend import golden
    from netsurf.frontend import spec as specs
    from netsurf.ir import load

    spec = specs.load(bench)
    design = fixed_design(load(spec.folder))
    inputs, _ = specs.testdata(spec)
    faults = draw_faults(design)
    regression = Regression(design, faults, fixed_samples(faults, len(inputs)))
    outcomes = golden_outcomes(regression, inputs, spec.output_tolerance)
    write_fault_list(spec.folder / FAULTS, design.network, faults)
    write_json(spec.folder / golden.FILE, {**golden.read(spec), "outcomes": outcomes})
    output.table(("outcome", "pairs"), outcomes["counts"].items(), f"{bench}: {len(faults)} faults")
    output.document({"benchmark": bench, **outcomes})
