"""Entry point of group ``hls4ml.backends``: makes ``backend="NetSurf"`` known to hls4ml.

hls4ml calls :func:`register` while it is being imported; this module therefore imports nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NAME = "NetSurf"


def register(
    register_backend: Callable[[str, Any], None], register_writer: Callable[[str, Any], None]
) -> None:
    """Register the writer and the backend of that name, in the order in which hls4ml needs them."""
    from netsurf.hls.plugin import NetSurfBackend, NetSurfWriter

    register_writer(NAME, NetSurfWriter)
    register_backend(NAME, NetSurfBackend)
