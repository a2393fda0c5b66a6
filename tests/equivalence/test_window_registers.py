"""Flip-flops of designs on images: what is stated is what Yosys keeps, whatever the windows are."""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.emit import architecture, emit
from netsurf.fault.registers import VOTER_INPUT
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from tests.equivalence.test_emit_tools import flip_flops, needs_yosys

PIXEL, WEIGHT = FixedFormat(4, 4, signed=False), FixedFormat(4, 4)


def pooled(size: int, stride: int) -> Network:
    """A maximum over windows."""
    count = (9 - size) // stride + 1
    window = {
        "size": (size, size),
        "strides": (stride, stride),
        "padding": (0, 0, 0, 0),
        "accumulator": PIXEL,
    }
    spec = TensorSpec((count, count, 1), PIXEL)
    return _classified("pooled", Layer("pool", "max_pool", ("input",), spec, {}, window))


def averaged(accumulator: FixedFormat) -> Network:
    """Means of 3 x 3 pixels, whose sums are finer than the pixels."""
    window = {"size": (3, 3), "strides": (3, 3), "padding": (0, 0, 0, 0), "accumulator": accumulator}
    spec = TensorSpec((3, 3, 1), FixedFormat(6, 4, signed=False))
    return _classified("averaged", Layer("pool", "average_pool", ("input",), spec, {}, window))


def _classified(name: str, pool: Layer) -> Network:
    """A pooling of a 9 x 9 image, and a dense layer whose sums use every bit."""
    spec = pool.output
    width = spec.format.width + 4 + spec.size.bit_length()
    sums = FixedFormat(width, width - spec.format.fraction)
    weights = np.random.default_rng(spec.size).integers(-8, 8, (spec.size, 2))
    stored = {
        "kernel": Parameter("fc.kernel", weights, WEIGHT),
        "bias": Parameter("fc.bias", np.array([1, -2]), WEIGHT),
    }
    layers = (
        pool,
        Layer("flat", "flatten", ("pool",), TensorSpec((spec.size,), spec.format)),
        Layer("fc", "dense", ("flat",), TensorSpec((2,), sums), stored, {"accumulator": sums}),
    )
    return Network(name, TensorSpec((9, 9, 1), PIXEL), layers)


def convolved(stride: int) -> Network:
    """A convolution of two channels."""
    sums, count = FixedFormat(13, 13), (9 - 3) // stride + 1
    stored = {
        "kernel": Parameter("c.kernel", np.random.default_rng(0).integers(-8, 8, (3, 3, 2, 2)), WEIGHT),
        "bias": Parameter("c.bias", np.array([1, -2]), WEIGHT),
    }
    window = {"strides": (stride, stride), "padding": (0, 0, 0, 0), "dilation": (1, 1), "accumulator": sums}
    layer = Layer("c", "conv", ("input",), TensorSpec((count, count, 2), sums), stored, window)
    return Network("convolved", TensorSpec((9, 9, 2), PIXEL), (layer,))


CASES = {
    "pool 2 by 2": (pooled(2, 2), "serial", 2),
    "pool 3 by 2": (pooled(3, 2), "serial", 1),
    "pool 4 by 2": (pooled(4, 2), "serial", 2),
    "pool 2 by 4": (pooled(2, 4), "serial", 3),
    "pool 3 by 3": (pooled(3, 3), "serial", 0),
    "mean, sums that wrap": (averaged(FixedFormat(11, 8, False)), "serial", 3),
    "mean, sums that saturate": (averaged(FixedFormat(11, 8, False, "TRN", "SAT")), "serial", 0),
    "conv by 1, a code a beat": (convolved(1), "serial", 0),
    "conv by 2, a patch a beat": (convolved(2), "parallel", 8),
}
"""Network, micro-architecture, and how many bits of counters and sums stand still."""


@needs_yosys
@pytest.mark.parametrize("case", CASES)
def test_yosys_keeps_the_registers_that_are_stated(tmp_path, case):
    """The last line is the negative control: with what stands still, the count would not be Yosys'."""
    network, name, still = CASES[case]
    accelerator = emit(DesignPoint.unprotected(network), architecture(name, network), tmp_path / "d")
    kept = flip_flops(accelerator)
    assert kept == accelerator.flip_flops == network.stored_bits + accelerator.registers
    listed = sum(register.bits for register in accelerator.register_list if register.kind != VOTER_INPUT)
    assert network.stored_bits + listed - kept == still
