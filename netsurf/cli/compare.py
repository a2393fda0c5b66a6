"""``netsurf compare``: rankers, networks and orderings side by side, under the same upsets."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.rank import parse_options, settings_of
from netsurf.cli.values import Fraction, Fractions, Names

if TYPE_CHECKING:
    from netsurf.campaign.campaign import Campaign
    from netsurf.campaign.experiment import Grid, Measured
    from netsurf.campaign.interrupt import Stop
    from netsurf.campaign.run import Outcome
    from netsurf.cli.progress import Progress
    from netsurf.frontend.comparison import Comparison
    from netsurf.frontend.ranking import Request

LEVELS = "1%,5%,10%,15%,20%,25%,30%,35%,40%"
BERS = "0.1%,0.5%,1%,5%,10%,15%"
REFERENCES = ("oracle", "oracle2")
PROTECTIONS = ("tmr", "ideal")
RESULT = "seconds.json"
"""Trials and seconds of a run folder so far, beside its rows."""


@command
@click.argument("benches", metavar="BENCH,...", type=Names(), required=False)
@click.option("--method", type=Names(), default="all", show_default=True, help="Methods, or all of them.")
@click.option("--levels", type=Fractions(), default=LEVELS, show_default=True, help="Protection.")
@click.option("--ber", type=Fractions(), default=BERS, show_default=True, help="Rates of upsets.")
@click.option("--trials", type=int, default=20, show_default=True, help="Faulty models of each cell.")
@click.option(
    "--ordering",
    type=Names(),
    default="free",
    show_default=True,
    help="free, bitplane, or both with a comma.",
)
@click.option(
    "--protection", type=Names(), default="tmr", show_default=True, help="tmr, ideal, or both with a comma."
)
@click.option("--option", multiple=True, metavar="METHOD.KEY=VALUE", help="Option of a method, hessian.k=2.")
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="For gradients.")
@click.option("--oracle2-ber", type=Fraction(), default="1e-2", show_default=True, help="Rate of oracle2.")
@click.option(
    "--test-samples", type=int, help="Test samples a faulty model; others see others.  [default: all]"
)
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Results.  [default: build/compare]")
@click.option("--why", is_flag=True, help="Measure how far upsets add up, for the oracle and the best other.")
@click.option("--figures", type=click.Path(path_type=Path), help="Draw the pictures into this folder.")
def command(output: Output, benches: tuple[str, ...] | None, **options: Any) -> None:
    r"""Judge every method on every BENCH, at every level and rate, on the same upsets.

    Rankings come from the calibration split, accuracies from the test split, replicas and voters included.
    Reports areas along BER by level, volumes, and regret against the oracle, with 95 % intervals over the
    trials. The same command goes on where it was stopped.

    \b
    netsurf compare mnist_fnn --method fisher,oracle,msb
    netsurf compare mnist_fnn,autompg --method all --trials 100 -o build/table
    """
    from netsurf.report.comparison import comparison_tables, markdown

    runs = _runs(benches, options)
    networks = [_run(output, *run, options) for run in runs]
    document = _document(networks, options)
    folder = options["out"] or _build() / "compare"
    _write(folder, document, markdown(document))
    for table in comparison_tables(document):
        output.table(table.columns, table.rows, table.title)
        output.say()
    output.note(f"wrote comparison.json, comparison.csv and comparison.md: {folder}")
    if options["figures"]:
        _draw(output, document, options["figures"])
    output.document(document)


def _runs(benches: tuple[str, ...] | None, options: dict[str, Any]) -> list[tuple[str, Request, Grid]]:
    """Every (benchmark, request, grid) asked for; refuses whatever cannot be run before anything is."""
    from netsurf.errors import UnknownNameError, UsageError
    from netsurf.frontend import spec as specs
    from netsurf.ir import load

    if not benches:
        raise UsageError(
            "which benchmarks? Type `netsurf list`, then for example `netsurf compare mnist_fnn`"
        )
    for name in options["protection"]:
        if name not in PROTECTIONS:
            raise UnknownNameError("protection", name, PROTECTIONS)
    for bench in benches:
        load(specs.load(bench).folder)
    requests = [_request(ordering, options) for ordering in options["ordering"]]
    grids = [_grid(protection, options) for protection in options["protection"]]
    return [(bench, request, grid) for bench in benches for request in requests for grid in grids]


def _request(ordering: str, options: dict[str, Any]) -> Request:
    from netsurf.frontend.ranking import Request
    from netsurf.rank import METHODS

    methods = tuple(METHODS) if options["method"] == ("all",) else options["method"]
    chosen = parse_options(options["option"])
    return Request(methods, ordering, options["seed"], options=chosen)  # type: ignore[arg-type]


def _grid(protection: str, options: dict[str, Any]) -> Grid:
    from netsurf.campaign.experiment import Grid

    return Grid(options["levels"], options["ber"], options["trials"], options["seed"], protection == "ideal")


def _run(output: Output, bench: str, request: Request, grid: Grid, options: dict[str, Any]) -> dict[str, Any]:
    """Bring one network's experiment to its end, and say what it found."""
    from netsurf.campaign.experiment import joined
    from netsurf.campaign.findings import findings
    from netsurf.frontend.comparison import compare

    settings = settings_of({**options, "ber": options["oracle2_ber"]})
    with output.progress(f"{bench}: ranking") as progress:
        comparison = compare(bench, request, settings, grid, options["test_samples"], progress)
    measured, digests, times = zip(*_inject(output, comparison, options["jobs"]), strict=True)
    found = findings(
        joined(measured),
        REFERENCES,
        **_about(comparison),
        campaigns=digests,
        computed=sum(trials for trials, _ in times),
        seconds=round(sum(seconds for _, seconds in times), 1),
        ordering=request.ordering,
        protection="ideal" if grid.ideal else "tmr",
    )
    for row in found["methods"]:
        row["ordering"] = request.ordering_of(row["method"])
    if options["why"] and not grid.ideal:
        found["additive"] = _why(output, comparison, found, grid)
    return found


