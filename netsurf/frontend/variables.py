"""The variable of a Keras model behind each stored tensor, its quantiser taken off.

A layer may store what it does not hold: ``QConv2DBatchnorm`` stores its kernel with the normalisation folded
in. Its statistics are then set so that folding is the identity, and its variables mean what is stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netsurf.errors import NetworkError
from netsurf.ir import Network

_OWN_NAMES = {
    ("QDepthwiseConv2D", "kernel"): ("depthwise_kernel", "depthwise"),
    ("BatchNormalization", "scale"): ("gamma", "gamma"),
    ("BatchNormalization", "bias"): ("beta", "beta"),
    ("QBatchNormalization", "scale"): ("gamma", "gamma"),
    ("QBatchNormalization", "bias"): ("beta", "beta"),
}
"""Class and role to the names of the variable and of its quantiser, where these are not the role's."""

_NORMALISATIONS = ("BatchNormalization", "QBatchNormalization")


def variables(model: Any, network: Network) -> list[Any]:
    """One variable a stored tensor, in network order; the model is changed to compute with them as they are.

    Raises
    ------
    NetworkError
        If a stored tensor has no variable of its size in the model.
    """
    return [_variable(model, network, name) for name in network.parameters]


def _variable(model: Any, network: Network, name: str) -> Any:
    owner, role = name.rsplit(".", 1)
    layer = next((layer for layer in model.layers if layer.name == owner), None)
    kind = type(layer).__name__
    attribute, quantiser = _OWN_NAMES.get((kind, role), (role, role))
    _compute_with(layer, quantiser)
    if kind == "QConv2DBatchnorm":
        fold_nothing(layer.batchnorm)
        variable = _bias_of_folded(layer) if role == "bias" else layer.kernel
    else:
        variable = getattr(layer, attribute, None)
    if kind in _NORMALISATIONS:
        fold_nothing(layer, keep=True)
    shape = network.parameters[name].codes.shape
    if variable is None or not _same(tuple(variable.shape), shape):
        raise NetworkError(
            f"{network.name}: {name} {shape} has no variable of its own in the model; convert the model "
            "again, and write a separable convolution as QDepthwiseConv2D and QConv2D of size 1"
        )
    return variable


def _same(held: tuple[int, ...], stored: tuple[int, ...]) -> bool:
    """Whether shapes differ in axes of length 1 alone: behind depthwise kernels, before others.

    A dense layer of every step or pixel is stored as a convolution of size 1.
    """
    before = stored[: len(stored) - len(held)]
    return held == (*stored, 1) or (held == stored[len(before) :] and set(before) <= {1})


def _compute_with(layer: Any, quantiser: str) -> None:
    """Let a layer use a variable as it is."""
    for attribute in (f"{quantiser}_quantizer", f"{quantiser}_quantizer_internal"):
        if hasattr(layer, attribute):
            setattr(layer, attribute, None)


def fold_nothing(normalisation: Any, keep: bool = False) -> None:
    """Mean 0 and a variance that is 1 together with epsilon; scale 1 and no offset unless they are kept."""
    for quantiser in ("mean", "variance", "inverse"):
        _compute_with(normalisation, quantiser)
    normalisation.moving_mean.assign(np.zeros_like(normalisation.moving_mean.numpy()))
    rest = np.float32(1) - np.float32(normalisation.epsilon)
    normalisation.moving_variance.assign(np.full_like(normalisation.moving_variance.numpy(), rest))
    if not keep and normalisation.gamma is not None:
        normalisation.gamma.assign(np.ones_like(normalisation.gamma.numpy()))


def _bias_of_folded(layer: Any) -> Any:
    """The offset of the normalisation, which is the folded bias once the layer's own is zero."""
    if layer.use_bias:
        layer.bias.assign(np.zeros_like(layer.bias.numpy()))
    return layer.batchnorm.beta
