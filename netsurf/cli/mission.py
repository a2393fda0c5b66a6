"""``netsurf mission``: from a particle flux to accuracy over time, mean time to failure and FIT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Durations, Fraction, Percentages, duration_text

if TYPE_CHECKING:
    from netsurf.campaign.statistics import Interval
    from netsurf.harden import DesignPoint
    from netsurf.ir import Network
    from netsurf.mission import Bench, Outlook
    from netsurf.mission.outlook import Failure

DAY = 86400.0


@command
@click.argument("bench", required=False)
@click.option("--flux", type=float, metavar="1/CM2/S", help="Particles a square centimetre and second.")
@click.option(
    "--environment", "--orbit", metavar="NAME", help="A published flux or upset rate instead; see --list."
)
@click.option("--cross-section", type=float, metavar="CM2", help="Of one bit, for those particles.")
@click.option("--upset-rate", type=float, metavar="1/BIT/DAY", help="Upsets of a bit in a day.")
@click.option("--reload", type=Durations(), help="Time between reloads of the store, 8h, or several.")
@click.option("--scrub", type=Durations(), help="Time between rewrites of protected bits by their voters.")
@click.option("--duration", type=Durations(), default="1y", show_default=True, help="Of the mission.")
@click.option("--level", type=Percentages(), default="0", show_default=True, help="Per cent to protect.")
@click.option("--ranker", default="msb", show_default=True, help="Ranking that chooses them.")
@click.option("--scheme", metavar="SCHEME", help="How.  [default: tmr; with --scrub tmr_scrub]")
@click.option(
    "--plan", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Protection plan instead."
)
@click.option("--tolerance", type=Fraction(), default="1%", show_default=True, help="No failure.")
@click.option(
    "--trials", type=click.IntRange(min=2), default=1000, show_default=True, help="Of two errors and more."
)
@click.option("--samples", type=click.IntRange(min=1), help="Only the first so many of the test split.")
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option("--list", "listing", is_flag=True, help="List the environments with their sources.")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="[default: build/BENCH/mission]"
)
def command(output: Output, bench: str | None, listing: bool, **options: Any) -> None:
    r"""Say what to expect of BENCH under radiation, between reloads of its weights.

    No error and single errors are enumerated exactly; two and more are sampled. So the numbers hold down
    to a bit error rate of 1e-9 and below.

    \b
    netsurf mission mnist_fnn --environment sea-level --cross-section 1e-14 --reload 1d --level 0,20,100
    netsurf mission mnist_fnn --flux 1e5 --cross-section 1e-14 --reload 1s,1min,1h --duration 1d
    netsurf mission mnist_fnn --orbit meo-virtex2 --reload 30d --duration 5y --plan plan.json
    """
    if listing:
        _list(output)
        return
    from netsurf.errors import UsageError

    if bench is None or not options["reload"]:
        raise UsageError(
            "which benchmark, and how often is it reloaded? Type for example `netsurf mission mnist_fnn "
            "--environment sea-level --cross-section 1e-14 --reload 1d`"
        )
    rate, source = _rate(options)
    from netsurf.frontend.problem import problem
    from netsurf.mission import Bench

    judge = Bench(problem(bench, "test", options["samples"]), _processors())
    designs = _designs(judge.problem.network, options)
    cells = [(level, design, reload) for level, design in designs for reload in options["reload"]]
    rows = []
    with output.progress(bench) as progress:
        for done, (level, design, reload) in enumerate(cells):
            progress(done, len(cells), f"{100 * level:g} %, reload every {duration_text(reload)}")
            rows.append(_row(level, design, _look(judge, design, rate, reload, options)))
    _show(output, bench, judge, rows, source, options)


def _list(output: Output) -> None:
    from netsurf.mission import ENVIRONMENTS

    for entry in ENVIRONMENTS.values():
        number = (
            f"{entry.flux:.4g} particles/cm2/s"
            if entry.flux is not None
            else f"{entry.rate * DAY:.4g} upsets/bit/day"
        )
        output.say(f"{entry.name}: {number}, {entry.particles}")
        output.say(f"    source: {entry.source}")
        output.say(f"    but: {entry.caveat}")
    output.document({"environments": list(ENVIRONMENTS.values())})


def _rate(options: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Upsets of a bit in a second, and where that comes from."""
    from netsurf.errors import UnknownNameError, UsageError
    from netsurf.mission import ENVIRONMENTS, upset_rate

    asked = [options[name] is not None for name in ("flux", "environment", "upset_rate")]
    if sum(asked) != 1:
        raise UsageError("say one of --flux, --environment and --upset-rate; `netsurf mission --list` lists")
    if options["upset_rate"] is not None:
        return upset_rate(options["upset_rate"] / DAY, 1.0), {"rate": options["upset_rate"] / DAY}
    flux, name = options["flux"], options["environment"]
    found: dict[str, Any] = {}
    if name is not None:
        if name not in ENVIRONMENTS:
            raise UnknownNameError("environment", name, ENVIRONMENTS)
        entry = ENVIRONMENTS[name]
        found = {"environment": name, "particles": entry.particles, "source": entry.source}
        found["caveat"] = entry.caveat
        if entry.rate is not None:
            if options["cross_section"] is not None:
                raise UsageError(f"{name} is an upset rate of {entry.particles}: leave out --cross-section")
            return entry.rate, {**found, "rate": entry.rate}
        flux = entry.flux
    if options["cross_section"] is None:
        raise UsageError("a flux needs --cross-section CM2 of one bit of your technology, as 1e-14")
    rate = upset_rate(flux, options["cross_section"])
    return rate, {**found, "flux": flux, "cross_section": options["cross_section"], "rate": rate}


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _designs(network: Network, options: dict[str, Any]) -> list[tuple[float, DesignPoint]]:
    from netsurf.harden import DesignPoint, load_plan
    from netsurf.harden.select import plan_by_scheme
    from netsurf.rank import rank

    if options["plan"] is not None:
        plan = load_plan(options["plan"], network)
        return [(plan.level, DesignPoint(network, plan))]
    order = rank(options["ranker"], network, options["seed"])
    notes = {"ranker": options["ranker"], "seed": options["seed"]}
    scheme = options["scheme"] or ("tmr_scrub" if options["scrub"] else "tmr")
    plans = [plan_by_scheme(network, order, level, scheme, notes) for level in options["level"]]
    return [(level, DesignPoint(network, plan)) for level, plan in zip(options["level"], plans, strict=True)]