WHY_TRIALS = 20
"""Faulty models of each ranking and rate in which it is measured how far upsets add up."""


def _why(output: Output, comparison: Comparison, found: dict[str, Any], grid: Grid) -> list[dict[str, Any]]:
    """How far upsets add up at a middle level, for the oracle and the best other method."""
    from dataclasses import asdict

    from netsurf.campaign.additive import additive

    sign = -1.0 if found["higher"] else 1.0
    best = sorted(found["methods"], key=lambda row: sign * row["vus"][0])
    names = [row["method"] for row in best if row["method"] not in REFERENCES][:1]
    names = [*(name for name in REFERENCES[:1] if name in comparison.ranked), *names]
    orders = {name: comparison.ranked[name].bits for name in names}
    level = grid.levels[min(2, len(grid.levels) - 1)]
    with output.progress(f"{found['benchmark']}: do upsets add up?"):
        rows = additive(comparison.parts[0][1], orders, level, grid.bers, WHY_TRIALS, grid.seed)
    return [asdict(row) for row in rows]


def _inject(
    output: Output, comparison: Comparison, jobs: int
) -> Iterator[tuple[Measured, str, tuple[int, float]]]:
    """What each campaign measured, its digest, and the trials and seconds that it took."""
    from netsurf.campaign.experiment import read_measured
    from netsurf.campaign.folder import run_folder
    from netsurf.campaign.interrupt import first_finishes

    said = "finishing this chunk; Ctrl-C again to stop at once"
    cells = 1 + len(comparison.ranked) * len(comparison.parts[0][0].levels)
    total = sum(cells * len(grid.bers) * grid.trials for grid, _ in comparison.parts)
    before = 0
    with (
        output.progress(f"{comparison.subject.spec.name}: injecting") as progress,
        first_finishes(lambda: output.note(said)) as stop,
    ):
        for campaign in comparison.campaigns():
            folder = run_folder(campaign)
            outcome = _go(campaign, folder, jobs, stop, _offset(progress, before, total))
            for loss in outcome.losses:
                output.note(loss)
            before += sum(campaign.layout.counts)
            measured = read_measured(campaign, outcome.store, outcome.chunks)
            yield measured, campaign.digest, _time(folder, outcome)


