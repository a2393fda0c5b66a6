"""``netsurf list``: the benchmarks that are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.frontend.spec import BenchmarkSpec


@command
def command(output: Output) -> None:
    """List the benchmarks: data, layers, formats, pruned weights, stored bits and test score as integers."""
    from netsurf.frontend import spec as specs

    rows = [_describe(specs.load(name)) for name in specs.names()]
    columns = ["benchmark", "data", "layers", "scheme", "pruned", "stored_bits", "score"]
    output.table(columns, [[row[key] for key in columns] for row in rows])
    output.document({"benchmarks": rows})


def _describe(spec: BenchmarkSpec) -> dict[str, Any]:
    golden = _golden(spec)
    return {
        "benchmark": spec.name,
        "title": spec.title,
        "data": spec.data,
        "task": spec.task,
        "layers": spec.shape,
        "scheme": spec.scheme_text,
        "pruned": f"{spec.sparsity:.1%}" if spec.pruning else "",
        "sparsity": spec.sparsity,
        "like": spec.like,
        "stored_bits": golden.get("stored_bits"),
        "score": _score(golden),
        "test": golden.get("test"),
    }


def _golden(spec: BenchmarkSpec) -> dict[str, Any]:
    """Numbers of golden.json; none if the benchmark was never trained."""
    from netsurf.frontend import golden

    return golden.read(spec) if (spec.folder / golden.FILE).exists() else {}


def _score(golden: dict[str, Any]) -> str:
    if not golden:
        return "not trained"
    name, value = next(iter(golden["test"]["integer"].items()))
    return f"{name} {value:.4g}"
