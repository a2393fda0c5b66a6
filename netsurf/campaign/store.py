"""Store: the append-only rows of a campaign in a run folder that two processes, or ``kill -9``, cannot spoil.

::

    RUN/campaign.json            what the rows depend on; written once
    RUN/provenance/*.json        who computed, when, with which versions: one file a process
    RUN/chunks/000007.parquet    rows of chunk 7, whole or absent
    RUN/chunks/000007.sha256     its checksum, written after it: a chunk without one is not there
    RUN/claims/000007            locked by the process that computes chunk 7

The bytes under ``chunks/`` depend on the campaign alone: not on workers, their order or interruptions.
``sha256sum -c *.sha256`` in that folder checks them without NetSurf.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netsurf.campaign.claims import claim
from netsurf.campaign.rows import Columns, query, read_parquet, write_parquet
from netsurf.errors import StoreError, ToolFailedError
from netsurf.files import sha256, write_atomic

HEADER = "campaign.json"


@dataclass(frozen=True, eq=False)
class Store:
    """An open run folder.

    Parameters
    ----------
    folder
        Where it is.
    cells
        Column of :data:`~netsurf.campaign.rows.CELL_COLUMNS` to one value a cell.
    """

    folder: Path
    cells: Mapping[str, Sequence[Any]]
    _trusted: set[int] = field(default_factory=set)
    _unflushed: set[int] = field(default_factory=set)

    def path(self, chunk: int) -> Path:
        """Parquet file of a chunk."""
        return self.folder / "chunks" / f"{chunk:06d}.parquet"

    def done(self, chunk: int) -> bool:
        """Whether a chunk is there and is what its checksum says; each chunk is read once to find out."""
        if chunk not in self._trusted and self._intact(chunk):
            self._trusted.add(chunk)
        return chunk in self._trusted

    def _intact(self, chunk: int) -> bool:
        path = self.path(chunk)
        try:
            expected, name = path.with_suffix(".sha256").read_text().split()
            return name == path.name and sha256(path) == expected
        except (OSError, ValueError):
            return False

    def damaged(self) -> list[int]:
        """Chunks that were finished once and are no longer what they were: they are computed again."""
        numbers = {int(path.stem) for path in (self.folder / "chunks").glob("[0-9]*.sha256")}
        return sorted(n for n in numbers if not self.done(n))

    @contextlib.contextmanager
    def claim(self, chunk: int) -> Iterator[bool]:
        """Hold a chunk; yields False if it is done already or another process computes it."""
        if self.done(chunk):
            yield False
            return
        with claim(self.folder / "claims" / f"{chunk:06d}") as mine:
            yield mine and not self.done(chunk)

    def write(self, chunk: int, rows: Columns) -> None:
        """Add the rows of a chunk, whole or not at all.

        Raises
        ------
        StoreError
            If rows lack the digests of their network and plan, or the folder has no provenance.
        ToolFailedError
            If there is no space, or the folder cannot be written; finished chunks stay as they are.
        """
        if not any((self.folder / "provenance").glob("*.json")):
            raise StoreError(
                f"{self.folder} has no provenance: rows that do not say where they come from are refused"
            )
        path = self.path(chunk)
        for stale in path.parent.glob(f".{path.stem}.*"):
            stale.unlink(missing_ok=True)
        temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}")
        write_parquet(temporary, rows, self.cells)
        _publish(temporary, path)
        self._trusted.add(chunk)
        self._unflushed.add(chunk)

    def flush(self) -> None:
        """Wait until everything that this process wrote is on the disk."""
        paths = [self.path(chunk) for chunk in sorted(self._unflushed)]
        for path in [*paths, *(path.with_suffix(".sha256") for path in paths), self.folder / "chunks"]:
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        self._unflushed.clear()

    def read(self, chunks: Iterable[int], columns: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Columns of the rows of some chunks, ordered by trial."""
        return read_parquet([self.path(chunk) for chunk in chunks], columns)

    def sql(self, text: str, chunks: Iterable[int]) -> Any:
        """DuckDB cursor of a query in which ``rows`` stands for the rows of some chunks."""
        return query(text, [self.path(chunk) for chunk in chunks])


def _publish(temporary: Path, path: Path) -> None:
    """Put a finished file in its place: the data first, then the checksum that makes it count.

    Nothing waits for the disk here. A machine that loses power may lose files, but none that it keeps is
    trusted without its checksum; :meth:`Store.flush` waits once, before anything is reported as done.
    """
    note = temporary.with_name(temporary.name + ".sha256")
    try:
        note.write_text(f"{sha256(temporary)}  {path.name}\n")
        path.with_suffix(".sha256").unlink(missing_ok=True)
        temporary.replace(path)
        note.replace(path.with_suffix(".sha256"))
    except OSError as error:
        temporary.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        raise ToolFailedError(f"writing {path.name} ({error.strerror})", path) from error


def open_store(
    folder: Path,
    identity: Mapping[str, Any],
    cells: Mapping[str, Sequence[Any]],
    provenance: Mapping[str, Any],
) -> Store:
    """Open a run folder, or start one.

    Parameters
    ----------
    identity
        What the rows depend on; must equal what the folder was started with.
    provenance
        Of this process; kept beside the rows.

    Raises
    ------
    StoreError
        If the folder holds another campaign: every difference is spelled out.
    """
    header = folder / HEADER
    try:
        for name in ("chunks", "claims", "provenance"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be made ({error.strerror}); choose another folder with --out"
        ) from error
    if header.exists():
        require_same(folder, read_header(folder), identity)
    else:
        write_atomic(header, json.dumps(dict(identity), indent=2, sort_keys=True) + "\n")
    name = f"{provenance['date'].replace(':', '')}-{secrets.token_hex(3)}.json"
    write_atomic(folder / "provenance" / name, json.dumps(dict(provenance), indent=2, sort_keys=True) + "\n")
    return Store(folder, cells)


def read_header(folder: Path) -> dict[str, Any]:
    """What a run folder was started with.

    Raises
    ------
    StoreError
        If there is no campaign in the folder, or its header is damaged.
    """
    try:
        document = json.loads((folder / HEADER).read_text())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{folder} holds no campaign ({HEADER}: {error}); start over with --fresh"
        ) from error
    if not isinstance(document, dict):
        raise StoreError(f"{folder}/{HEADER} is damaged; start over with --fresh")
    return document


def require_same(folder: Path, there: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise StoreError naming every field in which two identities differ."""
    keys = [key for key in sorted({*there, *now}) if there.get(key) != now.get(key)]
    if keys:
        words = "; ".join(
            f"{key}: {_short(there.get(key))} there, {_short(now.get(key))} now" for key in keys
        )
        raise StoreError(
            f"{folder} holds another campaign ({words}); choose another --out, or --fresh to start over"
        )


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value[:4])) + (", ...]" if len(value) > 4 else "]")
    return "none" if value is None else str(value)


def discard(folder: Path) -> None:
    """Remove a run folder and all rows in it (``--fresh``); refuses a folder that holds no campaign."""
    if folder.exists():
        read_header(folder)
        shutil.rmtree(folder)