def _offset(progress: Progress, before: int, total: int) -> Progress:
    """Progress of one campaign as progress of all of them."""
    return lambda done, _, note="": progress(before + done, total, note)


def _go(campaign: Campaign, folder: Path, jobs: int, stop: Stop, progress: Progress) -> Outcome:
    """Run a campaign to its end; KeyboardInterrupt with what to type if someone stops it."""
    from netsurf.campaign.run import run
    from netsurf.campaign.score import make_scorer

    scorer = make_scorer("fast", campaign.problem)
    outcome = run(campaign, folder, scorer, jobs=jobs, stop=stop, progress=progress)
    if not outcome.complete:
        raise KeyboardInterrupt(
            f"stopped with {len(outcome.chunks)} of {campaign.layout.chunks} chunks written in {folder}; "
            f"go on with: netsurf {shlex.join(sys.argv[1:])}"
        )
    return outcome


def _about(comparison: Comparison) -> dict[str, Any]:
    from netsurf.rank.bits import pruned

    network = comparison.subject.network
    return {
        "benchmark": comparison.subject.spec.name,
        "scheme": comparison.subject.spec.scheme_text,
        "network": network.digest,
        "stored_bits": network.stored_bits,
        "pruned": float(pruned(network).mean()),
        "samples": [judged.samples for _, judged in comparison.parts],
    }


def _time(folder: Path, outcome: Outcome) -> tuple[int, float]:
    """Trials and seconds of all processes that ran to the end of their part."""
    import json

    from netsurf.files import write_json

    try:
        before = json.loads((folder / RESULT).read_text())
    except (OSError, ValueError):
        before = {"computed": 0, "seconds": 0.0}
    computed = before["computed"] + outcome.computed
    seconds = before["seconds"] + (outcome.seconds if outcome.computed else 0.0)
    if outcome.computed:
        write_json(folder / RESULT, {"computed": computed, "seconds": seconds})
    return computed, seconds


def _document(networks: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    from netsurf.campaign.findings import SCHEMA_VERSION
    from netsurf.provenance import provenance

    return {
        "schema_version": SCHEMA_VERSION,
        "levels": sorted(set(options["levels"])),
        "bers": sorted(set(options["ber"])),
        "trials": options["trials"],
        "seed": options["seed"],
        "confidence": 0.95,
        "gradient_samples": options["samples"],
        "oracle2_ber": options["oracle2_ber"],
        "options": list(options["option"]),
        "provenance": provenance(),
        "networks": networks,
    }


def _write(folder: Path, document: dict[str, Any], text: str) -> None:
    from netsurf.campaign.findings import flat
    from netsurf.files import write_atomic

    cells = flat(document["networks"], document["levels"], document["bers"])
    write_atomic(folder / "comparison.json", compact(document))
    write_atomic(folder / "comparison.csv", cells)
    write_atomic(folder / "comparison.md", text)


ROWS = ("methods", "better", "additive")
"""Lists of a network that are written with one entry a line."""


def compact(document: dict[str, Any]) -> str:
    """JSON with a line a method and a line a remark about a network: small, and diffs well."""
    import json

    networks = []
    for network in document["networks"]:
        lines = [
            f"    {json.dumps(key)}: {_lines(value) if key in ROWS else json.dumps(value)}"
            for key, value in network.items()
        ]
        networks.append("   {\n" + ",\n".join(lines) + "\n   }")
    head = {key: value for key, value in document.items() if key != "networks"}
    start = json.dumps(head, indent=1).removesuffix("\n}")
    return start + ',\n "networks": [\n' + ",\n".join(networks) + "\n ]\n}\n"


def _lines(rows: Iterable[Any]) -> str:
    import json

    return "[\n" + ",\n".join(f"     {json.dumps(row)}" for row in rows) + "\n    ]"


def _draw(output: Output, document: dict[str, Any], folder: Path) -> None:
    from netsurf.report.canvas import save
    from netsurf.report.curves import comparison_figures

    for path in save(comparison_figures(document), folder):
        output.note(f"drew {path}")


def _build() -> Path:
    from netsurf.paths import build

    return build()
