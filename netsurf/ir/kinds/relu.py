"""``relu``: max(x, 0), then assignment to the output format (``nnet::relu``)."""

from __future__ import annotations

import numpy as np

from netsurf.fixed import cast
from netsurf.ir.kinds.base import LayerKind
from netsurf.ir.kinds.linear import check_elementwise


def _execute(layer, inputs, specs, parameters):
    return cast(np.maximum(inputs[0], 0), specs[0].format.fraction, layer.output.format)


KIND = LayerKind("relu", check_elementwise, _execute)
