"""A convolutional network that is small enough for every bit in every cycle."""

from __future__ import annotations

import numpy as np

from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint, ProtectionPlan
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from tests.strategies import dense, random_codes


def small() -> Network:
    """4 x 4 image, convolution, normalisation, depthwise, pooling, dense: words read up to 16 times."""
    rng = np.random.default_rng(4)
    x, w, wide = FixedFormat(4, 2), FixedFormat(3, 1), FixedFormat(12, 6)

    def stored(name, **shapes):
        return {role: Parameter(f"{name}.{role}", random_codes(w, s, rng), w) for role, s in shapes.items()}

    def window(*size, **more):
        ones = (1,) * len(size)
        return {"strides": ones, "padding": (0,) * 2 * len(size), "dilation": ones, **more}

    layers = (
        Layer(
            "conv",
            "conv",
            ("input",),
            TensorSpec((4, 4, 2), x),
            stored("conv", kernel=(2, 2, 1, 2), bias=(2,)),
            window(2, 2, accumulator=wide, padding=(1, 0, 1, 0)),
        ),
        Layer("bn", "batchnorm", ("conv",), TensorSpec((4, 4, 2), x), stored("bn", scale=(2,), bias=(2,))),
        Layer(
            "deep",
            "depthwise",
            ("bn",),
            TensorSpec((3, 3, 2), x),
            stored("deep", kernel=(2, 2, 2), bias=(2,)),
            window(2, 2, accumulator=wide),
        ),
        Layer(
            "most",
            "max_pool",
            ("deep",),
            TensorSpec((1, 1, 2), x),
            {},
            {"size": (2, 2), "strides": (2, 2), "padding": (0,) * 4, "accumulator": x},
        ),
        Layer("flat", "flatten", ("most",), TensorSpec((2,), x)),
        dense("fc", "flat", TensorSpec((2,), x), 3, w, w, wide, wide, rng),
    )
    return Network("small", TensorSpec((4, 4, 1), x), layers)


def design(level: float) -> DesignPoint:
    """The network with a random part of its bits triplicated."""
    network = small()
    bits = np.random.default_rng(1).permutation(network.stored_bits)[: round(level * network.stored_bits)]
    return DesignPoint(network, ProtectionPlan(network.digest, network.stored_bits, bits))
