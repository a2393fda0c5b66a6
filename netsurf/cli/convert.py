"""``netsurf convert``: a trained model to integers, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.ir import Network


@command
@click.argument("source", metavar="BENCH|MODEL.h5")
@click.option("--input", "precision", help="MODEL.h5: format of the inputs, for example 'ufixed<8,0>'.")
@click.option("--name", help="MODEL.h5: name of the network  [default: the file's]")
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    default="classification",
    show_default=True,
    help="MODEL.h5: what the outputs mean.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for network.json and network.npz  [default: build/NAME/network]",
)
def command(output: Output, source: str, precision: str | None, out: Path | None, **options: Any) -> None:
    """Read a trained QKeras model through hls4ml into an integer network.

    BENCH converts the model in a benchmark's folder. MODEL.h5 converts any sequential model of
    QDense, QActivation, Flatten and their Keras namesakes, whose quantisers have alpha=1.
    """
    from netsurf import ir
    from netsurf.paths import build

    network = (
        _model(Path(source), precision, **options) if source.endswith((".h5", ".keras")) else _bench(source)
    )
    folder = out or build() / network.name / "network"
    ir.save(network, folder)
    _show(output, network)
    output.note(f"wrote {folder}")
    output.document({**network.describe(), "digest": network.digest, "folder": folder})


def _bench(name: str) -> Network:
    from netsurf.frontend import artefacts
    from netsurf.frontend import spec as specs
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.session import start

    spec = specs.load(name)
    start()
    return convert_benchmark(artefacts.model_of(spec), spec)


def _model(path: Path, precision: str | None, name: str | None, task: Any) -> Network:
    from netsurf.errors import UsageError
    from netsurf.fixed import parse_format
    from netsurf.frontend import model as models
    from netsurf.frontend.convert import convert
    from netsurf.frontend.session import start

    if precision is None:
        raise UsageError(f"{path} does not say what its inputs are; add for example --input 'ufixed<8,0>'")
    input_format = parse_format(precision)
    start()
    return convert(models.load(path), name or path.stem, input_format, task=task)


def _show(output: Output, network: Network) -> None:
    rows = [
        [layer.name, layer.kind, layer.output.size, str(layer.output.format), _stored(layer)]
        for layer in network.layers
    ]
    output.table(["layer", "kind", "outputs", "format", "stored bits"], rows, network.name)
    output.say(f"{network.stored_bits:,} stored bits, network {network.digest[:16]}")


def _stored(layer: Any) -> int:
    return sum(parameter.stored_bits for parameter in layer.parameters.values())
