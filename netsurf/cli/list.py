"""``netsurf list``: the benchmarks that are there, and what is known about each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.frontend.spec import BenchmarkSpec

COLUMNS = (
    "benchmark", "data", "layers", "scheme", "parameters", "stored_bits", "float", "integer", "certificate",
)  # fmt: skip
"""What the table shows; ``--json`` has the rest too."""


@command
def command(output: Output) -> None:
    """List the benchmarks: data, layers, formats, size, test scores, and what was run on each.

    `integer` is the score of every engine that the certificate counts, for they compute the same outputs.
    """
    from netsurf.frontend import spec as specs

    rows = [_describe(specs.load(name)) for name in specs.names()]
    output.table(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    output.document({"benchmarks": rows})


def _describe(spec: BenchmarkSpec) -> dict[str, Any]:
    golden = _golden(spec)
    certificate = _certificate(spec, golden.get("network"))
    scores = {kind: _score(golden, kind) for kind in ("float", "quantised", "integer")}
    return {
        "benchmark": spec.name,
        "title": spec.title,
        "data": f"{spec.data} ({golden['data']['source']})" if golden else spec.data,
        "task": spec.task,
        "layers": spec.shape,
        "scheme": spec.scheme_text,
        "pruned": f"{spec.sparsity:.1%}" if spec.pruning else "",
        "sparsity": spec.sparsity,
        "like": spec.like,
        "parameters": golden.get("parameters"),
        "stored_bits": golden.get("stored_bits"),
        **scores,
        "test": golden.get("test"),
        "certificate": _agreed(certificate),
        "engines": _engines(certificate),
        "results": " ".join(_results(spec.name)),
    }


def _golden(spec: BenchmarkSpec) -> dict[str, Any]:
    """Numbers of golden.json; none if the benchmark was never trained."""
    from netsurf.frontend import golden

    return golden.read(spec) if (spec.folder / golden.FILE).exists() else {}


def _score(golden: dict[str, Any], kind: str) -> str:
    if not golden:
        return "not trained"
    name, value = next(iter(golden["test"][kind].items()))
    return f"{value:.4g}" if name == "accuracy" else f"{name} {value:.4g}"


def _certificate(spec: BenchmarkSpec, network: str | None) -> dict[str, Any]:
    """The last certificate of this very network: of this checkout's runs, else the one kept in docs."""
    from netsurf.certify.files import CERTIFICATE, read_certificate
    from netsurf.errors import StoreError
    from netsurf.paths import build

    for path in (build() / spec.name / "cosim" / CERTIFICATE, _kept() / f"{spec.name}-{CERTIFICATE}"):
        try:
            document = read_certificate(path.parent, path.name)
        except StoreError:
            continue
        if document.get("network") == network:
            return document
    return {}


def _kept() -> Path:
    """Results of slow runs that the repository keeps."""
    from netsurf.paths import root

    return root() / "docs" / "results"


def _agreed(document: dict[str, Any]) -> str:
    from netsurf.report import differing

    if not document:
        return ""
    return f"{document['agreement']['pairs']:,} pairs, {differing(document)} wrong"


def _engines(document: dict[str, Any]) -> dict[str, float]:
    """Accuracy of each engine and micro-architecture over the samples that it ran."""
    runs = document.get("accuracies", [])
    return {f"{run['engine']} {run['architecture']}".strip(): run["accuracy"] for run in runs}


def _results(name: str) -> list[str]:
    """What docs/results keeps of a benchmark beside its certificate: exhaustive, avf-serial, area, ..."""
    found = {path.stem for path in _kept().glob(f"*{name}*.json")}
    after = {stem.removeprefix(f"{name}-") for stem in found if stem.startswith(f"{name}-")}
    before = {stem.removesuffix(f"-{name}") for stem in found if stem.endswith(f"-{name}")}
    return sorted((after | before) - {"certificate"})
