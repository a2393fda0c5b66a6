"""Keras model to integer network, by way of hls4ml's optimised ModelGraph."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from netsurf.errors import MissingToolError, NetsurfError, UnsupportedLayerError
from netsurf.fixed import FixedFormat
from netsurf.frontend import pruning, recurrent, settle
from netsurf.frontend.from_hls4ml import keep_quantizers, read_network
from netsurf.frontend.layers import (
    SUPPORTED,
    activation_formats,
    check,
    linear_quantisers,
    pooling_formats,
    recurrent_precisions,
)
from netsurf.frontend.rewrite import readable, without_softmax
from netsurf.frontend.spec import BenchmarkSpec
from netsurf.hls.backend import NAME as BACKEND
from netsurf.ir import Network
from netsurf.ir.network import Task


def convert(
    model: Any,
    name: str,
    input_format: FixedFormat,
    reuse_factors: Mapping[str, int] | None = None,
    task: Task = "classification",
    stored: Mapping[str, FixedFormat] | None = None,
) -> Network:
    """The integer network that hls4ml makes of a model; a softmax at the end of a classification is left out.

    Parameters
    ----------
    model
        A Keras or QKeras model whose quantisers have ``alpha=1``.
    name
        Name of the network.
    input_format
        Format of the inputs, which Keras does not know.
    reuse_factors
        Reuse factor of layers with a kernel, by name; 1 for those not named.
    stored
        Format of scale and bias of batch normalisations, by name; hls4ml's default if not named.

    Raises
    ------
    UnsupportedLayerError
        If a layer is not supported by hls4ml or by NetSurf.
    """
    check(model)
    model = readable(without_softmax(model) if task == "classification" else model)
    with tempfile.TemporaryDirectory(prefix="netsurf-") as folder, contextlib.redirect_stdout(io.StringIO()):
        graph = _graph(model, input_format, reuse_factors or {}, stored or {}, Path(folder))
        return read_network(graph, name, task)


def convert_benchmark(model: Any, spec: BenchmarkSpec) -> Network:
    """The integer network of a benchmark's trained model; a pruned one knows its pruned weights."""
    stored = settle.formats(spec)
    network = convert(model, spec.name, spec.input.format, spec.reuse_factors, spec.task, stored)
    return pruning.mark(network, pruning.zeros(readable(model))) if spec.pruning else network


def _graph(
    model: Any,
    input_format: FixedFormat,
    reuse_factors: Mapping[str, int],
    stored: Mapping[str, FixedFormat],
    folder: Path,
) -> Any:
    from hls4ml.backends import get_available_backends
    from hls4ml.converters import convert_from_keras_model

    if BACKEND.lower() not in get_available_backends():
        raise MissingToolError(f"the hls4ml backend {BACKEND}", "make setup")
    try:
        config = _config(model, input_format, reuse_factors, stored)
        with _normalisations_kept():
            return convert_from_keras_model(
                model, hls_config=config, backend=BACKEND, output_dir=str(folder), project_name="netsurf"
            )
    except NetsurfError:
        raise
    except Exception as error:
        raise UnsupportedLayerError(
            f"hls4ml cannot read {model.name} ({type(error).__name__}: {error}); use a sequential model "
            f"that begins with Input(shape), of {', '.join(SUPPORTED)}"
        ) from error


@contextlib.contextmanager
def _normalisations_kept() -> Iterator[None]:
    """Keep every batch normalisation a layer.

    hls4ml 1.3.0 folds one whose offsets are all zero, as they are before training, into a depthwise kernel as
    if that were a dense one; and asking it to skip a pass has no effect.
    """
    from hls4ml.model.optimizer.passes.bn_fuse import FuseBatchNormalization as Fuse

    match = Fuse.match
    Fuse.match = lambda self, node: False
    try:
        yield
    finally:
        Fuse.match = match


_EXACT = FixedFormat(40, 16)
"""Holds every value that a quantised layer sends into an activation, and a slope's bits below it."""


def _config(
    model: Any,
    input_format: FixedFormat,
    reuse_factors: Mapping[str, int],
    stored: Mapping[str, FixedFormat],
) -> dict[str, Any]:
    from hls4ml.utils import config_from_keras_model

    config = config_from_keras_model(model, granularity="name", backend=BACKEND)
    layers = config["LayerName"]
    next(iter(layers.values()))["Precision"] = {"result": str(input_format)}
    for name, form in activation_formats(model).items():
        # hls4ml 1.3.0 takes a format without fractional bits for an integer that neither rounds nor saturates
        layers[name]["Precision"] = {**layers[name]["Precision"], "result": str(form)}
    for name, asked in recurrent_precisions(model, input_format).items():
        layers[name] |= {"Precision": asked, "TableSize": recurrent.TABLE_SIZE}
    for name, form in pooling_formats(model).items():
        layers[name]["Precision"] = {"result": str(form), "accum": str(form)}
    for layer in model.layers:
        if type(layer).__name__ == "LeakyReLU":  # hls4ml 1.3.0 would cut it to its default precision
            layers[layer.name]["Precision"] = {**layers[layer.name]["Precision"], "result": str(_EXACT)}
    keep_quantizers(config, linear_quantisers(model), model)
    for name, form in stored.items():
        layers[name]["Precision"] = {**layers[name]["Precision"], "scale": str(form), "bias": str(form)}
    for name, factor in reuse_factors.items():
        layers[name]["ReuseFactor"] = factor
    return config
