"""Rows of the store: their columns, and Parquet files whose bytes depend on the rows alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netsurf.errors import StoreError, ToolFailedError

Columns = Mapping[str, NDArray[Any]]

TRIAL_COLUMNS = {
    "trial": "BIGINT",
    "repetition": "BIGINT",
    "site": "BIGINT",
    "flips": "INTEGER",
    "detected": "BOOLEAN",
    "samples": "INTEGER",
    "correct": "INTEGER",
    "topk": "INTEGER",
    "sdc": "INTEGER",
    "loss": "DOUBLE",
    "mse": "DOUBLE",
    "mae": "DOUBLE",
    "r2": "DOUBLE",
}
"""One value a trial; NULL where the campaign does not record it, and for ``site`` unless one bit was hit."""

CELL_COLUMNS = {
    "cell": "INTEGER",
    "ranker": "VARCHAR",
    "protection": "DOUBLE",
    "ber": "DOUBLE",
    "mode": "VARCHAR",
    "fault": "VARCHAR",
    "population": "VARCHAR",
    "split": "VARCHAR",
    "seed": "BIGINT",
    "network": "VARCHAR",
    "plan": "VARCHAR",
}
"""One value a cell. ``network`` and ``plan`` are digests: rows without them are refused."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def require_digests(cells: Mapping[str, Sequence[Any]]) -> None:
    """Raise StoreError unless every cell names its network and its plan by digest."""
    for key in ("network", "plan"):
        for value in cells.get(key, ()) or ("",):
            if not isinstance(value, str) or not _DIGEST.fullmatch(value):
                raise StoreError(
                    f"rows without a {key} digest are refused: '{value}' is not 64 hexadecimal digits"
                )


def write_parquet(path: Path, rows: Columns, cells: Mapping[str, Sequence[Any]]) -> None:
    """Write rows, ordered by trial, joined with what their cells say. One thread, one row group.

    Raises
    ------
    StoreError
        If a row names no network or plan.
    ToolFailedError
        If the file cannot be written; nothing is left of it then.
    """
    require_digests(cells)
    connection = _connection()
    connection.register("trials", {name: np.ascontiguousarray(column) for name, column in rows.items()})
    connection.register("cells", _cell_arrays(cells))
    options = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1048576"
    try:
        connection.execute(f"COPY ({_select(rows)}) TO '{_quoted(path)}' ({options})")
    except _io_errors() as error:
        path.unlink(missing_ok=True)
        raise ToolFailedError(f"writing {path.name} ({_reason(error)})", path) from error
    finally:
        connection.unregister("trials")
        connection.unregister("cells")


def read_parquet(paths: Sequence[Path], columns: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Columns of Parquet files as arrays, ordered by trial; NULL becomes NaN, or -1 in integers."""
    chosen = ", ".join(_readable(name) for name in columns)
    return query(f"SELECT {chosen} FROM rows ORDER BY trial", paths).fetchnumpy()


def query(sql: str, paths: Sequence[Path]) -> Any:
    """Run SQL in which ``rows`` stands for the rows of Parquet files; returns DuckDB's cursor."""
    files = ", ".join(f"'{_quoted(path)}'" for path in paths)
    cursor = _connection().cursor()
    return cursor.execute(f"WITH rows AS (SELECT * FROM read_parquet([{files}])) {sql}")


def _readable(name: str) -> str:
    kind = {**TRIAL_COLUMNS, **CELL_COLUMNS}[name]
    if kind in ("BIGINT", "INTEGER"):
        return f"coalesce({name}, -1) AS {name}"
    return f"coalesce({name}, 'nan'::DOUBLE) AS {name}" if kind == "DOUBLE" else name


def _select(rows: Columns) -> str:
    values = {name: f"trials.{name}" for name in TRIAL_COLUMNS if name in rows}
    if "site" in rows:
        values["site"] = "nullif(trials.site, -1)"
    trial = [f"CAST({values.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in TRIAL_COLUMNS.items()]
    cell = [f"CAST({_cell_value(name)} AS {kind}) AS {name}" for name, kind in CELL_COLUMNS.items()]
    return f"SELECT {', '.join([*cell, *trial])} FROM trials JOIN cells USING (cell) ORDER BY trials.trial"


def _cell_value(name: str) -> str:
    return "nullif(cells.ber, 'nan'::DOUBLE)" if name == "ber" else f"cells.{name}"


def _cell_arrays(cells: Mapping[str, Sequence[Any]]) -> dict[str, NDArray[Any]]:
    kinds = {"VARCHAR": object, "DOUBLE": np.float64, "INTEGER": np.int32, "BIGINT": np.int64}
    return {
        name: np.array([np.nan if v is None else v for v in cells[name]], dtype=kinds[kind])
        for name, kind in CELL_COLUMNS.items()
    }


@cache
def _connection() -> Any:
    import duckdb

    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})


def _io_errors() -> tuple[type[Exception], ...]:
    import duckdb

    return (duckdb.Error, OSError)


def _reason(error: Exception) -> str:
    """The system's own words, from the end of DuckDB's message."""
    return str(error).strip().splitlines()[0].rsplit(": ", 1)[-1]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
