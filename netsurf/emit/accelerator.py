"""Accelerator: what was emitted, as ``design.json`` says it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netsurf.errors import SiteMapError
from netsurf.fault.registers import Register, RegisterSpace
from netsurf.files import sha256

SCHEMA_VERSION = 3
DESIGN = "design.json"
VERILATOR_MARKS = "sites.vlt"
REGISTER_MARKS = "registers.vlt"
FILE_LIST = "filelist.f"


@dataclass(frozen=True, slots=True)
class InputStream:
    """The ``s_axis`` port: ``beats`` beats of ``per_beat`` elements, element ``e`` at ``e*width``."""

    elements: int
    width: int
    per_beat: int
    beats: int
    tdata_width: int


@dataclass(frozen=True, slots=True)
class OutputStream:
    """The ``m_axis`` port: all elements in one beat; ``signed`` says how to read them."""

    elements: int
    width: int
    signed: bool
    tdata_width: int
    tuser_width: int


@dataclass(frozen=True, slots=True)
class StoreScheme:
    """Bits of a store under one scheme: half-open ranges of numbers within the tensor."""

    scheme: str
    options: Mapping[str, int]
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class StoreGuard:
    """What a store has beyond triplicated bits; netsurf.emit.guards reads it.

    Parameters
    ----------
    schemes
        Every scheme of the store, ``tmr`` included.
    row_elements
        Elements of a row of code words.
    check_bank
        Hierarchical path of the memory of check bits; empty if there are none.
    check_width, check_lanes
        Bits of its words (1 if there are none); lanes behind those of the data, by which they are written.
    extra_bits
        Copies and check bits that are stored, replicas of triplicated bits not included.
    period
        Cycles from refreshing a word to refreshing the next; 0 if there is no scrubber.
    """

    schemes: tuple[StoreScheme, ...]
    row_elements: int
    check_bank: str
    check_width: int
    check_lanes: int
    extra_bits: int
    period: int


CHECK_BANK = 3
"""Index of the bank of check bits, behind those of the bits, second and third copies."""


@dataclass(frozen=True, slots=True)
class Store:
    """The weight store of one tensor.

    Parameters
    ----------
    tensor
        Name in the Network (``fc1.kernel``).
    element_width, elements_per_word, words, word_width
        Element ``n`` is bits ``[(n % elements_per_word) * element_width +: element_width]`` of word
        ``n // elements_per_word``.
    config_base, word_stride, lanes
        Lane ``l`` (bits ``[32*l +: 32]``) of word ``w`` is written at ``config_base + w*word_stride + l``.
    banks
        Hierarchical paths, top module included, of the memory of replica 0, and of 1 and 2 if there are any.
    first_read, words_per_read
        Cycle of the first read, and words that are read together, which are a row.
    reads
        When rows are read for a sample that is alone, in order, as runs ``(cycle, step, count)``; a layer
        that reads its words anew for every patch goes through its rows again and again
        (:mod:`netsurf.emit.reads`).
    error_bit
        Bit of ``tmr_error_o``.
    protected_bits
        Stored bits that have two replicas.
    guard
        Other schemes than ``tmr``; None if there are none.
    """

    tensor: str
    element_width: int
    elements_per_word: int
    words: int
    word_width: int
    config_base: int
    word_stride: int
    lanes: int
    banks: tuple[str, ...]
    first_read: int
    words_per_read: int
    error_bit: int
    protected_bits: int
    guard: StoreGuard | None = None
    reads: tuple[tuple[int, int, int], ...] = ()

    @property
    def bits(self) -> int:
        """Stored bits without replicas."""
        return self.words * self.word_width

    @property
    def flip_flops(self) -> int:
        """Stored bits with everything that protects them."""
        return self.bits + 2 * self.protected_bits + (self.guard.extra_bits if self.guard else 0)

    @property
    def memories(self) -> dict[int, tuple[str, int]]:
        """Index of each bank that exists to its path and the bits of a word: copies, then check bits."""
        found = {number: (path, self.word_width) for number, path in enumerate(self.banks)}
        if self.guard and self.guard.check_bank:
            found[CHECK_BANK] = self.guard.check_bank, self.guard.check_width
        return found


@dataclass(frozen=True, slots=True)
class Accelerator:
    """An emitted design; the fields are the keys of ``design.json`` (docs/architecture.md).

    ``network`` and ``plan`` are digests; ``architecture`` holds ``name`` and ``reuse_factors``; ``digests``
    is the SHA-256 of every file of the folder but ``design.json``. ``registers`` counts the flip-flops
    outside the stores' banks: datapath, control, error flags. ``register_list`` names them, and behind
    them the voter inputs, which are no flip-flops. ``folder`` is where the design lies.
    """

    network: str
    plan: str
    architecture: Mapping[str, Any]
    top: str
    files: tuple[str, ...]
    input: InputStream
    output: OutputStream
    latency: int
    interval: int
    registers: int
    register_list: tuple[Register, ...]
    stores: tuple[Store, ...]
    digests: Mapping[str, str]
    folder: Path

    @property
    def stored_bits(self) -> int:
        """Stored bits without replicas: the ``S`` of fault numbers."""
        return sum(store.bits for store in self.stores)

    @property
    def flip_flops(self) -> int:
        """Flip-flops of the whole design: stored bits, what protects them, and registers."""
        return sum(store.flip_flops for store in self.stores) + self.registers

    @property
    def error_bits(self) -> int:
        """Bits of ``tmr_error_o``: one a store, one for a triplicated datapath, at least one."""
        return max(1, len(self.stores) + int(self.triplicated))

    @property
    def triplicated(self) -> bool:
        """Whether the datapath stands three times."""
        return bool(self.architecture.get("triplicated", False))

    @property
    def register_space(self) -> RegisterSpace:
        """The registers and voter inputs by number: fault sites with a cycle."""
        return RegisterSpace(self.register_list)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The Verilog files, in order."""
        return tuple(self.folder / name for name in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that was emitted, the files included."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """The content of ``design.json``: plain JSON values, nothing about this machine."""
        document = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        del document["folder"]
        for store in document["stores"]:
            if store["guard"] is None:
                del store["guard"]
        return document


def is_scrubbed(accelerator: Accelerator) -> bool:
    """Whether some store writes corrected values back by itself."""
    return any(store.guard is not None and store.guard.period > 0 for store in accelerator.stores)


def load(folder: Path) -> Accelerator:
    """Read an emitted design and check that its files are the ones that were emitted.

    Raises
    ------
    SiteMapError
        If ``design.json`` is missing, damaged or of another schema, or a file was changed.
    """
    folder = Path(folder)
    accelerator = _read(folder)
    for name, digest in accelerator.digests.items():
        path = folder / name
        if not path.is_file() or sha256(path) != digest:
            state = "was changed" if path.is_file() else "is missing"
            raise SiteMapError(f"{path} {state} since it was emitted; emit the design again: netsurf emit")
    return accelerator


def _read(folder: Path) -> Accelerator:
    path = folder / DESIGN
    try:
        document = json.loads(path.read_text())
        if document.pop("schema_version") != SCHEMA_VERSION:
            raise SiteMapError(f"{path} was written by another NetSurf; emit the design again: netsurf emit")
        digest = document.pop("digest")
        document["input"] = InputStream(**document["input"])
        document["output"] = OutputStream(**document["output"])
        document["stores"] = tuple(_store(entry) for entry in document["stores"])
        document["register_list"] = tuple(Register(**entry) for entry in document["register_list"])
        accelerator = Accelerator(**{**document, "files": tuple(document["files"]), "folder": folder})
    except OSError as error:
        raise SiteMapError(
            f"{path} cannot be read ({error.strerror}); emit the design: netsurf emit"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise SiteMapError(f"{path} is damaged ({error}); emit the design again: netsurf emit") from error
    if accelerator.digest != digest:
        raise SiteMapError(f"{path} was changed since it was emitted; emit the design again: netsurf emit")
    return accelerator


def _store(entry: Mapping[str, Any]) -> Store:
    guard = entry.get("guard")
    if guard is not None:
        schemes = tuple(
            StoreScheme(s["scheme"], s["options"], tuple((a, b) for a, b in s["ranges"]))
            for s in guard["schemes"]
        )
        guard = StoreGuard(**{**guard, "schemes": schemes})
    reads = tuple((cycle, step, count) for cycle, step, count in entry["reads"])
    return Store(**{**entry, "banks": tuple(entry["banks"]), "guard": guard, "reads": reads})
