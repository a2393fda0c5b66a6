"""Brute force for evidence from gradients: knows the integer network only, and loops over weights.

Around a point it freezes what every quantiser does there (the slope 1 or 0 by which gradients pass, and the
offset), as straight-through estimation means it; what is left is smooth, and is differentiated by central
differences in float64, weight by weight.
"""

from functools import cached_property

import numpy as np
import pytest

from netsurf import ir
from netsurf.fault import Fault
from netsurf.fixed import quantize, to_real
from netsurf.harden import DesignPoint, faulty_parameters, resolve
from netsurf.rank.bits import by_tensor, deltas, reals, to_planes

STEP = 1e-4


class Twin:
    """Loss of a network as a function of its real weights, with quantisers frozen around ``at``."""

    def __init__(self, network, inputs, labels, at):
        self.network, self.labels = network, labels
        self.x = to_real(inputs, network.input.format.fraction)
        self.frozen = {}
        self.outputs(at, freeze=True)

    def outputs(self, weights, freeze=False):
        stored, tensors = by_tensor(self.network, weights), {"input": self.x}
        for layer in self.network.layers:
            z = tensors[layer.inputs[0]]
            if layer.kind == "dense":
                z = z @ stored[f"{layer.name}.kernel"] + stored[f"{layer.name}.bias"]
            if (
                layer.output.format.overflow == "SAT"
            ):  # a quantiser's; hls4ml may merge it into the dense layer
                if freeze:
                    self.frozen[layer.name] = self._freeze(layer, z)
                slope, offset = self.frozen[layer.name]
                z = slope * z + offset
            tensors[layer.name] = z
        return z

    @staticmethod
    def _freeze(layer, z):
        target = layer.output.format
        step = 2.0**-target.fraction
        signal = np.maximum(z, 0) if layer.kind == "relu" else z
        value = quantize(signal, target) * step
        slope = np.ones_like(z)
        if layer.kind == "relu":
            slope = ((z > 0) & (z <= target.maximum * step)).astype(float)
        return slope, value - slope * z

    def losses(self, weights):
        f = self.outputs(weights)
        if self.network.task == "regression":
            return ((f - self.labels[:, None]) ** 2).mean(axis=1)
        top = f.max(axis=1, keepdims=True)
        total = np.log(np.exp(f - top).sum(axis=1)) + top[:, 0]
        return total - f[np.arange(len(f)), self.labels]

    def sample_gradients(self, at):
        """``(samples, E)``, weight by weight."""
        rows = [(self.losses(at + h) - self.losses(at - h)) / (2 * STEP) for h in STEP * np.eye(len(at))]
        return np.stack(rows, axis=1)

    def hessian(self, at):
        """``(E, E)``, pair by pair."""
        wide, size = 10 * STEP, len(at)
        found = np.empty((size, size))
        for i, di in enumerate(wide * np.eye(size)):
            for j, dj in enumerate(wide * np.eye(size)[: i + 1]):
                corners = [(1, di + dj), (-1, di - dj), (-1, dj - di), (1, -di - dj)]
                value = sum(sign * self.losses(at + move).mean() for sign, move in corners)
                found[i, j] = found[j, i] = value / (4 * wide**2)
        return found


class Brute:
    """Every array of evidence the slow way."""

    def __init__(self, network, inputs, labels):
        self.network, self.inputs, self.labels = network, inputs, labels

    def at(self, weights):
        return Twin(self.network, self.inputs, self.labels, weights)

    @cached_property
    def here(self):
        return reals(self.network)

    @cached_property
    def gradients(self):
        return self.at(self.here).sample_gradients(self.here)

    @cached_property
    def hessian(self):
        return self.at(self.here).hessian(self.here)

    @cached_property
    def planes(self):
        return to_planes(self.network, deltas(self.network))

    @cached_property
    def hessians(self):
        return [self.at(weights).hessian(weights) for weights in self.planes]


def require_equal(found, expected):
    """Element by element, to the precision of 32-bit gradients and finite differences."""
    scale = np.abs(expected).max()
    assert scale > 1e-3, "an array of zeros shows nothing"
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4 * scale)


def layers_under_upsets(network, inputs):
    """With every bit upset: each layer that stores anything, its input as reals, all tensors' codes."""
    design = DesignPoint.unprotected(network)
    every = resolve(design, Fault(tuple(range(network.stored_bits)))).bits
    tensors = ir.trace(network, inputs, faulty_parameters(design, every))
    for layer in (layer for layer in network.layers if layer.parameters):
        source = layer.inputs[0]
        yield layer, tensors[source] * 2.0 ** -network.spec(source).format.fraction, tensors


def require_close(found, expected):
    """Element by element, to 64-bit precision; and two elements that change places are seen."""
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    low, high = found.argmin(), found.argmax()
    found[[low, high]] = found[[high, low]]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
