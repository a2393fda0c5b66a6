"""``parity``: one even-parity bit an element, which reads as zero where the parity is wrong."""

from __future__ import annotations

import numpy as np

from netsurf.harden.schemes.base import CHECK, Decoded, Errors, Scheme, Words, odd, zeroed


def _encode(data: Words, width: int) -> Words:
    return odd(data).astype(np.uint64)


def _decode(errors: Errors) -> Decoded:
    wrong = odd(errors.data) ^ odd(errors.check)
    return zeroed(errors, wrong), wrong


SCHEME = Scheme(
    name="parity",
    title="one check bit an element; it reads as zero where the parity is wrong",
    unit="element",
    first_class=CHECK,
    checks=lambda width: 1,
    encode=_encode,
    decode=_decode,
)
