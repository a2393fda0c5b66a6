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
Reals = NDArray[np.float64]


def require_equal(network: Network, model: Any, codes: Codes) -> int:
    """Run both on input codes ``(samples, *network.input.shape)``, and :func:`equal` what they compute."""
    return equal(network, *run_both(network, model, codes))


def require_alike(network: Network, model: Any, codes: Codes) -> int:
    """Run both on input codes ``(samples, *network.input.shape)``; they must be :func:`alike`."""
    return alike(network, *run_both(network, model, codes))


BATCH = 250
"""Samples that Keras computes at a time."""


def run_both(network: Network, model: Any, codes: Codes) -> tuple[Codes, Reals]:
    """Output codes of the network, and the real outputs of the Keras model, both ``(samples, outputs)``."""
    ours = ir.execute(network, codes)
    reals = to_real(codes, network.input.format.fraction).astype(np.float32)
    # Operation by operation: TensorFlow's graph optimiser moves factors through convolutions, which rounds.
    batches = [
        model(reals[first : first + BATCH], training=False).numpy() for first in range(0, len(reals), BATCH)
    ]
    theirs = np.concatenate(batches) if batches else np.empty(ours.shape)
    return ours, theirs.reshape(ours.shape).astype(np.float64)


def equal(network: Network, ours: Codes, theirs: Reals) -> int:
    """Compare every output: ``code * 2**-fraction`` of the network, and the Keras model's number.

    Keras computes in 32-bit floating point, which is exact as long as no sum needs more than 24 bits.

    Parameters
    ----------
    ours, theirs
        As :func:`run_both` returns them.

    Returns
    -------
    Number of samples compared.

    Raises
    ------
    DisagreementError
        If any output differs; says how many samples, and the first.
    """
    reals = to_real(ours, network.output.format.fraction)
    wrong = np.flatnonzero((reals != theirs).any(axis=1))
    if len(wrong):
        raise DisagreementError(
            f"{network.name}: the integer network and the Keras model differ on {len(wrong):,} of "
            f"{len(ours):,} samples, first on number {wrong[0]}: {reals[wrong[0]]} and {theirs[wrong[0]]}"
        )
    return len(ours)


ALIKE = 0.97
"""Part of the decisions that must be equal where functions are tabulated."""


def alike(network: Network, ours: Codes, theirs: Reals) -> int:
    """Compare decisions, for a network of which Keras rounds what the integers do not.

    Parameters
    ----------
    ours, theirs
        As :func:`run_both` returns them.

    Returns
    -------
    Number of samples with the same largest output.

    Raises
    ------
    DisagreementError
        If that is less than :data:`ALIKE` of them.
    """
    same = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
    if same < ALIKE * len(ours):
        raise DisagreementError(
            f"{network.name}: the integer network and the Keras model decide alike on {same:,} of "
            f"{len(ours):,} samples; at least {ALIKE:.0%} are asked for"
        )
    return same


def random_inputs(network: Network, samples: int, random: np.random.Generator) -> Codes:
    """Input codes drawn uniformly from all that the input format has, ``(samples, *shape)``."""
    form = network.input.format
    return random.integers(form.minimum, form.maximum, (samples, *network.input.shape), endpoint=True)
