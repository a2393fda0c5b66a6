"""Writes tables of ``docs/benchmarks.md`` and ``docs/cosim.md``: python tests/benchmarks_page.py."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from netsurf.frontend import spec as specs
from netsurf.frontend.spec import BenchmarkSpec

DOCS = Path(__file__).resolve().parents[1] / "docs"

FIRST = ("mnist_fnn", "mnist_fnn_lite", "fashion_mnist_fnn", "autompg", "dummy")
"""Benchmarks at the top of the table; the others follow by name."""

ELSEWHERE = {
    "cifar10_resnet18": ("does not build", "-"),
    "jet_tagging": ("-", "75 to 76 % (another generator, 830,000 jets)"),
    "keyword_spotting": ("-", "90 % (MLPerf Tiny's target, real data)"),
    "mnist_hls4ml": ("94.0 % (validation)", "goal 95 %"),
    "mnist_lenet5": ("-", "99.05 % (LeCun 1998, float)"),
    "smartpixel_large": ("-", "74.5 % (real data, 3x32)"),
    "smartpixel_small": ("-", "72.9 % (real data)"),
    "tinyml_anomaly_detection": ("-", "AUC 0.85 (MLPerf Tiny's target, real data)"),
    "tinyml_cifar10_resnetv1": ("-", "85 % (MLPerf Tiny's target, real data)"),
    "tinyml_human_activity_recognition": ("no data: its loader returns none", "goal 90 %"),
    "tinyml_person_detection": ("-", "80 % (MLPerf Tiny's target, real data)"),
}
"""Accuracies that the original and others state."""


def trained() -> list[BenchmarkSpec]:
    """Benchmarks that are no variants and have golden numbers, in the order of the table."""
    names = [*FIRST, *(name for name in specs.names(variants=False) if name not in FIRST)]
    return [spec for spec in map(specs.load, names) if (spec.folder / "golden.json").exists()]


def scores(found: list[BenchmarkSpec]) -> str:
    """The table of networks, data and scores."""
    head = (
        "benchmark", "network", "scheme", "data", "parameters", "stored bits",
        "float", "integer", "QKeras", "the original", "public",
    )  # fmt: skip
    return _table(head, [_scores(spec) for spec in found])


def _scores(spec: BenchmarkSpec) -> tuple[str, ...]:
    golden = json.loads((spec.folder / "golden.json").read_text())
    return (
        f"`{spec.name}`",
        spec.shape,
        spec.scheme_text.replace("q", ""),
        golden["data"]["source"],
        f"{golden['parameters']:,}",
        f"{golden['stored_bits']:,}",
        _score(golden["test"]["float"]),
        _score(golden["test"]["integer"]),
        _alike(golden),
        *ELSEWHERE.get(spec.name, ("-", "-")),
    )


def _score(numbers: dict[str, float]) -> str:
    return (
        f"{numbers['accuracy']:.2%}".replace("%", " %")
        if "accuracy" in numbers
        else f"R² {numbers['r2']:.3f}"
    )


def _alike(golden: dict[str, Any]) -> str:
    if "equal_samples" in golden:
        return "equal on all"
    return f"{golden['alike_samples']:,} of {golden['test']['samples']:,} decisions"


ENGINES = (
    ("fast", None),
    ("csim", None),
    ("rtl-verilator", "reuse"),
    ("rtl-verilator", "parallel"),
    ("rtl-icarus", "reuse"),
    ("rtl-icarus", "parallel"),
)
REUSE = {"serial": "reuse", "spec": "reuse"}
"""Micro-architectures that use a multiplier again: of one sum at a time, or by the file's reuse factors."""


def certificates(found: list[BenchmarkSpec]) -> str:
    """The table of pairs that each engine ran, from the certificates that docs/results keeps."""
    head = (
        "benchmark", "RTL of", "levels", "fast", "C simulation",
        "Verilator, reuse", "parallel", "Icarus, reuse", "parallel", "mismatches",
    )  # fmt: skip
    documents = [_certificate(spec) for spec in found]
    return _table(head, [_pairs(document) for document in documents if document])


def _certificate(spec: BenchmarkSpec) -> dict[str, Any]:
    path = DOCS / "results" / f"{spec.name}-certificate.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _pairs(document: dict[str, Any]) -> tuple[str, ...]:
    runs: Counter[tuple[str, str | None]] = Counter()
    for run in document["engines"]:
        design = run["architecture"] and run["architecture"].split()[-1]  # "LAYER spec" in cross-layer mode
        runs[run["name"], REUSE.get(design, design)] += run["pairs"]
    return (
        f"`{document['benchmark']}`",
        _simulated(document),
        ", ".join(f"{level:.0%}".rstrip("%") for level in document["spec"]["levels"]) + " %",
        *(f"{runs[engine]:,}" if engine in runs else "-" for engine in ENGINES),
        str(sum(run["mismatches"] for run in document["engines"])),
    )


def _simulated(document: dict[str, Any]) -> str:
    """What of the accelerator was simulated."""
    if document.get("mode", "whole") == "whole":
        return "all"
    return ", ".join(f"`{layer['layer']}`" for layer in document["layers"]) or "-"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def speeds(found: list[BenchmarkSpec]) -> str:
    """The table of build times and speeds, of the certificates that have them."""
    head = (
        "benchmark", "design", "latency, interval (cycles)", "flip-flops", "build (s)",
        "Verilator", "Icarus", "C simulation", "fast",
    )  # fmt: skip
    documents = [document for document in map(_certificate, found) if document]
    timed = [document for document in documents if "build_seconds" in document["levels"][0]]
    return _table(head, [row for document in timed for row in _speeds(document)])


def _speeds(document: dict[str, Any]) -> list[tuple[str, ...]]:
    level = document["levels"][0]
    timed = [run for run in document["engines"] if run["seconds"]]  # of a layer, at its boundary
    rates = {(run["name"].removesuffix(" boundary"), run["architecture"]): _rate(run) for run in timed}
    shared = rates[("csim", None)], rates[("fast", None)]
    return [
        (
            "" if number else f"`{document['benchmark']}`",
            f"`{design}`",
            "{latency:,}, {interval:,}".format(**cycles),
            f"{level['flip_flops'][design]:,}",
            _build(level["build_seconds"][design]),
            rates[("rtl-verilator", design)],
            rates[("rtl-icarus", design)],
            *(("", "") if number else shared),
        )
        for number, (design, cycles) in enumerate(level["cycles"].items())
    ]


def _build(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 0.5 else "was there"


def _rate(run: dict[str, Any]) -> str:
    """Pairs a second of wall time, to two digits; a run of Icarus builds and loads each time as well."""
    rate = float(f"{run['pairs'] / run['seconds']:.2g}")
    return f"{rate:,g}"


PAGES = {
    "benchmarks.md": {"scores": scores, "certificates": certificates},
    "cosim.md": {"speeds": speeds},
}
"""Pages of docs, and the tables that are written between marks in each."""


def page(name: str, text: str) -> str:
    """A page with the tables of now between their marks."""
    found = trained()
    for mark, table in PAGES[name].items():
        marks = rf"(<!-- {mark} -->\n).*(<!-- end of {mark} -->)"
        rows = table(found).replace("\\", r"\\")
        text = re.sub(marks, rf"\g<1>{rows}\g<2>", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for name in PAGES:
        path = DOCS / name
        path.write_text(page(name, path.read_text()))
