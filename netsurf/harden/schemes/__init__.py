"""The table of protection schemes. A new scheme is one file here and one line below."""

from __future__ import annotations

from netsurf.harden.schemes import dmr, parity, secded, secded_scrub, tmr, tmr_scrub
from netsurf.harden.schemes.base import Errors, Option, Scheme

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        tmr.SCHEME,
        tmr_scrub.SCHEME,
        dmr.SCHEME,
        parity.SCHEME,
        secded.SCHEME,
        secded_scrub.SCHEME,
    )
}
"""Schemes that a plan may name, besides ``none``."""

NONE = "none"
"""What a plan writes for bits that are not protected."""

__all__ = ["NONE", "SCHEMES", "Errors", "Option", "Scheme"]
