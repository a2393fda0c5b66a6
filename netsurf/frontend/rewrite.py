"""A Keras model in layers that hls4ml 1.3.0 can read: the others are replaced by layers of the same numbers.

``QConv2DTranspose`` becomes a zero insertion and a convolution (:mod:`netsurf.frontend.stand_ins`). A layer
with a folded batch normalisation becomes one without, whose kernel and bias are those that QKeras folds:
hls4ml cannot read a depthwise one, and folds another one in arithmetic of its own. A dilated ``QConv2D`` gets
explicit padding. A quantiser that is a layer's ``activation`` becomes a ``QActivation`` behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from typing import Any

import numpy as np

from netsurf.errors import UnsupportedLayerError
from netsurf.frontend import recurrent
from netsurf.frontend.layers import quantised_activation
from netsurf.ir import Network

Stand = tuple[Any, list[Any]]
"""A new Keras layer and the weights that it gets."""


def readable(model: Any, kinds: Container[str] | None = None) -> Any:
    """A model of the same outputs that hls4ml reads as Keras means it; ``model`` itself if it is one.

    The last of the layers that stand for one has its name, and weights in the shape that a network stores.

    Parameters
    ----------
    kinds
        The classes to replace; by default all of :data:`REPLACED`, and quantisers are layers of their own.

    Raises
    ------
    UnsupportedLayerError
        If a layer of such a model is used more than once.
    """
    replaced = {}
    for layer in model.layers:
        asked = type(layer).__name__ in (REPLACED if kinds is None else kinds)
        if stands := REPLACED[type(layer).__name__](layer) if asked else []:
            replaced[layer.name] = stands
        elif kinds is None and _dilated(layer):
            replaced[layer.name] = _spread(layer)
        elif kinds is None and quantised_activation(layer) is not None:
            replaced[layer.name] = [_copied(layer)]
    if kinds is None:
        replaced = {name: [part for s in stands for part in _split(s)] for name, stands in replaced.items()}
    return _rebuilt(model, replaced) if replaced else model


def _copied(layer: Any, **changed: Any) -> Stand:
    return type(layer).from_config({**layer.get_config(), **changed}), layer.get_weights()


def _split(stand: Stand) -> list[Stand]:
    """A new layer, and behind it the quantiser that was its activation."""
    from qkeras import QActivation
    from tensorflow.keras.activations import linear

    layer, weights = stand
    quantiser = quantised_activation(layer)
    if quantiser is None:
        return [stand]
    layer.activation = linear
    return [(layer, weights), (QActivation(quantiser, name=f"{layer.name}_activation"), [])]


def without_softmax(model: Any) -> Any:
    """The model whose outputs are what its last softmax reads; ``model`` itself if it does not end in one.

    A softmax leaves the order of its inputs as it is: the decision does not need it.
    """
    layer = model.outputs[0]._keras_history.layer if model.outputs else None
    if layer is None or not is_softmax(layer):
        return model
    stands = [_copied(layer, activation=None)] if layer.weights else []
    return _rebuilt(model, {layer.name: stands})


def with_stored(model: Any, network: Network) -> Any:
    """The model whose recurrent layers are the network's, with variables that are its stored tensors."""
    from netsurf.frontend.recurrent_layer import stand

    owners = [layer for layer in model.layers if type(layer).__name__ in recurrent.CLASSES]
    if not owners:
        return model
    return _rebuilt(model, {layer.name: [stand(layer, network.layer(layer.name))] for layer in owners})


def is_softmax(layer: Any) -> bool:
    """Whether a layer is a softmax, or ends in one."""
    return (
        type(layer).__name__ == "Softmax"
        or getattr(layer, "activation", None) == "softmax"
        or (getattr(getattr(layer, "activation", None), "__name__", "") == "softmax")
    )


def _rebuilt(model: Any, replaced: dict[str, list[Stand]]) -> Any:
    """A copy of the model, layer by layer, with some layers replaced."""
    import tensorflow as tf

    (source,), (result,) = model.inputs, model.outputs
    tensors = {source.ref(): tf.keras.Input(source.shape[1:], name=source.name.split(":")[0])}
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            continue
        if len(layer.inbound_nodes) != 1:
            raise UnsupportedLayerError(
                f"layer '{layer.name}' is used {len(layer.inbound_nodes)} times; copy it"
            )
        stands = replaced[layer.name] if layer.name in replaced else [_copied(layer)]
        tensors[layer.output.ref()] = _applied(stands, _taken(layer.input, tensors))
    return tf.keras.Model(tensors[source.ref()], tensors[result.ref()], name=model.name)


