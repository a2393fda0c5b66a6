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
    ours, theirs = _outputs(network, model, codes)
    wrong = np.flatnonzero((ours != theirs).any(axis=1))
    if len(wrong):
        raise DisagreementError(
            f"{network.name}: the integer network and the Keras model differ on {len(wrong):,} of "
            f"{len(codes):,} samples, first on number {wrong[0]}: {ours[wrong[0]]} and {theirs[wrong[0]]}"
        )
    return len(codes)


ALIKE = 0.97
"""Part of the decisions that must be equal where functions are tabulated."""


def require_alike(network: Network, model: Any, codes: Codes) -> int:
    """Compare decisions, for a network with tables of functions that Keras computes in floating point.

    Returns
    -------
    Number of samples with the same largest output.

    Raises
    ------
    DisagreementError
        If that is less than :data:`ALIKE` of them.
    """
    ours, theirs = (outputs.argmax(axis=1) for outputs in _outputs(network, model, codes))
    same = int((ours == theirs).sum())
    if same < ALIKE * len(codes):
        raise DisagreementError(
            f"{network.name}: the integer network and the Keras model decide alike on {same:,} of "
            f"{len(codes):,} samples; at least {ALIKE:.0%} are asked for"
        )
    return same


BATCH = 250
"""Samples that Keras computes at a time."""


def _outputs(network: Network, model: Any, codes: Codes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Real outputs ``(samples, outputs)`` of the network and of the model."""
    ours = to_real(ir.execute(network, codes), network.output.format.fraction)
    reals = to_real(codes, network.input.format.fraction).astype(np.float32)
    # Operation by operation: TensorFlow's graph optimiser moves factors through convolutions, which rounds.
    batches = (model(reals[first : first + BATCH], training=False) for first in range(0, len(reals), BATCH))
    theirs = np.concatenate([batch.numpy() for batch in batches]) if len(reals) else ours
    return ours, theirs.reshape(ours.shape).astype(np.float64)


def random_inputs(network: Network, samples: int, random: np.random.Generator) -> Codes:
    """Input codes drawn uniformly from all that the input format has, ``(samples, *shape)``."""
    form = network.input.format
    return random.integers(form.minimum, form.maximum, (samples, *network.input.shape), endpoint=True)
