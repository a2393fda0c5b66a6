"""Keras models of a benchmark: the QKeras network, and its float twin to compare with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from netsurf.errors import DataError, UnsupportedLayerError
from netsurf.files import write_atomic
from netsurf.fixed import FixedFormat
from netsurf.frontend.layers import SUPPORTED, check
from netsurf.frontend.spec import BenchmarkSpec, Dense, Flatten, Linear, Relu
from netsurf.paths import build as build_folder


def build(spec: BenchmarkSpec, quantised: bool = True) -> Any:
    """An untrained sequential model of the benchmark.

    Quantised, every kernel, bias and activation passes a QKeras quantiser with ``alpha=1`` in the
    forward pass, and gradients pass straight through it: there is no scale that is not in a format.
    The last layer is left as it is; there is no softmax, for the decision is the largest output.

    Parameters
    ----------
    quantised
        False builds the same architecture in 32-bit floating point.
    """
    import tensorflow as tf

    make = _QUANTISED if quantised else _FLOAT
    layers = [make[type(layer)](layer, spec) for layer in spec.layers]
    return tf.keras.Sequential([tf.keras.Input(spec.input.shape, name="sample"), *layers], name=spec.name)


def _bits(scheme: FixedFormat) -> Any:
    """QKeras' quantiser for a scheme. Keywords only: its third positional argument is ``symmetric``."""
    from qkeras import quantized_bits

    integer = scheme.integer - scheme.signed
    return quantized_bits(
        bits=scheme.width, integer=integer, keep_negative=scheme.signed, symmetric=0, alpha=1
    )


def _range(scheme: FixedFormat) -> Any:
    """Keeps the float weights behind a quantiser where it can follow them."""
    from qkeras import Clip

    step = 2.0**-scheme.fraction
    return Clip(scheme.minimum * step, scheme.maximum * step)


def _qdense(layer: Dense, spec: BenchmarkSpec) -> Any:
    import tensorflow as tf
    from qkeras import QDense

    return QDense(
        layer.units,
        kernel_quantizer=_bits(spec.scheme),
        bias_quantizer=_bits(spec.scheme),
        kernel_constraint=_range(spec.scheme),
        bias_constraint=_range(spec.scheme),
        kernel_initializer=tf.keras.initializers.GlorotUniform(),
        name=layer.name,
    )


def _qrelu(layer: Relu, spec: BenchmarkSpec) -> Any:
    from qkeras import QActivation, quantized_relu

    scheme = layer.scheme
    return QActivation(quantized_relu(bits=scheme.width, integer=scheme.integer), name=layer.name)


def _qlinear(layer: Linear, spec: BenchmarkSpec) -> Any:
    from qkeras import QActivation

    return QActivation(_bits(layer.scheme), name=layer.name)


def _flatten(layer: Flatten, spec: BenchmarkSpec) -> Any:
    import tensorflow as tf

    return tf.keras.layers.Flatten(name=layer.name)


def _dense(layer: Dense, spec: BenchmarkSpec) -> Any:
    import tensorflow as tf

    return tf.keras.layers.Dense(layer.units, name=layer.name)


def _relu(layer: Relu, spec: BenchmarkSpec) -> Any:
    import tensorflow as tf

    return tf.keras.layers.ReLU(name=layer.name)


def _linear(layer: Linear, spec: BenchmarkSpec) -> Any:
    import tensorflow as tf

    return tf.keras.layers.Activation("linear", name=layer.name)


_Maker = Callable[[Any, BenchmarkSpec], Any]
_QUANTISED: dict[type, _Maker] = {Dense: _qdense, Relu: _qrelu, Linear: _qlinear, Flatten: _flatten}
_FLOAT: dict[type, _Maker] = {Dense: _dense, Relu: _relu, Linear: _linear, Flatten: _flatten}


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
        raise UnsupportedLayerError(
            f"{path} has a layer that Keras and QKeras do not know ({_first_line(error)}); "
            f"use {', '.join(SUPPORTED)}"
        ) from error
    check(model)
    return model


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
