"""Entry point of group ``hls4ml.backends``: makes ``backend="NetSurf"`` known to hls4ml.

hls4ml calls :func:`register` while it is being imported; this module therefore imports nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

NAME = "NetSurf"

Registrar = Callable[[str, Any], None]
"""``hls4ml``'s ``register_backend`` or ``register_writer``."""

waiting: list[tuple[Registrar, Registrar]] = []
"""Calls of :func:`register` that came while the plugin was being imported, which answers them at its end."""


def register(
    register_backend: Callable[[str, Any], None], register_writer: Callable[[str, Any], None]
) -> None:
    """Register the writer and the backend of that name, in the order in which hls4ml needs them."""
    plugin = sys.modules.get("netsurf.hls.plugin")
    if plugin is not None and not hasattr(plugin, "NetSurfBackend"):
        waiting.append((register_backend, register_writer))
        return
    from netsurf.hls.plugin import NetSurfBackend, NetSurfWriter

    register_writer(NAME, NetSurfWriter)
    register_backend(NAME, NetSurfBackend)
