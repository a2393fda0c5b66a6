"""Magnitude pruning while training, and which stored weights it removed.

The kernels of a benchmark with ``pruning`` lose their smallest weights step by step. After step ``t`` each
kernel has the sparsity

    s(t) = S - S * (1 - (t - b) / (e - b))**3    for b <= t <= e,    0 before,    S after,

where ``S`` is the target and ``b``, ``e`` are the steps at which pruning begins and ends: M. Zhu and
S. Gupta, *To prune, or not to prune: exploring the efficacy of pruning for model compression*,
arXiv:1710.01878 (2017), equation 1 with an initial sparsity of zero. The mask is chosen anew every few
steps, by magnitude within each kernel, and holds the weights at exactly zero from then on; what is left can
make up for the loss meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import NetworkError
from netsurf.frontend.spec import Pruning
from netsurf.ir import Network, Parameter

Mask = NDArray[np.bool_]

TOLERANCE = 0.005
"""How far the sparsity of a kernel may be from its target."""


def sparsity_at(step: int, rule: Pruning, steps: int) -> float:
    """Sparsity after ``step`` of ``steps`` steps.

    >>> [round(sparsity_at(t, Pruning(sparsity=0.5), 100), 4) for t in (0, 25, 50, 75, 100)]
    [0.0, 0.0, 0.4375, 0.5, 0.5]
    """
    begin, end = rule.begin * steps, rule.end * steps
    left = np.clip((end - step) / max(end - begin, 1.0), 0.0, 1.0)
    return float(rule.sparsity * (1 - left**3)) if step >= begin else 0.0


def smallest(weights: NDArray[np.floating], sparsity: float) -> Mask:
    """The ``round(sparsity * size)`` elements of least magnitude; of equal ones the first.

    >>> smallest(np.array([[0.5, -0.1], [0.2, 0.0]]), 0.5).tolist()
    [[False, True], [False, True]]
    """
    magnitudes = np.abs(weights).reshape(-1)
    chosen = np.zeros(magnitudes.size, bool)
    chosen[np.argsort(magnitudes, kind="stable")[: round(sparsity * magnitudes.size)]] = True
    return chosen.reshape(weights.shape)


def kernels(model: Any) -> dict[str, Any]:
    """Every kernel variable of a Keras model, as ``layer.kernel``; a depthwise one too."""
    found = {}
    for layer in model.layers:
        kernel = getattr(layer, "kernel", getattr(layer, "depthwise_kernel", None))
        if kernel is not None:
            found[f"{layer.name}.kernel"] = kernel
    return found


def pruner(model: Any, rule: Pruning, steps: int) -> Any:
    """A Keras callback that prunes a model's kernels while it is fitted.

    Parameters
    ----------
    steps
        Optimiser steps in all; the callback counts on over several calls of ``fit``.
    """
    import tensorflow as tf

    variables = list(kernels(model).values())
    kept = [tf.Variable(tf.ones_like(kernel), trainable=False) for kernel in variables]
    last = int(np.ceil(rule.end * steps))

    @tf.function
    def hold() -> None:
        for kernel, mask in zip(variables, kept, strict=True):
            kernel.assign(kernel * mask)

    class Prune(tf.keras.callbacks.Callback):
        step = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.step += 1
            if self.step == last or (self.step < last and self.step % rule.every == 0):
                sparsity = sparsity_at(self.step, rule, steps)
                for kernel, mask in zip(variables, kept, strict=True):
                    mask.assign(~smallest(kernel.numpy(), sparsity))
            hold()

    return Prune()


def zeros(model: Any) -> dict[str, Mask]:
    """Weights that are exactly zero before quantisation, by kernel: those that pruning removed.

    No other weight stays at exactly zero while it is trained, and one that did would have been the first
    to be pruned, so the model file alone says which weights were.
    """
    return {name: kernel.numpy() == 0 for name, kernel in kernels(model).items()}


def mark(network: Network, masks: Mapping[str, Mask]) -> Network:
    """The same network, its stored tensors told which elements pruning removed.

    Raises
    ------
    NetworkError
        If a mask has another shape than its tensor, or one of its elements has another code than zero.
    """
    unknown = sorted(set(masks) - set(network.parameters))
    if unknown:
        raise NetworkError(f"{network.name}: masks of {', '.join(unknown)}, which it does not store")
    layers = [
        replace(layer, parameters={role: _marked(p, masks) for role, p in layer.parameters.items()})
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


def _marked(parameter: Parameter, masks: Mapping[str, Mask]) -> Parameter:
    mask = masks.get(parameter.name)
    if mask is None:
        return parameter
    if mask.shape == (*parameter.codes.shape, 1):  # Keras' depthwise kernels have a depth multiplier of 1
        mask = mask[..., 0]
    if mask.shape != parameter.codes.shape:
        raise NetworkError(f"{parameter.name} is {parameter.codes.shape}, its mask is {mask.shape}")
    if parameter.codes[mask].any():
        raise NetworkError(
            f"{parameter.name}: {np.count_nonzero(parameter.codes[mask])} pruned codes are not 0"
        )
    return replace(parameter, pruned=mask)


def sparsities(network: Network) -> dict[str, float]:
    """Part of each pruned tensor that was removed."""
    return {name: float(p.pruned.mean()) for name, p in network.parameters.items() if p.pruned is not None}


def require_sparsity(network: Network, target: float) -> dict[str, float]:
    """The sparsities, each of which must be within :data:`TOLERANCE` of ``target``.

    Raises
    ------
    NetworkError
        If one is not.
    """
    found = sparsities(network)
    wrong = {name: value for name, value in found.items() if abs(value - target) > TOLERANCE}
    if wrong or not found:
        said = ", ".join(f"{name} {value:.4f}" for name, value in wrong.items()) or "nothing was pruned"
        raise NetworkError(f"{network.name}: sparsity {said}; the target is {target}")
    return found
