"""``netsurf prove``: theorems about a protected design, after synthesis."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Percentages

if TYPE_CHECKING:
    from netsurf.emit import Accelerator
    from netsurf.harden import DesignPoint
    from netsurf.ir import Network
    from netsurf.proof import Proof
    from netsurf.proof.theorems import Theorem


@command
@click.argument("bench")
@click.option(
    "--level",
    "levels",
    type=Percentages(),
    default="20,100",
    show_default=True,
    help="Protection levels, per cent of the stored bits.",
)
@click.option("--method", default="msb", show_default=True, help="Ranking that chooses the protected bits.")
@click.option("--seed", default=0, show_default=True, help="Seed of a ranking that draws.")
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Protection plan to prove instead of --level and --method.",
)
@click.option(
    "--architecture",
    "name",
    type=click.Choice(["serial", "parallel", "spec"]),
    default="serial",
    show_default=True,
    help="One input a cycle, one sample a cycle, or the reuse factors of the benchmark.",
)
@click.option(
    "--technology",
    type=click.Choice(["gates", "words", "abc"]),
    default="gates",
    show_default=True,
    help="Cells of the netlist that is proved.",
)
@click.option(
    "--negative-controls", is_flag=True, help="Break the design on purpose, five times; each must be refuted."
)
def command(output: Output, bench: str, negative_controls: bool, **options: Any) -> int:
    """Prove that no single upset of a protected bit of BENCH reaches an output, and that synthesis kept it.

    Synthesises each design point and the unprotected one, looks for every replica in the netlist, and proves
    what docs/proof.md states. Exits with 1 if a theorem is refuted, and names the upset that does it; with
    --negative-controls, if one of the broken designs is not refuted.
    """
    from netsurf.frontend import spec as specs
    from netsurf.ir import load

    network = load(specs.load(bench).folder)
    designs = _designs(network, options)
    run = _broken if negative_controls else _whole
    results = [run(output, bench, network, design, options) for design in designs]
    document = {"benchmark": bench, "network": network.digest, "results": results}
    output.document(document)
    return 0 if all(result["as_it_should"] for result in results) else 1


def _designs(network: Network, options: dict[str, Any]) -> list[DesignPoint]:
    from netsurf.harden import DesignPoint, load_plan, plan_by_level
    from netsurf.rank import rank

    if options["plan"] is not None:
        return [DesignPoint(network, load_plan(options["plan"], network))]
    ranking = rank(options["method"], network, options["seed"])
    notes = {"ranker": options["method"], "seed": options["seed"]}
    return [DesignPoint(network, plan_by_level(network, ranking, x, notes)) for x in options["levels"]]


def _emitted(design: DesignPoint, name: str, bench: str) -> Accelerator:
    from netsurf.emit import architecture, emit
    from netsurf.paths import build

    place = build() / bench / "proof" / f"tmr-{round(100 * design.plan.level):03d}-{design.digest[:8]}-{name}"
    return emit(design, architecture(name, design.network), place)


def _whole(
    output: Output, bench: str, network: Network, design: DesignPoint, options: dict[str, Any]
) -> dict[str, Any]:
    """Prove one design point and say so."""
    from netsurf.harden import DesignPoint
    from netsurf.proof import prove
    from netsurf.proof.prove import ASSUMPTIONS

    accelerator = _emitted(design, options["name"], bench)
    plain = _emitted(DesignPoint.unprotected(network), options["name"], bench)
    output.say(
        f"{bench}, {options['name']}, {design.plan.level:.1%} of {network.stored_bits:,} stored bits in TMR: "
        f"{accelerator.flip_flops:,} flip-flops, {options['technology']}"
    )
    proof = prove(accelerator, design, plain, options["technology"], lambda t: _tell(output, t))
    _conclude(output, proof)
    for sentence in ASSUMPTIONS if proof.proved else ():
        output.say(f"  {sentence}")
    output.say()
    return {
        "protection": design.plan.level,
        "plan": design.plan.digest,
        "architecture": options["name"],
        "proved": proof.proved,
        "as_it_should": proof.proved,
        "assumptions": list(ASSUMPTIONS),
        **asdict(proof),
    }


def _tell(output: Output, theorem: Theorem) -> None:
    verdict = "proved" if theorem.proved else "REFUTED"
    output.say(
        f"  {verdict:<8} {theorem.name}: {theorem.statement} "
        f"({theorem.checks:,} checks, {theorem.queries:,} by SAT, {theorem.seconds:.1f} s)"
    )
    for example in theorem.counterexamples:
        output.say(f"           {example}")


def _conclude(output: Output, proof: Proof) -> None:
    verdict = (
        f"Proved: no single upset of any of the {proof.protected_bits:,} protected bits, in any replica, in "
        "any cycle, reaches an output."
        if proof.proved
        else "Refuted: see above."
    )
    output.say(
        f"{verdict} {proof.yosys}: {proof.synthesis_seconds:.0f} s of processor time; {proof.solver}; "
        f"proof {proof.seconds:.0f} s, {proof.peak_mb:,.0f} MiB."
    )


def _broken(
    output: Output, bench: str, network: Network, design: DesignPoint, options: dict[str, Any]
) -> dict[str, Any]:
    """Run every negative control of one design point; each must be refuted."""
    from netsurf.harden import DesignPoint
    from netsurf.proof import prove
    from netsurf.proof.controls import CONTROLS, sabotage

    accelerator = _emitted(design, options["name"], bench)
    plain = _emitted(DesignPoint.unprotected(network), options["name"], bench)
    refuted = {}
    for name, control in CONTROLS.items():
        with tempfile.TemporaryDirectory() as folder:
            proof = prove(sabotage(accelerator, name, Path(folder)), design, plain, options["technology"])
        failed = [theorem for theorem in proof.theorems if not theorem.proved]
        refuted[name] = [str(t.counterexamples[0]) for t in failed]
        verdict = f"refuted by '{failed[0].name}'" if failed else "NOT REFUTED"
        output.say(f"{design.plan.level:.0%} {name}: {control.what}: {verdict}")
        for example in failed[0].counterexamples[:1] if failed else ():
            output.say(f"      {example}")
    return {
        "protection": design.plan.level,
        "plan": design.plan.digest,
        "negative_controls": refuted,
        "as_it_should": all(refuted.values()),
    }
