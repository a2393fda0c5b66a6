"""``netsurf harden``: a protection plan from a budget, or the smallest that keeps the accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.harden_area import Overhead, plan_for_area
from netsurf.cli.harden_schemes import Protect, named_plan, sentence
from netsurf.cli.output import Output
from netsurf.cli.rank import parse_options, settings_of
from netsurf.cli.values import Fraction, Fractions, Names

if TYPE_CHECKING:
    from netsurf.campaign.plans import PlanJudge
    from netsurf.frontend.gather import Subject
    from netsurf.frontend.ranking import Ranking
    from netsurf.harden import ProtectionPlan

FRONT_LEVELS = "0,1%,2%,5%,10%,20%,30%,40%"


@command
@click.argument("bench", required=False)
@click.option("--budget", type=Fraction(), help="Protect this part of the stored bits, as 10%.")
@click.option("--max-drop", type=Fraction(), help="Protect as few bits as lose no more accuracy, as 0.5%.")
@click.option("--area", type=Overhead(), help="Protect as many bits as make it no larger, as +20%.")
@click.option("--target", default="ice40", show_default=True, help="For --area: see netsurf area.")
@click.option("--protect", type=Protect(), help="Protect by name, as fc1=secded,fc2.kernel=tmr or all=dmr.")
@click.option(
    "--scheme",
    default="tmr",
    show_default=True,
    help="With --budget: tmr, tmr_scrub, dmr, parity, secded, ...",
)
@click.option("--front", is_flag=True, help="Show the Pareto front of plans instead of writing one.")
@click.option(
    "--ranker", type=Names(), default="fisher,laplace", show_default=True, help="Methods; the best is taken."
)
@click.option("--levels", type=Fractions(), default=FRONT_LEVELS, show_default=True, help="For --front.")
@click.option("--ordering", metavar="ORDER", default="free", show_default=True, help="free or bitplane.")
@click.option("--option", multiple=True, metavar="METHOD.KEY=VALUE", help="Option of a method, hessian.k=2.")
@click.option("--ber", type=Fraction(), default="1e-2", show_default=True, help="Rate of upsets.")
@click.option(
    "--trials", type=click.IntRange(min=2), default=20, show_default=True, help="Faulty models a plan."
)
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="For gradients.")
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option("--figures", type=click.Path(path_type=Path), help="With --front: draw it into this folder.")
@click.option("--no-oracle", is_flag=True, help="Do not say what the oracle would have reached.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="The plan.  [default: build/plans/BENCH.json]"
)
def command(output: Output, bench: str | None, **options: Any) -> None:
    r"""Choose which stored bits of BENCH to protect, and say what that buys.

    Rankings and choices are made on the calibration split. What the plan buys is measured again, by
    injection with other faults on the test split, replicas and voters included.

    \b
    netsurf harden mnist_fnn --budget 10%
    netsurf harden mnist_fnn --max-drop 0.5% --ber 1e-3 --ranker taylor2,fisher
    netsurf harden mnist_fnn_lite --area +20% --target sg13g2
    netsurf harden mnist_fnn --budget 30% --scheme secded:word=32
    netsurf harden mnist_fnn --protect all=parity,fc2.kernel=tmr_scrub:period=100
    netsurf harden mnist_fnn --front --ranker taylor2,fisher,oracle
    """
    from netsurf.errors import UsageError
    from netsurf.frontend.gather import Subject

    if bench is None:
        raise UsageError("which benchmark? Type `netsurf list`, then `netsurf harden mnist_fnn --budget 10%`")
    asked = [options[name] is not None for name in ("budget", "max_drop", "area", "protect")] + [
        options["front"]
    ]
    if sum(asked) != 1:
        raise UsageError(
            "say one of --budget 10%, --max-drop 0.5%, --area +20%, --protect all=secded and --front"
        )
    if options["scheme"] != "tmr" and options["budget"] is None:
        raise UsageError("--scheme goes with --budget; to protect by name, type --protect all=SCHEME")
    subject = Subject.of(bench)
    if options["protect"] is not None:
        return _measured(output, subject, named_plan(subject, options), {**options, "no_oracle": True})
    ranked = _ranked(output, subject, options, options["ranker"])
    if options["front"]:
        return _front(output, subject, ranked, options)
    return _plan(output, subject, ranked, options)


def _ranked(
    output: Output, subject: Subject, options: dict[str, Any], methods: tuple[str, ...]
) -> dict[str, Ranking]:
    from netsurf.frontend.ranking import Request, rankings

    chosen = parse_options(options["option"])
    request = Request(methods, options["ordering"], options["seed"], options=chosen)
    with output.progress("measuring what the rankers read") as progress:
        return rankings(subject, request, settings_of(options), progress)


def _judge(subject: Subject, options: dict[str, Any], split: str) -> PlanJudge:
    """Choices are made on the calibration split, results on the test split with other faults."""
    from netsurf.campaign.plans import PlanJudge
    from netsurf.frontend.problem import problem

    seed = options["seed"] + (split == "test")
    return PlanJudge(problem(subject.spec.name, split), options["ber"], options["trials"], seed)


def _plan(output: Output, subject: Subject, ranked: dict[str, Ranking], options: dict[str, Any]) -> None:
    if options["area"] is not None:
        judge = _judge(subject, options, "calibration")
        plan = plan_for_area(output, subject, ranked, judge, options)
        return _measured(output, subject, plan, options)
    with output.progress("choosing by injection") as progress:
        progress(0, 1, "calibration split")
        plan = _chosen(subject, ranked, options)
    return _measured(output, subject, plan, options)


def _measured(output: Output, subject: Subject, plan: ProtectionPlan, options: dict[str, Any]) -> None:
    """Say what a plan buys, and write it."""
    from netsurf.harden import save_plan
    from netsurf.paths import build

    with output.progress("measuring again") as progress:
        progress(0, 1, "test split")
        found = _bought(output, subject, plan, options)
    path = save_plan(plan, options["out"] or build() / "plans" / f"{subject.spec.name}.json")
    _show(output, subject, plan, found, path, options)


def _chosen(subject: Subject, ranked: dict[str, Ranking], options: dict[str, Any]) -> ProtectionPlan:
    from netsurf.harden import plan_by_scheme
    from netsurf.harden.budget import smallest

    judge = _judge(subject, options, "calibration")
    notes = {"ber": options["ber"], "seed": options["seed"], "trials": options["trials"]}
    named = {name: {"ranker": name, "ordering": r.ordering, **notes} for name, r in ranked.items()}
    if options["budget"] is not None:
        plans = [
            plan_by_scheme(subject.network, r.bits, options["budget"], options["scheme"], named[n])
            for n, r in ranked.items()
        ]
        return plans[0] if len(plans) == 1 else max(plans, key=judge)
    target = judge.fault_free() - options["max_drop"] * (
        1.0 if judge.metric == "accuracy" else _variance(judge)
    )
    found = [
        smallest(subject.network, r.bits, judge, target, max_drop=options["max_drop"], **named[n])
        for n, r in ranked.items()
    ]
    return min((answer.plan for answer in found), key=lambda plan: len(plan.bits))


def _variance(judge: PlanJudge) -> float:
    """Variance of the targets: a drop of a regression is a part of it (a drop of R squared)."""
    import numpy as np

    return float(np.var(judge.problem.labels))


def _bought(
    output: Output, subject: Subject, plan: ProtectionPlan, options: dict[str, Any]
) -> dict[str, Any]:
    """What the plan, no plan and the oracle's plan of the same size keep, on the test split."""
    from netsurf.harden import DesignPoint, plan_by_level
    from netsurf.rank.surface import interval, regret

    judge = _judge(subject, options, "test")
    values = judge.measure(plan)
    bare = judge.measure(DesignPoint.unprotected(subject.network).plan)
    found = {
        "metric": judge.metric,
        "fault_free": judge.fault_free(),
        "protected": interval(values, lambda means: means),
        "unprotected": interval(bare, lambda means: means),
        "gain": regret(values, bare),
        "oracle": None,
        "regret": None,
    }
    if not (options["no_oracle"] or plan.schemes):  # the oracle ranks bits for tmr
        oracle = _ranked(output, subject, {**options, "option": (), "ordering": "free"}, ("oracle",))[
            "oracle"
        ]
        best = judge.measure(plan_by_level(subject.network, oracle.bits, plan.level, {}))
        found |= {"oracle": interval(best, lambda means: means), "regret": regret(best, values)}
    return found


