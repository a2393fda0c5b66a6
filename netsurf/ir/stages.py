"""The reference executor while stored words change: some visits of a layer with the old, some with the new.

An accelerator reads its stored words anew for every patch of a convolution, for every step of a recurrent
layer. An upset in the middle of a sample therefore acts from some visit on: see ``staged`` of
:class:`netsurf.ir.LayerKind`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import UnsupportedLayerError
from netsurf.ir.execute import check_inputs
from netsurf.ir.kinds import kind_of
from netsurf.ir.network import INPUT, Layer, Network

Codes = NDArray[np.int64]

Change = tuple[int, Mapping[str, Codes]]
"""A visit, and the codes by tensor name that replace stored ones from it on."""


def execute_staged(network: Network, inputs: ArrayLike, changes: Mapping[str, Sequence[Change]]) -> Codes:
    """Output codes ``(samples, outputs)`` while stored tensors change.

    Parameters
    ----------
    changes
        By layer, ascending by visit. Each replaces those before it; tensors that it does not name are as
        the network stores them.

    Raises
    ------
    UnsupportedLayerError
        If a layer's words change after its first visit, and its kind has no ``staged``.
    """
    tensors = {INPUT: check_inputs(network, inputs)}
    for layer in network.layers:
        read = [tensors[name] for name in layer.inputs]
        specs = [network.spec(name) for name in layer.inputs]
        stages = _stages(layer, changes.get(layer.name, ()))
        kind = kind_of(layer)
        if len(stages) == 1:
            tensors[layer.name] = kind.execute(layer, read, specs, stages[0][1])
        elif kind.staged is None:
            raise UnsupportedLayerError(
                f"layer '{layer.name}': upsets in the middle of a sample have no reference for kind "
                f"'{layer.kind}'; leave them out: --transients 0"
            )
        else:
            tensors[layer.name] = kind.staged(layer, read, specs, stages)
    outputs = tensors[network.layers[-1].name]
    return outputs.reshape(len(outputs), -1)


def _stages(layer: Layer, changes: Sequence[Change]) -> list[tuple[int, Mapping[str, Codes]]]:
    """What the layer computes with, from visit 0 on."""
    stored: Mapping[str, Codes] = {role: p.codes for role, p in layer.parameters.items()}
    changed: list[tuple[int, Mapping[str, Codes]]] = [
        (visit, {role: new.get(p.name, p.codes) for role, p in layer.parameters.items()})
        for visit, new in changes
    ]
    return changed if changed and changed[0][0] == 0 else [(0, stored), *changed]
