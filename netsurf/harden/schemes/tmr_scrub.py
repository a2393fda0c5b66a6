"""``tmr_scrub``: ``tmr`` whose voted value is written back into all three replicas, word after word."""

from __future__ import annotations

from dataclasses import replace

from netsurf.harden.schemes import tmr
from netsurf.harden.schemes.base import PERIOD

SCHEME = replace(
    tmr.SCHEME,
    name="tmr_scrub",
    title="tmr, and the voted value is written back in turn",
    scrubs=True,
    options={"period": PERIOD},
)
