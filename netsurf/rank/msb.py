"""``msb``: the highest bit plane first; pruned weights last; ties by number.

The susceptibility of a stored bit is the size of its upset, ``2**position``, whatever its weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.ir import Network
from netsurf.rank.bits import order, positions, pruned


def rank(network: Network, seed: int) -> NDArray[np.int64]:
    """Order the stored bits of ``network``; ``seed`` is not used."""
    return order(pruned(network), -positions(network))