def _show(
    output: Output,
    subject: Subject,
    plan: ProtectionPlan,
    found: dict[str, Any],
    path: Path,
    options: dict[str, Any],
) -> None:
    from dataclasses import asdict

    title = sentence(subject, plan)
    metric = found["metric"]
    rows = [
        ["without upsets", f"{found['fault_free']:.4f}"],
        [f"unprotected at BER {options['ber']:g}", found["unprotected"]],
        ["with this plan", found["protected"]],
        ["what the plan buys", found["gain"]],
    ]
    if found["oracle"] is not None:
        rows += [["the oracle's plan of this size", found["oracle"]], ["regret", found["regret"]]]
    output.table(["on the test split", metric], rows, title)
    output.note(f"wrote {path}")
    numbers = {key: asdict(value) if hasattr(value, "low") else value for key, value in found.items()}
    output.document(
        {
            "benchmark": subject.spec.name,
            "network": subject.network.digest,
            "plan": str(path),
            "digest": plan.digest,
            "protected_bits": len(plan.protected),
            "schemes": {a.label: len(a.bits) for a in plan.assignments},
            "level": plan.level,
            "notes": dict(plan.notes),
            "ber": options["ber"],
            "trials": options["trials"],
            **numbers,
        }
    )


def _front(output: Output, subject: Subject, ranked: dict[str, Ranking], options: dict[str, Any]) -> None:
    """Choose the front on the calibration split; measure each of its points again on the test split."""
    from netsurf.harden.budget import front
    from netsurf.rank.surface import interval

    judge, again = _judge(subject, options, "calibration"), _judge(subject, options, "test")
    bits = {name: ranking.bits for name, ranking in ranked.items()}
    total = len(bits) * len(options["levels"])
    tried: list[tuple[ProtectionPlan, float]] = []
    measured: dict[str, Any] = {}

    def choose(plan: ProtectionPlan) -> float:
        progress(len(tried), total, f"{plan.notes['ranker']} at {plan.level:.3g}")
        tried.append((plan, judge(plan)))
        return tried[-1][1]

    def measure(plan: ProtectionPlan) -> float:
        measured[plan.digest] = interval(again.measure(plan), lambda means: means)
        return measured[plan.digest].value

    with output.progress("injecting") as progress:
        points = front(subject.network, bits, options["levels"], choose, remeasure=measure)
    rows = [{**_point(point.plan), **_bounds(measured[point.plan.digest])} for point in points]
    metric = judge.metric
    output.table(
        ["ranker", "level", "flip-flops", metric, "95 % interval"],
        [
            [
                r["ranker"],
                f"{r['level']:.2%}",
                r["flip_flops"],
                r["value"],
                f"[{r['low']:.4g}, {r['high']:.4g}]",
            ]
            for r in rows
        ],
        f"{subject.spec.name}: plans that no other beats at BER {options['ber']:g}, on the test split",
    )
    title = f"{subject.spec.name}, BER {options['ber']:g}"
    if options["figures"]:
        _draw(
            output, subject, tried, {p.plan.digest: measured[p.plan.digest] for p in points}, title, options
        )
    output.document(
        {
            "benchmark": subject.spec.name,
            "ber": options["ber"],
            "trials": options["trials"],
            "metric": metric,
            "front": rows,
            "tried": [{**_point(plan), "value": value} for plan, value in tried],
        }
    )


def _point(plan: ProtectionPlan) -> dict[str, Any]:
    return {
        "ranker": plan.notes["ranker"] if len(plan.bits) else "none",
        "level": plan.level,
        "protected_bits": len(plan.bits),
        "flip_flops": plan.stored_bits + 2 * len(plan.bits),
    }


def _bounds(estimate: Any) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _draw(
    output: Output,
    subject: Subject,
    tried: list[tuple[ProtectionPlan, float]],
    front: dict[str, Any],
    title: str,
    options: dict[str, Any],
) -> None:
    from netsurf.report.canvas import save
    from netsurf.report.front_figure import front_figure

    nothing = {"value": None, "low": None, "high": None}
    points = [
        {**_point(plan), "tried": value, **(_bounds(front[plan.digest]) if plan.digest in front else nothing)}
        for plan, value in {plan.digest: (plan, value) for plan, value in tried}.values()
    ]
    metric = "accuracy" if subject.spec.task == "classification" else "minus the mean squared error"
    for path in save({f"{subject.spec.name}-front": front_figure(points, title, metric)}, options["figures"]):
        output.note(f"drew {path}")
