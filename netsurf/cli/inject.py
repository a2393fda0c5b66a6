"""``netsurf inject``: fault campaigns on the integer network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.campaign.campaign import Campaign
    from netsurf.campaign.fast import FastScorer
    from netsurf.campaign.run import Outcome
    from netsurf.campaign.score import Scorer
    from netsurf.campaign.spec import CampaignSpec

INTERRUPTED = 130

FIELDS = (
    *("ber", "protection", "ranker", "mode", "ideal", "population", "fault", "repetitions", "margin"),
    *("confidence", "strict", "metric", "split", "samples", "seed", "chunk"),
)
"""Options that are fields of a CampaignSpec of the same name."""

MODES = ("bernoulli", "exact", "coverage", "sample", "exhaustive", "list")


@command
@click.argument("bench", required=False)
@click.option("--exhaustive", is_flag=True, help="Upset every stored bit, one at a time.")
@click.option("--loss", is_flag=True, help="Record the mean loss too.")
@click.option("--ber", metavar="RATE,...", help="Bit error rates, as 1e-3,1e-2 or 0.1%,1%.")
@click.option(
    "--protection", metavar="LEVEL,...", help="Fractions of the stored bits to protect.  [default: 0]"
)
@click.option("--ranker", metavar="NAME,...", help="Rankings that choose them.  [default: msb]")
@click.option("--mode", type=click.Choice(MODES), help="How faults are drawn.  [default: bernoulli]")
@click.option("--ideal", is_flag=True, default=None, help="Protected bits are immune, not triplicated.")
@click.option(
    "--population", metavar="TERMS", help="Which bits: fc1, fc1.kernel, bit=5, unpruned.  [default: all]"
)
@click.option("--fault", metavar="MODEL", help="flip, stuck0, stuck1 or burst:N.  [default: flip]")
@click.option("--faults", type=click.Path(path_type=Path), help="Run the faults of this file.")
@click.option(
    "--repetitions", type=int, help="Faulty models of each cell; with --margin the most.  [default: 100]"
)
@click.option("--margin", metavar="WIDTH", help="Stop a cell when its interval is this tight, as 0.5%.")
@click.option("--confidence", metavar="LEVEL", help="Of every interval.  [default: 95%]")
@click.option("--strict", is_flag=True, default=None, help="Stop by a bound that holds at any number.")
@click.option(
    "--metric", metavar="NAME,...", help="accuracy, top5, loss, sdc; mse, mae, r2. The first decides."
)
@click.option(
    "--split", type=click.Choice(["test", "calibration"]), help="Samples to measure on.  [default: test]"
)
@click.option("--samples", type=int, help="Only the first so many samples of the split.")
@click.option("--seed", type=int, help="Of all randomness.  [default: 1]")
@click.option("--chunk", type=int, help="Trials that are computed and written together.")
@click.option(
    "--spec", "file", type=click.Path(path_type=Path), help="Read the campaign from this YAML file."
)
@click.option("--engine", default="fast", show_default=True, help="fast or reference.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes.  [default: all processors]")
@click.option("--shard", metavar="I/N", help="Do the I-th of N parts; the others share the run folder.")
@click.option("--dask", metavar="ADDRESS", help="Let the workers of this Dask scheduler compute.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder.  [default: build/runs/...]")
@click.option("--fresh", is_flag=True, help="Start over instead of going on.")
@click.option("--dry-run", is_flag=True, help="Say what would run and for how long, and stop.")
@click.option("--profile", is_flag=True, help="Say where the time went.")
def command(output: Output, **options: Any) -> int | None:
    """Upset the stored bits of BENCH and measure what is left of it.

    The same command goes on where it was stopped, from the run folder that it names.

    \b
    netsurf inject mnist_fnn --exhaustive
    netsurf inject mnist_fnn --ber 1e-3,1e-2 --protection 0,0.2,0.4 --margin 0.5%
    """  # noqa: D301  click reads the backspace as "leave these lines alone"
    from netsurf.campaign.fast import FastScorer
    from netsurf.campaign.folder import run_folder
    from netsurf.campaign.run import run
    from netsurf.campaign.score import make_scorer
    from netsurf.campaign.store import discard

    shard = _shard(options["shard"])
    spec = _spec(options)
    campaign = _campaign(output, spec, options["loss"])
    folder = options["out"] or run_folder(campaign)
    jobs = options["jobs"] or _processors()
    scorer = make_scorer(options["engine"], campaign.problem, jobs if _threaded(spec) else 1)
    if options["dry_run"]:
        return _dry_run(output, campaign, scorer, folder, jobs)
    if options["fresh"]:
        discard(folder)
    workers = 1 if _threaded(spec) else jobs
    if spec.mode == "exhaustive" and isinstance(scorer, FastScorer):
        _say_how_long(output, campaign, scorer, options["loss"])

    def work(**watch: Any) -> Outcome:
        if options["dask"]:
            return _on_cluster(campaign, folder, options, watch)
        return run(campaign, folder, scorer, jobs=workers, shard=shard, **watch)

    return _run(output, campaign, scorer, folder, work, shard, options["profile"])


def _spec(options: dict[str, Any]) -> CampaignSpec:
    """The campaign that the options, and a file under them, ask for."""
    from netsurf.campaign.spec import make_spec, read_spec
    from netsurf.errors import UsageError

    fields = {name: options[name] for name in FIELDS}
    fields["benchmark"] = options["bench"]
    if options["exhaustive"]:
        fields["mode"] = "exhaustive"
    if options["faults"]:
        fields["mode"], fields["faults"] = options["mode"] or "list", str(options["faults"])
    if options["engine"] == "reference" and not options["chunk"]:
        fields["chunk"] = 64  # the reference engine takes half a second a fault: little is lost on the way
    if options["bench"] is None and not options["file"]:
        raise UsageError(
            "which benchmark? Type `netsurf list`, then for example `netsurf inject mnist_fnn --exhaustive`"
        )
    return read_spec(options["file"], **fields) if options["file"] else make_spec(**fields)


def _with_loss(spec: CampaignSpec, task: str) -> CampaignSpec:
    """Record the loss too; a regression always has its squared error."""
    metrics = spec.metric or ("accuracy",)
    if task == "regression" or "loss" in metrics:
        return spec
    return spec.model_copy(update={"metric": (*metrics, "loss")})


def _campaign(output: Output, spec: CampaignSpec, loss: bool) -> Campaign:
    from netsurf.campaign.campaign import Campaign
    from netsurf.fault import read_fault_list
    from netsurf.frontend.problem import problem

    judged = problem(spec.benchmark, spec.split, spec.samples)
    spec = _with_loss(spec, judged.network.task) if loss else spec
    faults = read_fault_list(Path(spec.faults), judged.network) if spec.faults else None
    return Campaign(spec, judged, faults, _rankings(output, spec))


def _rankings(output: Output, spec: CampaignSpec) -> dict[str, Any]:
    """Orders of the rankers that read more than the network: measured, or read where they were kept."""
    from netsurf.rank import needs, rank

    hungry = [name for name in spec.ranker if needs([name])] if any(spec.protection) else []
    if not hungry:
        return {}
    from netsurf.frontend.gather import Subject, gather

    subject = Subject.of(spec.benchmark)
    with output.progress("measuring what the rankers need") as progress:
        evidence = gather(subject, needs(hungry), progress=progress)
    return {name: rank(name, subject.network, spec.seed, evidence) for name in hungry}


def _threaded(spec: CampaignSpec) -> bool:
    """Whether the engine itself uses all processors: sweeps of single upsets are one computation."""
    return spec.mode in ("exhaustive", "sample", "list")


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _shard(text: str | None) -> Any:
    from netsurf.campaign.run import Shard

    return Shard.parse(text) if text else Shard()


def _dry_run(output: Output, campaign: Campaign, scorer: Scorer, folder: Path, jobs: int) -> None:
    from netsurf.campaign.calibrate import estimate
    from netsurf.cli.inject_tables import show_plan

    show_plan(output, campaign, folder, estimate(campaign, scorer), jobs)


LONG_S = 300.0
"""Seconds from which a census says beforehand how long it takes."""


def _say_how_long(output: Output, campaign: Campaign, scorer: FastScorer, loss: bool) -> None:
    """Load the kernels; and where a census of single upsets is long, say so and what is shorter."""
    from netsurf.campaign.calibrate import census_seconds
    from netsurf.cli.progress import duration

    seconds = census_seconds(campaign, scorer)
    if seconds is None:
        scorer.load_kernels(loss)
    elif seconds > LONG_S:
        output.note(
            f"every single upset takes about {duration(seconds)} here; --mode sample --margin 2% estimates "
            "the same from a few of them, and --samples N looks at fewer samples"
        )


def _on_cluster(campaign: Campaign, folder: Path, options: dict[str, Any], watch: dict[str, Any]) -> Outcome:
    from netsurf.campaign.cluster import connect, run_on_cluster

    with connect(options["dask"]) as client:
        return run_on_cluster(campaign, folder, options["engine"], client, **watch)


def _run(
    output: Output,
    campaign: Campaign,
    scorer: Scorer,
    folder: Path,
    work: Callable[..., Outcome],
    shard: Any,
    profile: bool,
) -> int | None:
    from netsurf.campaign.interrupt import first_finishes
    from netsurf.cli.inject_tables import show_profile, show_result

    said = "finishing this chunk; Ctrl-C again to stop at once"
    with (
        output.progress(campaign.spec.benchmark) as progress,
        first_finishes(lambda: output.note(said)) as stop,
    ):
        outcome = work(stop=stop, progress=progress)
    for loss in outcome.losses:
        output.note(loss)
    for chunk in outcome.damaged:
        output.note(f"chunk {chunk} was damaged on the disk and was computed again")
    if stop.asked and not outcome.complete:
        raise KeyboardInterrupt(_stopped(outcome, folder))
    if not outcome.complete:
        output.note(
            f"shard {shard.index + 1}/{shard.count} is done; the others have not finished in {folder}"
        )
    show_result(output, campaign, outcome, scorer, folder)
    if profile:
        show_profile(output, campaign, outcome, scorer)
    return None


def _stopped(outcome: Outcome, folder: Path) -> str:
    import shlex
    import sys

    typed = " ".join(shlex.quote(word) for word in sys.argv[1:] if word != "--fresh")
    done = len(outcome.chunks)
    return f"stopped with {done} chunks written in {folder}; go on with: netsurf {typed}"
