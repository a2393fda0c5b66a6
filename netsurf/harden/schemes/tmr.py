"""``tmr``: a stored bit, two replicas of it, and a majority voter.

von Neumann's restoring organ with three inputs ("Probabilistic Logics and the Synthesis of Reliable Organisms
from Unreliable Components", 1956); the cell is the ``majorityVoter`` of CERN's TMRG with a mask.
"""

from __future__ import annotations

import numpy as np

from netsurf.harden.schemes.base import COPY, Decoded, Errors, Scheme, Words

REPLICAS = np.uint64(3)


def _encode(data: Words, width: int) -> Words:
    return data * REPLICAS


def _decode(errors: Errors) -> Decoded:
    """Two or three of three invert the bit; one or two differ from the others and are seen."""
    b, c = errors.check & np.uint64(1), errors.check >> np.uint64(1)
    upset = errors.data + b + c
    return (upset >= 2).astype(np.uint64), (upset % REPLICAS) != 0


SCHEME = Scheme(
    name="tmr",
    title="three replicas of the bit and a majority voter",
    unit="bit",
    first_class=COPY,
    checks=lambda width: 2,
    encode=_encode,
    decode=_decode,
)