def _taken(inputs: Any, tensors: dict[Any, Any]) -> Any:
    several = isinstance(inputs, list | tuple)
    return [tensors[x.ref()] for x in inputs] if several else tensors[inputs.ref()]


def _applied(stands: Iterable[Stand], tensor: Any) -> Any:
    for layer, weights in stands:
        tensor = layer(tensor)
        layer.set_weights(weights)
    return tensor


def transposed_sides(kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Padding before and after an axis, zeros inserted, whose convolution is Keras' transposed convolution.

    Keras' output has ``n*stride`` positions with ``same``, ``max(kernel - stride, 0)`` more with ``valid``.

    >>> transposed_sides(3, 2, "same"), transposed_sides(3, 2, "valid")
    ((2, 0), (2, 1))
    """
    excess = max(kernel - stride, 0)
    after = excess // 2 if padding == "same" else excess
    return kernel - 1 - (after if padding == "same" else 0), after


def turned(kernel: np.ndarray) -> np.ndarray:
    """A transposed convolution's kernel ``(rows, columns, outputs, inputs)`` as that of the convolution."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def _transposed(layer: Any) -> list[Stand]:
    from netsurf.frontend import stand_ins

    stand_ins.register()
    sides = [
        transposed_sides(*axis, layer.padding) for axis in zip(layer.kernel_size, layer.strides, strict=True)
    ]
    convolution = stand_ins.PaddedQConv2D(
        layer.filters,
        layer.kernel_size,
        sides=tuple(n for side in sides for n in side),
        use_bias=layer.use_bias,
        activation=layer.activation,
        kernel_quantizer=layer.kernel_quantizer,
        bias_quantizer=layer.bias_quantizer,
        name=layer.name,
    )
    kernel, *bias = layer.get_weights()
    stands = [(convolution, [turned(kernel), *bias])]
    if max(layer.strides) > 1:
        stands.insert(0, (stand_ins.ZeroInsert(layer.strides, name=f"{layer.name}_zeros"), []))
    return stands


def _dilated(layer: Any) -> bool:
    return type(layer).__name__ == "QConv2D" and max(layer.dilation_rate) > 1


def _spread(layer: Any) -> list[Stand]:
    """A dilated convolution with ``same`` padding, which Keras has with a stride of 1 alone."""
    from netsurf.frontend import stand_ins

    stand_ins.register()
    beyond = [(k - 1) * d for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
    sides = tuple(n for b in beyond for n in (b // 2, b - b // 2))
    asked = {**layer.get_config(), "padding": "valid", "sides": sides}
    return [(stand_ins.PaddedQConv2D.from_config(asked), layer.get_weights())]


def _folded(layer: Any) -> list[Stand]:
    import qkeras

    depthwise = type(layer).__name__ == "QDepthwiseConv2DBatchnorm"
    role = "depthwise" if depthwise else "kernel"
    shared = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "bias_quantizer", "name")
    asked = {key: getattr(layer, key) for key in (*shared, f"{role}_quantizer")}
    made = qkeras.QDepthwiseConv2D(**asked) if depthwise else qkeras.QConv2D(layer.filters, **asked)
    return [(made, [np.asarray(weights) for weights in layer.get_folded_weights()])]


def _pixelwise(layer: Any) -> list[Stand]:
    """A dense layer of every step or pixel: hls4ml makes a convolution of it and forgets its quantisers."""
    if len(layer.input_shape) == 2:
        return []
    kernel, *bias = layer.get_weights()
    weights = [layer.kernel_quantizer_internal(kernel), *(layer.bias_quantizer_internal(b) for b in bias)]
    return [(type(layer).from_config(layer.get_config()), [np.asarray(w) for w in weights])]


REPLACED: dict[str, Callable[[Any], list[Stand]]] = {
    "QConv2DTranspose": _transposed,
    "QConv2DBatchnorm": _folded,
    "QDepthwiseConv2DBatchnorm": _folded,
    "QDense": _pixelwise,
    "QLSTM": recurrent.rounded,
    "QGRU": recurrent.rounded,
}
"""Class that hls4ml cannot read to the function that says what stands for a layer of it."""
