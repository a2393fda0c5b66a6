"""``netsurf rank``: score the stored bits of a benchmark, and judge the rankings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Fraction, Fractions, Names

if TYPE_CHECKING:
    from netsurf.frontend.gather import Settings, Subject
    from netsurf.frontend.ranking import Ranking, Request, Worth
    from netsurf.rank.compare import Agreement

DEFAULT = "oracle,taylor2,fisher,grad,weight_abs_value,msb,random"


@command
@click.argument("bench", required=False)
@click.option("--method", type=Names(), default=DEFAULT, show_default=True, help="Methods; see --list.")
@click.option("--list", "listed", is_flag=True, help="List the methods and stop.")
@click.option("--ordering", metavar="ORDER", help="free or bitplane.  [default: each method's own]")
@click.option("--option", multiple=True, metavar="METHOD.KEY=VALUE", help="Option of a method, hessian.k=2.")
@click.option("--pruned", default="last", show_default=True, help="Pruned weights: last, exclude, compete.")
@click.option("--baseline", metavar="METHOD", help="Compare with this one.  [default: the first]")
@click.option(
    "--reference", metavar="METHOD", help="Regret against this one.  [default: oracle, if asked for]"
)
@click.option("--levels", type=Fractions(), default="0.01,0.1,0.4", show_default=True, help="Protection.")
@click.option(
    "--ber", type=Fraction(), default="1e-2", show_default=True, help="Upset rate of regret and oracle2."
)
@click.option("--trials", type=click.IntRange(min=0), default=20, show_default=True, help="0: no regret.")
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True, help="For gradients.")
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write METHOD.SUFFIX files here.")
@click.option("--format", "suffix", default="csv", show_default=True, help="csv, json or parquet.")
@click.option(
    "--figures", type=click.Path(path_type=Path), help="Draw overlap and heat map into this folder."
)
def command(output: Output, bench: str | None, listed: bool, **options: Any) -> None:
    r"""Order the stored bits of BENCH by what their upset does, and judge the orders.

    Scores come from the calibration split; regret is measured by injection on the test split: the accuracy
    that the best single-upset order (oracle) keeps at the same protection level, and this one does not.

    \b
    netsurf rank mnist_fnn
    netsurf rank mnist_fnn --method hessian,qpolar,oracle --ordering free -o build/rankings
    """
    if listed:
        return _list(output)
    from netsurf.errors import UsageError
    from netsurf.frontend.gather import Subject
    from netsurf.frontend.ranking import rankings

    if bench is None:
        raise UsageError("which benchmark? Type `netsurf list`, then for example `netsurf rank mnist_fnn`")
    request, baseline = _request(options), _baseline(options)
    _reference(options)
    _check_format(options)
    subject = Subject.of(bench)
    with output.progress("measuring what the rankers read") as progress:
        ranked = rankings(subject, request, settings_of(options), progress)
    agreements = _agreements(ranked, baseline, options["levels"])
    worth = _worths(output, subject, ranked, options) if options["trials"] else []
    files = _write(subject, ranked, request, options)
    if options["figures"]:
        _draw(output, subject, ranked, baseline, options)
    return _show(output, subject, ranked, agreements, worth, files, options)


def _list(output: Output) -> None:
    from netsurf.rank import METHODS

    rows = [
        {
            "method": method.name,
            "orderings": list(method.orderings),
            "reads": list(method.needs),
            "options": dict(method.options),
            "summary": method.summary,
        }
        for method in METHODS.values()
    ]
    output.table(
        ["method", "orderings", "options", "what"],
        [[r["method"], ", ".join(r["orderings"]), _settings_text(r["options"]), r["summary"]] for r in rows],
    )
    output.document({"methods": rows})


def _settings_text(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in options.items())


def _request(options: dict[str, Any]) -> Request:
    from netsurf.frontend.ranking import Request

    return Request(
        options["method"],
        options["ordering"],
        options["seed"],
        _pruned(options["pruned"]),
        parse_options(options["option"]),
    )


def _pruned(name: str) -> Any:
    from netsurf.errors import UnknownNameError

    if name not in ("last", "exclude", "compete"):
        raise UnknownNameError("treatment of pruned weights", name, ("last", "exclude", "compete"))
    return name


def parse_options(words: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """``hessian.k=2`` to ``{"hessian": {"k": 2}}``; values become numbers where the default is one.

    Raises
    ------
    UsageError
        If a word has another form, or the value cannot be read.
    """
    from netsurf.errors import UsageError
    from netsurf.rank import METHODS, canonical

    found: dict[str, dict[str, Any]] = {}
    for word in words:
        place, equals, text = word.partition("=")
        method, dot, key = place.partition(".")
        if not (equals and dot and key):
            raise UsageError(
                f"'{word}' is no option of a method; write METHOD.KEY=VALUE, for example hessian.k=2"
            )
        default = METHODS[canonical(method)].options.get(key, "")
        try:
            found.setdefault(method, {})[key] = type(default)(text)
        except ValueError:
            raise UsageError(f"'{word}': {key} must be like {default!r}") from None
    return found


def _baseline(options: dict[str, Any]) -> str:
    from netsurf.errors import UnknownNameError
    from netsurf.rank import canonical

    methods = [canonical(name) for name in options["method"]]
    baseline = canonical(options["baseline"]) if options["baseline"] else methods[0]
    if baseline not in methods:
        raise UnknownNameError("baseline among the methods asked for", baseline, methods)
    return baseline


def _reference(options: dict[str, Any]) -> str | None:
    """The method that regret is against; None if there is none to be against."""
    from netsurf.errors import UnknownNameError
    from netsurf.rank import canonical

    methods = [canonical(name) for name in options["method"]]
    if options["reference"] is None:
        return "oracle" if "oracle" in methods else None
    if canonical(options["reference"]) not in methods:
        raise UnknownNameError("reference among the methods asked for", options["reference"], methods)
    return canonical(options["reference"])


def _check_format(options: dict[str, Any]) -> None:
    from netsurf.errors import UnknownNameError

    if options["suffix"] not in ("csv", "json", "parquet"):
        raise UnknownNameError("file format", options["suffix"], ("csv", "json", "parquet"))


def settings_of(options: dict[str, Any]) -> Settings:
    """How evidence is measured, from the options that rank and harden share."""
    from netsurf.frontend.gather import Settings
    from netsurf.frontend.gradients import Effort
    from netsurf.rank.interactions import Plan

    pairs = parse_options(options["option"]).get("hessian", {}).get("k", 3)
    effort = Effort(samples=options["samples"], eigenpairs=max(3, pairs), seed=options["seed"])
    return Settings(effort, Plan(ber=options["ber"]))


def _agreements(ranked: Mapping[str, Ranking], baseline: str, levels: tuple[float, ...]) -> list[Agreement]:
    from netsurf.rank.compare import compare

    bits = {name: ranking.bits for name, ranking in ranked.items()}
    return compare(bits, baseline, [*(level for level in levels if level), 1.0])


def _worths(
    output: Output, subject: Subject, ranked: Mapping[str, Ranking], options: dict[str, Any]
) -> list[Worth]:
    from netsurf.campaign.plans import PlanJudge
    from netsurf.frontend.problem import problem
    from netsurf.frontend.ranking import worths

    judge = PlanJudge(problem(subject.spec.name), options["ber"], options["trials"], options["seed"])
    reference = _reference(options)
    with output.progress("injecting") as progress:
        return worths(judge, ranked, options["levels"], reference, progress)


def _write(
    subject: Subject, ranked: Mapping[str, Ranking], request: Request, options: dict[str, Any]
) -> dict[str, Path]:
    from netsurf.campaign.exchange import SiteTable, write_sites

    files = {}
    for name, ranking in ranked.items() if options["out"] else ():
        notes = {"method": name, "ordering": ranking.ordering, "seed": request.seed}
        table = SiteTable(subject.network.digest, ranking.bits, ranking.scores[ranking.bits], notes)
        files[name] = write_sites(options["out"] / f"{name}.{options['suffix']}", subject.network, table)
    return files


FIGURE_LEVELS = (0.01, 0.02, 0.05, *(0.1 * step for step in range(1, 11)))
"""Protection levels of the overlap curves."""


def _draw(
    output: Output, subject: Subject, ranked: Mapping[str, Ranking], baseline: str, options: dict[str, Any]
) -> None:
    from netsurf.rank.compare import compare
    from netsurf.report.canvas import save
    from netsurf.report.rank_figures import heat_figure, overlap_figure, protected_share

    bits = {name: ranking.bits for name, ranking in ranked.items()}
    figures, bench = {}, subject.spec.name
    if len(bits) > 1:
        found = [_plain(row) for row in compare(bits, baseline, FIGURE_LEVELS)]
        figures[f"{bench}-overlap"] = overlap_figure(found)
    tensors = subject.network.parameters
    sizes = [(parameter.codes.size, parameter.format.width) for parameter in tensors.values()]
    level = sorted(options["levels"])[len(options["levels"]) // 2]
    shares = {name: protected_share(ranking, sizes, level) for name, ranking in bits.items()}
    figures[f"{bench}-layers"] = heat_figure(shares, list(tensors), level)
    for path in save(figures, options["figures"]):
        output.note(f"drew {path}")


def _show(
    output: Output,
    subject: Subject,
    ranked: Mapping[str, Ranking],
    agreements: list[Agreement],
    worth: list[Worth],
    files: Mapping[str, Path],
    options: dict[str, Any],
) -> None:
    from netsurf.rank.harmless import harmless

    baseline = agreements[0].baseline
    network = subject.network
    title = f"{network.name}: {network.stored_bits:,} stored bits, against {baseline} (all bits)"
    whole = {row.method: row for row in agreements if row.level == 1.0}
    output.table(
        ["method", "ordering", "first bit", "Spearman", "Kendall"],
        [[n, r.ordering, _site(network, r), whole[n].spearman, whole[n].kendall] for n, r in ranked.items()],
        title,
    )
    output.say()
    output.table(*_overlap_table(ranked, agreements))
    if worth:
        output.say()
        output.table(*_worth_table(ranked, worth, options, network.task))
    safe = int(harmless(network).sum())
    output.say()
    output.say(f"provably harmless for any input: {safe:,} stored bits ({safe / network.stored_bits:.2%})")
    for file in files.values():
        output.note(f"wrote {file}")
    output.document(
        {
            "benchmark": subject.spec.name,
            "network": network.digest,
            "stored_bits": network.stored_bits,
            "harmless": safe,
            "rankings": [
                {"method": n, "ordering": r.ordering, "bits": len(r.bits)} for n, r in ranked.items()
            ],
            "agreement": [_plain(row) for row in agreements],
            "ber": options["ber"],
            "trials": options["trials"],
            "reference": _reference(options),
            "worth": [_plain(row) for row in worth],
            "files": {name: str(path) for name, path in files.items()},
        }
    )


def _plain(row: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


def _site(network: Any, ranking: Ranking) -> str:
    import numpy as np

    from netsurf.fault import FaultSpace

    return str(FaultSpace(network, np.empty(0, np.int64)).site(int(ranking.bits[0]))).removesuffix("/0")


def _overlap_table(ranked: Mapping[str, Ranking], agreements: list[Agreement]) -> tuple[Any, Any, str]:
    levels = sorted({row.level for row in agreements if row.level < 1})
    jaccard = {(row.method, row.level): row.jaccard for row in agreements}
    rows = [[name, *(jaccard[name, level] for level in levels)] for name in ranked]
    title = f"Jaccard overlap with {agreements[0].baseline} of the bits that a level protects, 95 % intervals"
    return ["method", *(f"{100 * level:g} %" for level in levels)], rows, title


def _worth_table(
    ranked: Mapping[str, Ranking], worth: list[Worth], options: dict[str, Any], task: str
) -> tuple[Any, Any, str]:
    levels = list(dict.fromkeys(row.level for row in worth))
    found = {(row.method, row.level): row for row in worth}
    regretted = worth[0].regret is not None
    percent = task == "classification"
    rows = [
        [name, *(_number(found[name, level].regret or found[name, level].value, percent) for level in levels)]
        for name in ranked
    ]
    what = "accuracy in %" if percent else "minus the mean squared error"
    what = f"regret against {_reference(options)}, {what}" if regretted else f"{what} under fault"
    title = (
        f"{what}, at BER {options['ber']:g}, by protection level, 95 % intervals, {options['trials']} trials"
    )
    return ["method", *(f"{100 * level:g} %" for level in levels)], rows, title


def _number(estimate: Any, percent: bool) -> str:
    """A value with its interval, in per cent or as it is."""
    if not percent:
        return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{100 * estimate.value:.2f} [{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"
