"""``netsurf cosim``: the main job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output
from netsurf.cli.values import Names, Percentages

if TYPE_CHECKING:
    from netsurf.certify.job import Event
    from netsurf.frontend.spec import BenchmarkSpec
    from netsurf.ir import Network


@command
@click.argument("bench")
@click.option(
    "--levels",
    type=Percentages(),
    help="Protection levels, per cent of the stored bits.  "
    "[default: 0,10,20,40,60,80,100; of large networks 0,20,100]",
)
@click.option(
    "--architectures",
    type=Names(),
    help="Micro-architectures: serial, parallel, spec.  "
    "[default: serial,parallel; with convolutions spec,parallel]",
)
@click.option(
    "--layers",
    type=Names(),
    help="Cross-layer mode: these layers in RTL, the rest in software.  "
    "[default beyond 500,000 stored bits: a few that differ]",
)
@click.option(
    "--software", is_flag=True, help="No RTL: reference, fast injector and hls4ml's C simulation alone."
)
@click.option("--ranker", default="msb", show_default=True, help="Ranking that chooses the protected bits.")
@click.option(
    "--plan",
    "plans",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Certify this protection plan, of any schemes, instead of --levels and --ranker; may be repeated.",
)
@click.option("--ber", default=1e-2, show_default=True, help="Bit error rate of the Bernoulli faults.")
@click.option("--faults", default=24, show_default=True, help="Faults of each block a level.")
@click.option(
    "--samples",
    type=int,
    help="Test samples that each fault runs.  [default: 96; fewer where one takes long]",
)
@click.option("--transients", type=int, help="Upsets at a clock cycle, a level and micro-architecture.")
@click.option("--seed", default=0, show_default=True, help="Seed of faults and samples.")
@click.option("--jobs", default=2, show_default=True, help="Processes.")
@click.option(
    "--netlist",
    type=click.Choice(["words", "gates", "abc"]),
    help="Synthesise each level with Yosys too, and run the netlist of these cells.",
)
@click.option("--exhaustive", is_flag=True, help="Upset every stored bit of the unprotected design in RTL.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Results folder.  [default: build/BENCH/cosim]"
)
def command(output: Output, bench: str, out: Path | None, exhaustive: bool, **options: Any) -> int:
    """Run the main job on BENCH: emit, simulate, upset, compare every engine, certify.

    Leaves designs, fault lists, plans, certificate.json and report.html in the results folder. Exits
    with 1 if any engine disagrees with the reference executor on any (fault, sample) pair.
    """
    from netsurf.frontend import spec as specs
    from netsurf.ir import load
    from netsurf.paths import build

    spec = specs.load(bench)
    network = load(spec.folder)
    _introduce(output, spec, network)
    if exhaustive:
        return _exhaustive(output, spec, network, out or build() / bench / "exhaustive", options)
    return _certify(output, spec, network, out or build() / bench / "cosim", options)


def _introduce(output: Output, spec: BenchmarkSpec, network: Network) -> None:
    from netsurf.frontend.golden import read

    golden = read(spec)
    output.say(f"{spec.name}: {spec.title}")
    output.say(
        f"network {network.digest[:16]}, {network.stored_bits:,} stored bits, test split of {spec.data} "
        f"({spec.splits().source} data)"
    )
    for kind in ("float", "quantised"):
        scores = ", ".join(f"{name} {value:.4f}" for name, value in golden["test"][kind].items())
        output.say(f"QKeras, {kind}: {scores}")
    output.say()


def _certify(
    output: Output, bench: BenchmarkSpec, network: Network, folder: Path, options: dict[str, Any]
) -> int:
    from netsurf.certify import certificate_document
    from netsurf.certify.files import write_certificate
    from netsurf.certify.sizes import job_spec, layers_spec
    from netsurf.files import write_atomic
    from netsurf.harden import load_plan
    from netsurf.provenance import provenance
    from netsurf.report import html_report, markdown_report

    jobs, cells = options.pop("jobs"), options.pop("netlist")
    plans = [load_plan(path, network) for path in options.pop("plans")]
    if plans:
        options["levels"] = tuple(plan.level for plan in plans)
    if options.pop("software"):
        _require_no_rtl(options | {"netlist": cells})
        options["architectures"] = layers = ()
        del options["layers"]
    else:
        layers = options.pop("layers") or _layers(output, network)
    chosen = {name: value for name, value in options.items() if value is not None}
    spec = layers_spec(network, layers, **chosen) if layers else job_spec(network, **chosen)
    events = list(_told(output, _events(bench, network, folder, spec, (jobs, cells), plans, layers), folder))
    document = certificate_document(events[-1], bench.name, bench.splits().source, provenance())
    if plans:
        document["spec"]["ranker"] = None  # the plans name their bits themselves
    write_certificate(document, folder)
    write_atomic(folder / "report.md", markdown_report(document))
    write_atomic(folder / "report.html", html_report(document))
    return _conclude(output, document, folder)


def _require_no_rtl(options: dict[str, Any]) -> None:
    """Refuse options of the RTL next to --software."""
    from netsurf.errors import UsageError

    for name in ("architectures", "layers", "transients", "netlist"):
        if options[name] is not None:
            raise UsageError(f"--software runs no RTL: leave out --{name}, or --software")


def _layers(output: Output, network: Network) -> tuple[str, ...]:
    """Layers of cross-layer mode, if the network is too large to be simulated as a whole."""
    from netsurf.certify.sizes import WHOLE, layers_under_fault
    from netsurf.ir import cut

    if network.stored_bits <= WHOLE:
        return ()
    layers = layers_under_fault(network)
    bits = ", ".join(f"{name} ({cut(network, name).network.stored_bits:,} bits)" for name in layers)
    output.say(f"more than {WHOLE:,} stored bits: cross-layer mode, in RTL {bits}; --layers chooses others")
    output.say()
    return layers


def _events(
    bench: BenchmarkSpec,
    network: Network,
    folder: Path,
    spec: Any,
    tooling: tuple[int, str | None],
    plans: list[Any],
    layers: tuple[str, ...],
) -> Any:
    """The job, as a function of a progress callback; ``tooling`` is processes, and cells of the netlist."""
    from netsurf.certify import Subject, certify
    from netsurf.certify.tools import toolbox
    from netsurf.frontend.spec import testdata
    from netsurf.rank import rank

    inputs, labels = testdata(bench)
    subject = Subject(network, inputs, bench.output_labels(labels), bench.output_tolerance)
    ranking, tools = rank(spec.ranker, network, spec.seed), toolbox(folder, *tooling)
    if layers:
        from netsurf.certify.cross_layer import certify_layers

        def tools_of(layer: str, level: float) -> Any:
            return toolbox(folder / f"{layer}-{round(100 * level):03d}", tooling[0])

        return lambda progress: certify_layers(
            subject, ranking, spec, layers, tools, tools_of, jobs=tooling[0], progress=progress, plans=plans
        )
    return lambda progress: certify(
        subject, ranking, spec, tools, jobs=tooling[0], progress=progress, plans=plans
    )


def _told(output: Output, job: Any, folder: Path) -> Iterator[Event]:
    """Every event of the job, after its line was printed; a bar shows only while there is none."""
    from netsurf.certify import LevelResult
    from netsurf.certify.files import write_level

    bar: list[Any] = [None]
    events = job(lambda done, total, note="": bar[0](done, total, note))
    while True:
        with output.progress("main job") as bar[0]:
            event = next(events, None)
        if event is None:
            return
        _tell(output, event)
        if isinstance(event, LevelResult):
            write_level(event, folder)
        yield event


def _tell(output: Output, event: Event) -> None:
    from netsurf.certify import Accuracy, Built, LevelResult
    from netsurf.report.lines import accuracy_line, level_line

    match event:
        case Built():
            a = event.accelerator
            output.say(
                f"  emitted {event.architecture:<8} at {event.level:4.0%} protection: latency {a.latency}, "
                f"interval {a.interval} cycles, {a.flip_flops:,} flip-flops ({event.seconds:.0f} s)"
            )
        case Accuracy():
            output.say(f"  {accuracy_line(event)}")
        case LevelResult():
            output.say(level_line(event))


def _conclude(output: Output, document: dict[str, Any], folder: Path) -> int:
    from netsurf.report import differing, tables, verdict

    for table in tables(document):
        output.say()
        output.table(table.columns, table.rows, table.title)
    output.say()
    output.say(verdict(document))
    output.note(f"designs, fault lists, certificate.json and report.html are in {folder}")
    output.document(document)
    return 1 if differing(document) else 0


def _exhaustive(
    output: Output, bench: BenchmarkSpec, network: Network, folder: Path, options: dict[str, Any]
) -> int:
    from netsurf.certify.exhaustive import exhaustive_document, replay_everything
    from netsurf.certify.sizes import is_streamed
    from netsurf.certify.tools import toolbox
    from netsurf.files import write_json
    from netsurf.frontend.spec import testdata
    from netsurf.harden import DesignPoint
    from netsurf.inject import witness
    from netsurf.provenance import provenance

    inputs, _ = testdata(bench)
    design = DesignPoint.unprotected(network)
    tools = toolbox(folder, options["jobs"])
    name = "spec" if is_streamed(network) else "serial"
    engine = tools.verilator(design, tools.emit(design, name))
    with output.progress("exhaustive") as progress:
        progress(0, 0, "searching a sample that shows each upset")
        witnesses = witness(network, inputs)
        result = replay_everything(design, engine, inputs, witnesses, options["jobs"], progress)
    document = exhaustive_document(result, bench.name, network.digest, provenance())
    write_json(folder / "exhaustive.json", document)
    output.table(("", ""), [(k, v) for k, v in document.items() if k != "provenance"], "Every upset in RTL")
    output.document(document)
    return 1 if document["mismatches"] else 0
