"""The emitter: a design point to Verilog, a site map and a file list.

:func:`emit` writes a folder, :func:`load` reads it back; both return an :class:`Accelerator`.
The hand-written cells that it instantiates are in ``rtl/``; docs/architecture.md is the contract.
"""

from netsurf.emit.accelerator import Accelerator, InputStream, OutputStream, Store, load
from netsurf.emit.architecture import Architecture, architecture
from netsurf.emit.ports import config_writes, pack_input, store_words, unpack_output
from netsurf.emit.sites import Location, locate, number, read_cycle, require_match
from netsurf.emit.write import emit

__all__ = [
    "Accelerator",
    "Architecture",
    "InputStream",
    "Location",
    "OutputStream",
    "Store",
    "architecture",
    "config_writes",
    "emit",
    "load",
    "locate",
    "number",
    "pack_input",
    "read_cycle",
    "require_match",
    "store_words",
    "unpack_output",
]
