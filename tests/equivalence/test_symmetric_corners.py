"""Symmetric saturation where it is asymmetric: equal types are copied, and one bit keeps its -1.

``ap_fixed`` assigns a type to itself by copying bits, so the smallest code of a symmetric type, which a
cast never yields, survives in a bias after an upset and in an input. A signed bit has no symmetric range.
Random formats meet these corners too rarely; here every engine is led into them.
"""

from __future__ import annotations

import numpy as np
import pytest

from netsurf.engine import ReferenceEngine, compare
from netsurf.fault import Fault, FaultList
from netsurf.fixed import FixedFormat
from netsurf.harden import DesignPoint
from netsurf.hls.csim import CSimEngine
from netsurf.inject import FastEngine
from netsurf.ir import Layer, Network, Parameter, TensorSpec
from netsurf.ir.kinds import sums

SYMMETRIC = FixedFormat(4, 4, True, "TRN", "SAT_SYM")
BIT = FixedFormat(1, 1, True, "RND", "SAT_SYM")
PLAIN = FixedFormat(4, 4)


def layer(source, kernel, bias, form, accumulator, output):
    stored = {
        "kernel": Parameter("fc.kernel", np.array(kernel), form),
        "bias": Parameter("fc.bias", np.array(bias), form),
    }
    return Layer("fc", "dense", (source,), TensorSpec((3,), output), stored, {"accumulator": accumulator})


def equal_bias_and_accumulator() -> Network:
    """A bias of -8 in the accumulator's own symmetric type."""
    fc = layer("input", [[-8, 1, 3]], [-8, -8, 7], SYMMETRIC, SYMMETRIC, SYMMETRIC)
    return Network("bias", TensorSpec((1,), FixedFormat(4, 4)), (fc,))


def equal_input_and_output() -> Network:
    """A linear layer that assigns the inputs' symmetric type to itself."""
    linear = Layer("same", "linear", ("input",), TensorSpec((1,), SYMMETRIC))
    fc = layer("same", [[1, 1, -1]], [0, 1, 2], PLAIN, FixedFormat(10, 10), PLAIN)
    return Network("linear", TensorSpec((1,), SYMMETRIC), (linear, fc))


def one_bit() -> Network:
    """Outputs of one signed bit that saturates symmetrically."""
    fc = layer("input", [[-8, 1, 3]], [-8, -2, 7], PLAIN, FixedFormat(10, 10), BIT)
    return Network("bit", TensorSpec((1,), FixedFormat(4, 4)), (fc,))


NETWORKS = [equal_bias_and_accumulator, equal_input_and_output, one_bit]
CODES = np.arange(-8, 8)[:, None]
FAULTS = FaultList.of([Fault(()), Fault((3,)), Fault((15,)), Fault((4, 22)), Fault((19,), "stuck0")])


def expected(design: DesignPoint):
    return ReferenceEngine(design).run(FAULTS, CODES)


@pytest.fixture(params=NETWORKS, ids=lambda make: make.__name__)
def design(request) -> DesignPoint:
    return DesignPoint.unprotected(request.param())


def test_csim_agrees(design, tmp_path, quick_csim):
    got = CSimEngine(design, tmp_path).run(FAULTS, CODES)
    assert compare("csim", expected(design), got).count == 0


def test_the_fast_injector_agrees(design):
    assert compare("fast", expected(design), FastEngine(design).run(FAULTS, CODES)).count == 0


@pytest.mark.rtl
def test_the_verilog_agrees(design, tmp_path):
    from netsurf.cosim import VerilatorEngine
    from netsurf.emit import architecture, emit

    accelerator = emit(design, architecture("serial", design.network), tmp_path / "d")
    got = VerilatorEngine(accelerator, design, jobs=1).run(FAULTS, CODES)
    assert compare("rtl", expected(design), got).count == 0


def test_a_cast_in_place_of_a_copy_is_seen(monkeypatch):
    """Negative control: with a plain cast of the bias, these faults and inputs tell the difference."""
    design = DesignPoint.unprotected(equal_bias_and_accumulator())
    right = expected(design)
    monkeypatch.setattr(
        sums, "assign", lambda codes, source, target: sums.cast(codes, source.fraction, target)
    )
    assert compare("reference", right, expected(design)).count > 0
