"""``dense``: bias plus products, each assigned to the accumulator's format (``nnet::dense_latency``).

For every output ``j``::

    acc = accumulator(bias[j])
    for i in inputs:
        acc = accumulator(acc + accumulator(x[i] * kernel[i, j]))
    y[j] = output(acc)

where ``accumulator(...)`` and ``output(...)`` are ``ap_fixed`` assignments. Only a saturating
accumulator makes the order of ``i`` matter; it is the order of hls4ml's latency strategy.
"""

from __future__ import annotations

from netsurf.ir.kinds.base import LayerKind, by_position, require
from netsurf.ir.kinds.sums import check_stored, check_sums, matrix_sums


def _check(layer, specs):
    require(len(specs) == 1 and len(specs[0].shape) == 1, layer, "reads one flat tensor")
    check_stored(layer, (specs[0].size, layer.output.size), (layer.output.size,))
    check_sums(layer, specs[0], specs[0].size)


def _execute(layer, inputs, specs, parameters):
    return matrix_sums(layer, specs[0], inputs[0], parameters["kernel"], parameters["bias"])


KIND = LayerKind("dense", _check, _execute, by_position(_execute))
