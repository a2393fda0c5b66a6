"""``layerwise_first`` and ``layerwise_last``: by the depth of the layer that holds the bit."""

from __future__ import annotations

import numpy as np

from netsurf.ir import Network
from netsurf.rank.evidence import Evidence
from netsurf.rank.method import Method, Scores


def _depth(network: Network) -> Scores:
    """``(S,)`` number, from 0, of the parametric layer that holds each bit."""
    layers = [layer for layer in network.layers if layer.parameters]
    bits = [sum(p.stored_bits for p in layer.parameters.values()) for layer in layers]
    return np.repeat(np.arange(len(layers)), bits).astype(np.float64)


def score_first(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Layers near the input first.

    ``score = layers - depth``, with layers (kernel and bias together) counted from the input. The first
    NetSurf counted variables and called them layers. Reads nothing.
    """
    depth = _depth(network)
    return depth.max(initial=0.0) + 1 - depth


def score_last(network: Network, evidence: Evidence, seed: int) -> Scores:
    """Layers near the output first.

    ``score = depth + 1``. Reads nothing.
    """
    return _depth(network) + 1


FIRST = Method("layerwise_first", score_first)
LAST = Method("layerwise_last", score_last)
