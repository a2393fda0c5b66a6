"""Whether an integer network computes what the Keras model computes that it was read from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf import ir
from netsurf.errors import DisagreementError
from netsurf.fixed import to_real
from netsurf.ir import Network

Codes = NDArray[np.int64]


def require_equal(network: Network, model: Any, codes: Codes) -> int:
    """Compare every output: ``code * 2**-fraction`` of the network, and the Keras model's number.

    Keras computes in 32-bit floating point, which is exact as long as no sum needs more than 24 bits.

    Parameters
    ----------
    codes
        Input codes ``(samples, *network.input.shape)``.

    Returns
    -------
    Number of samples compared.

    Raises
    ------
    DisagreementError
        If any output differs; says how many samples, and the first.
    """
    ours = to_real(ir.execute(network, codes), network.output.format.fraction)
    reals = to_real(codes, network.input.format.fraction).astype(np.float32)
    theirs = model.predict(reals, batch_size=1000, verbose=0).reshape(ours.shape).astype(np.float64)
    wrong = np.flatnonzero((ours != theirs).any(axis=1))
    if len(wrong):
        raise DisagreementError(
            f"{network.name}: the integer network and the Keras model differ on {len(wrong):,} of "
            f"{len(codes):,} samples, first on number {wrong[0]}: {ours[wrong[0]]} and {theirs[wrong[0]]}"
        )
    return len(codes)


def random_inputs(network: Network, samples: int, random: np.random.Generator) -> Codes:
    """Input codes drawn uniformly from all that the input format has, ``(samples, *shape)``."""
    form = network.input.format
    return random.integers(form.minimum, form.maximum, (samples, *network.input.shape), endpoint=True)
