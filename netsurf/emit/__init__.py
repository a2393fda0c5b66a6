"""The emitter: a design point to Verilog, a site map and a file list.

:func:`emit` writes a folder, :func:`load` reads it back; both return an :class:`Accelerator`.
The hand-written cells that it instantiates are in ``rtl/``; docs/architecture.md is the contract.
"""

from netsurf.emit.accelerator import (
    CHECK_BANK,
    Accelerator,
    InputStream,
    OutputStream,
    Store,
    StoreGuard,
    is_scrubbed,
    load,
)
from netsurf.emit.architecture import Architecture, architecture
from netsurf.emit.ports import config_writes, contents, pack_input, store_words, unpack_output
from netsurf.emit.reads import NEVER, visits
from netsurf.emit.sites import (
    Location,
    locate,
    number,
    read_cycle,
    require_match,
    visits_before,
    walks,
)
from netsurf.emit.write import emit

__all__ = [
    "CHECK_BANK",
    "NEVER",
    "Accelerator",
    "Architecture",
    "InputStream",
    "Location",
    "OutputStream",
    "Store",
    "StoreGuard",
    "architecture",
    "config_writes",
    "contents",
    "emit",
    "is_scrubbed",
    "load",
    "locate",
    "number",
    "pack_input",
    "read_cycle",
    "require_match",
    "store_words",
    "unpack_output",
    "visits",
    "visits_before",
    "walks",
]
