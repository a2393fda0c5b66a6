"""``netsurf mbu``: clusters of neighbouring stored bits, and interleaving against them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Names


@command
@click.argument("bench")
@click.option(
    "--sizes",
    default="0.6,0.25,0.1,0.05",
    show_default=True,
    metavar="P1,P2,...",
    help="Probability of a cluster of 1, 2, ... cells. Yours: the default is an example, measured nowhere.",
)
@click.option(
    "--shape", type=click.Choice(["row", "column", "block"]), default="row", show_default=True,
    help="Cells of a cluster: in one word, in one column, two columns wide.",
)  # fmt: skip
@click.option("--schemes", type=Names(), default="none,tmr,secded", show_default=True, help="Of every bit.")
@click.option("--interleave", default="1,2,4", show_default=True, metavar="K,...", help="Words in turn.")
@click.option(
    "--together", is_flag=True, help="Put the replicas of a bit side by side, to see what that costs."
)
@click.option("--events", type=click.IntRange(min=1), default=2000, show_default=True, help="Particles.")
@click.option(
    "--samples", type=click.IntRange(min=1), default=500, show_default=True, help="Of the test split."
)
@click.option("--seed", default=1, show_default=True, help="Of all randomness.")
def command(output: Output, bench: str, **options: Any) -> None:
    r"""Strike the weight store of BENCH with particles that upset several neighbouring bits.

    Each event upsets a cluster of cells of one memory, where the layout puts the bits; every scheme
    is met by events of the same seed. An event is wrong if it changes the decision on its sample.

    \b
    netsurf mbu mnist_fnn_lite --sizes 0.5,0.3,0.15,0.05
    netsurf mbu mnist_fnn_lite --schemes tmr --together --interleave 1,4
    """
    from netsurf.campaign.mbu import measure, protect_all
    from netsurf.fault.clusters import ClusterModel, Layout
    from netsurf.frontend.problem import problem

    model = ClusterModel(tuple(_numbers(options["sizes"], float)), options["shape"])
    replicas = "together" if options["together"] else "apart"
    subject = problem(bench, samples=options["samples"])
    rows, found = [], []
    for scheme in options["schemes"]:
        design = protect_all(subject, scheme)
        for interleave in _numbers(options["interleave"], int):
            layout = Layout(interleave, replicas)
            got = measure(design, subject, layout, model, options["events"], options["seed"])
            found.append({"scheme": scheme, "layout": asdict(layout), **asdict(got)})
            counts = [got.outcomes[name] for name in ("masked", "benign", "sdc", "detected")]
            rows.append([scheme, interleave, got.stored_bits, got.through, *counts, str(got.wrong)])
    output.table(
        ["scheme", "interleave", "stored bits", "through", "masked", "benign", "sdc", "detected", "wrong"],
        rows,
        f"{bench}: {options['events']:,} events of {model.mean:.3g} cells in a {model.shape}, "
        f"replicas {replicas}",
    )
    output.document(
        {
            "benchmark": bench,
            "network": subject.network.digest,
            "sizes": model.sizes,
            "shape": model.shape,
            "events": options["events"],
            "samples": subject.samples,
            "seed": options["seed"],
            "rows": found,
        }
    )


def _numbers(text: str, kind: type) -> list[Any]:
    from netsurf.errors import UsageError

    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"'{text}' is no list of numbers; write for example 1,2,4") from None
