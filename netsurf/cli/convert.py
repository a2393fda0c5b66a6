"""``netsurf convert``: a trained model to integers, without training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.common import command
from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.ir import Network

COMPARED = 256
"""Random inputs on which the network must equal the model."""


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
@click.option("--pruned", is_flag=True, help="MODEL.h5: kernel weights that are exactly zero were pruned.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for network.json and network.npz  [default: build/NAME/network]",
)
def command(output: Output, source: str, precision: str | None, out: Path | None, **options: Any) -> None:
    """Read a trained QKeras model through hls4ml into an integer network.

    BENCH converts the model in a benchmark's folder. MODEL.h5 converts any model of supported
    layers (docs/network.md) whose quantisers have alpha=1. Either way the network is compared
    with the Keras model on random inputs before anything is written.
    """
    import numpy as np

    from netsurf import ir
    from netsurf.frontend.equality import random_inputs, require_equal
    from netsurf.paths import build

    from_file = source.endswith((".h5", ".keras"))
    network, model = (
        _from_file(output, Path(source), precision, **options) if from_file else _from_benchmark(source)
    )
    equal = require_equal(network, model, random_inputs(network, COMPARED, np.random.default_rng(0)))
    folder = out or build() / network.name / "network"
    ir.save(network, folder)
    _show(output, network)
    output.say(f"equal to the Keras model on {equal:,} random inputs")
    output.note(f"wrote {folder}")
    found = {"digest": network.digest, "equal_samples": equal, "folder": folder}
    output.document({**network.describe(), **found})


def _from_benchmark(name: str) -> tuple[Network, Any]:
    from netsurf.frontend import artefacts
    from netsurf.frontend import spec as specs
    from netsurf.frontend.convert import convert_benchmark
    from netsurf.frontend.session import start

    spec = specs.load(name)
    start()
    model = artefacts.model_of(spec)
    return convert_benchmark(model, spec), model


def _from_file(
    output: Output, path: Path, precision: str | None, name: str | None, task: Any, pruned: bool
) -> tuple[Network, Any]:
    from netsurf.errors import UsageError
    from netsurf.fixed import parse_format
    from netsurf.frontend import model as models
    from netsurf.frontend import pruning
    from netsurf.frontend.convert import convert
    from netsurf.frontend.rewrite import without_softmax
    from netsurf.frontend.session import start

    if precision is None:
        raise UsageError(f"{path} does not say what its inputs are; add for example --input 'ufixed<8,0>'")
    input_format = parse_format(precision)
    start()
    model = models.load(path)
    logits = without_softmax(model) if task == "classification" else model
    if logits is not model:
        output.note("the softmax at the end is left out: it changes no decision")
        model = logits
    network = convert(model, name or path.stem, input_format, task=task)
    return (pruning.mark(network, pruning.zeros(model)) if pruned else network), model


def _show(output: Output, network: Network) -> None:
    rows = [
        [layer.name, layer.kind, layer.output.size, str(layer.output.format), _stored(layer)]
        for layer in network.layers
    ]
    output.table(["layer", "kind", "outputs", "format", "stored bits"], rows, network.name)
    output.say(f"{network.stored_bits:,} stored bits, network {network.digest[:16]}")


def _stored(layer: Any) -> int:
    return sum(parameter.stored_bits for parameter in layer.parameters.values())
