"""``dmr``: two copies of an element, which reads as zero where they differ.

Duplication with comparison; a weight of zero hurts a network less than one whose sign bit is wrong.
"""

from __future__ import annotations

from netsurf.harden.schemes.base import COPY, Decoded, Errors, Scheme, Words, zeroed


def _encode(data: Words, width: int) -> Words:
    return data


def _decode(errors: Errors) -> Decoded:
    differ = errors.data != errors.check
    return zeroed(errors, differ), differ


SCHEME = Scheme(
    name="dmr",
    title="two copies of the element; it reads as zero where they differ",
    unit="element",
    first_class=COPY,
    checks=lambda width: width,
    encode=_encode,
    decode=_decode,
)