def _look(judge: Bench, design: DesignPoint, rate: float, reload: float, options: dict[str, Any]) -> Outlook:
    from math import inf

    from netsurf.mission import Exposure, outlook

    scrub = options["scrub"][0] if options["scrub"] else inf
    return outlook(
        judge,
        design,
        Exposure(rate, reload, scrub),
        options["duration"][0],
        tolerance=options["tolerance"],
        trials=options["trials"],
        seed=options["seed"],
    )


def _row(level: float, design: DesignPoint, seen: Outlook) -> dict[str, Any]:
    """One line of the table, as plain values."""
    weights = seen.end.expected.weights
    return {
        "level": level,
        "plan": design.plan.digest,
        "stored_bits": design.space.size,
        "reload": seen.exposure.reload,
        "scrub": seen.exposure.scrub if seen.exposure.scrub < float("inf") else None,
        "ber": seen.end.ber,
        "errors": {"none": weights.none, "one": weights.one, "more": weights.more},
        "expected": _interval(seen.end.expected.quality),
        "loss": _interval(seen.end.expected.loss),
        "changed": _interval(seen.end.expected.changed),
        "mean": _interval(seen.mean),
        "over_time": [
            {"seconds": m.seconds, "ber": m.ber, **_interval(m.expected.quality)} for m in seen.moments
        ],
        "dropped": _failure(seen.dropped),
        "corrupted": _failure(seen.corrupted),
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "interval": _interval(failure.interval),
        "mttf": _interval(failure.mttf),
        "fit": _interval(failure.fit),
        "survival": _interval(failure.survival),
    }


def _interval(interval: Interval) -> dict[str, Any]:
    """Plain numbers; what never happens has no time (null), for JSON knows no infinity."""
    ends = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    return {k: v if v < float("inf") else None for k, v in ends.items()} | {"rule": interval.rule}


def _show(
    output: Output,
    bench: str,
    judge: Bench,
    rows: list[dict[str, Any]],
    source: dict[str, Any],
    options: dict[str, Any],
) -> None:
    import json

    from netsurf.files import write_atomic
    from netsurf.paths import build
    from netsurf.report.mission import mission_figure

    document = {
        "benchmark": bench,
        "network": judge.problem.network.digest,
        "samples": judge.problem.samples,
        "quality": judge.quality,
        "fault_free": judge.fault_free,
        "upsets": source,
        "duration": options["duration"][0],
        "tolerance": options["tolerance"],
        "trials": options["trials"],
        "seed": options["seed"],
        "confidence": 0.95,
        "rows": rows,
    }
    folder = options["out"] or build() / bench / "mission"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / "mission.json", json.dumps(document, indent=2) + "\n")
    write_atomic(folder / "mission.svg", mission_figure(document))
    output.say(f"{source['rate']:.4g} upsets a bit and second" + _origin(source))
    _table(output, document)
    output.note(f"wrote {folder}/mission.json and mission.svg")
    output.document(document)


def _origin(source: dict[str, Any]) -> str:
    if "flux" not in source:
        return f" ({source['particles']})" if "particles" in source else ""
    what = source.get("particles", "particles")
    return f": {source['flux']:.4g} {what}/cm2/s x {source['cross_section']:.4g} cm2"


def _table(output: Output, document: dict[str, Any]) -> None:
    columns = [
        *("protection", "reload", "BER then", f"{document['quality']} then, %", "mean, %"),
        *("interval fails", "MTTF", "FIT", "mission survives"),
    ]
    title = (
        f"{document['benchmark']}: {document['quality']} {100 * document['fault_free']:.2f} % if not upset; "
        f"an interval fails if it falls by more than {100 * document['tolerance']:g} points; "
        f"mission of {duration_text(document['duration'])}, 95 % intervals"
    )
    output.table(columns, [_cells(row) for row in document["rows"]], title)


def _cells(row: dict[str, Any]) -> list[str]:
    dropped = row["dropped"]
    return [
        f"{100 * row['level']:g} %",
        duration_text(row["reload"]),
        f"{row['ber']:.3g}",
        _percent(row["expected"]),
        _percent(row["mean"]),
        _range(dropped["interval"]),
        _range(dropped["mttf"], duration_text),
        _range(dropped["fit"]),
        _range(dropped["survival"], lambda v: f"{v:.4f}"),
    ]


def _percent(interval: dict[str, Any]) -> str:
    return _range(interval, lambda v: f"{100 * v:.3f}")


def _range(interval: dict[str, Any], text: Any = lambda v: f"{v:.3g}") -> str:
    """``estimate [low, high]``, or one number where the three print alike."""
    three = ["never" if interval[k] is None else text(interval[k]) for k in ("estimate", "low", "high")]
    return three[0] if len(set(three)) == 1 else f"{three[0]} [{three[1]}, {three[2]}]"
