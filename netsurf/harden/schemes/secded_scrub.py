"""``secded_scrub``: ``secded`` whose corrected code words are written back, word after word."""

from __future__ import annotations

from dataclasses import replace

from netsurf.harden.schemes import secded
from netsurf.harden.schemes.base import PERIOD

SCHEME = replace(
    secded.SCHEME,
    name="secded_scrub",
    title="secded, and corrected code words are written back in turn",
    scrubs=True,
    options={**secded.SCHEME.options, "period": PERIOD},
)
