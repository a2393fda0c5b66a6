"""Keras models of a benchmark: the QKeras network, and its float twin to compare with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from netsurf.errors import DataError, UnsupportedLayerError
from netsurf.files import write_atomic
from netsurf.frontend.kinds import LayerSpec, Weighted
from netsurf.frontend.layers import SUPPORTED, check
from netsurf.frontend.spec import INPUT, BenchmarkSpec
from netsurf.paths import build as build_folder


def build(spec: BenchmarkSpec, quantised: bool = True) -> Any:
    """An untrained model of the benchmark: sequential, unless a layer says what it reads.

    Quantised, every kernel, bias and activation passes a QKeras quantiser with ``alpha=1`` in the
    forward pass, and gradients pass straight through it: there is no scale that is not in a format.
    The last layer is left as it is; there is no softmax, for the decision is the largest output.

    Parameters
    ----------
    quantised
        False builds the same architecture in 32-bit floating point.
    """
    import tensorflow as tf

    layers = [_layer(layer, spec, quantised) for layer in spec.layers]
    sample = tf.keras.Input(spec.input.shape, name="sample")
    if not any(layer.inputs for layer in spec.layers):
        return tf.keras.Sequential([sample, *layers], name=spec.name)
    tensors, sources = {INPUT: sample}, spec.sources
    for layer, made in zip(spec.layers, layers, strict=True):
        read = [tensors[name] for name in sources[layer.name]]
        tensors[layer.name] = made(read if len(read) > 1 else read[0])
    return tf.keras.Model(sample, tensors[spec.layers[-1].name], name=spec.name)


def _layer(layer: LayerSpec, spec: BenchmarkSpec, quantised: bool) -> Any:
    if not quantised:
        return layer.real()
    own = layer.scheme if isinstance(layer, Weighted) else None
    return layer.quantised(own or spec.scheme)


def save(model: Any, path: Path) -> None:
    """Write a model as ``.h5`` without its optimiser, whole or not at all."""
    draft = build_folder() / f"{model.name}-draft.h5"
    draft.parent.mkdir(parents=True, exist_ok=True)
    model.save(draft, include_optimizer=False, save_format="h5")
    write_atomic(path, draft.read_bytes())
    draft.unlink()


def load(path: Path) -> Any:
    """Read a Keras or QKeras model.

    Raises
    ------
    DataError
        If the file is absent or damaged.
    UnsupportedLayerError
        If the model has a layer that is neither Keras' nor QKeras', or that cannot be converted.
    """
    import tensorflow as tf
    from qkeras.utils import _add_supported_quantized_objects

    if not path.exists():
        raise DataError(f"{path} does not exist; give a benchmark's name or the path of a Keras model")
    known: dict[str, Any] = {}
    _add_supported_quantized_objects(known)
    try:
        model = tf.keras.models.load_model(path, custom_objects=known, compile=False)
    except (OSError, ImportError) as error:
        raise DataError(f"{path} cannot be read as a Keras model ({_first_line(error)})") from error
    except (ValueError, TypeError) as error:
        strange = unsupported(path)
        what = ", ".join(f"'{name}' ({kind})" for name, kind in strange) or _first_line(error)
        raise UnsupportedLayerError(
            f"{path} has layers that Keras and QKeras do not know or NetSurf does not support: {what}; "
            f"use {', '.join(SUPPORTED)}"
        ) from error
    check(model)
    return model


def unsupported(path: Path) -> list[tuple[str, str]]:
    """Name and class of the layers of an ``.h5`` model that NetSurf does not support; builds nothing."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            said = json.loads(file.attrs["model_config"])
        layers = [(layer["config"]["name"], layer["class_name"]) for layer in said["config"]["layers"]]
    except (OSError, KeyError, TypeError, ValueError):
        return []
    return [
        (name, kind.rpartition(">")[2]) for name, kind in layers if kind.rpartition(">")[2] not in SUPPORTED
    ]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
