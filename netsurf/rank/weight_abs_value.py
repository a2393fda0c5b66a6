"""``weight_abs_value``: plane by plane, the largest weights first; pruned weights last; ties by number.

The susceptibility of a stored bit is ``|w|``, the real value of its weight, compared within its bit
plane: all highest bits come before all next-highest ones, as in the first NetSurf.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netsurf.ir import Network
from netsurf.rank.bits import magnitudes, order, positions, pruned


def rank(network: Network, seed: int) -> NDArray[np.int64]:
    """Order the stored bits of ``network``; ``seed`` is not used."""
    return order(pruned(network), -positions(network), -magnitudes(network))
