"""Rankings and plans as files for other tools: CSV, JSON and Parquet; rankings of FKeras read.

One row a stored bit, in the order of the ranking: ``place`` (0 is the most critical), ``site`` (its
number), ``tensor``, ``element`` (flat index), ``coordinates`` (``3;17``), ``bit`` (0 is the least
significant), and ``score`` where there are scores. What the rows belong to is written beside them: in a
comment line of CSV, in keys of JSON, in the metadata of Parquet.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netsurf.errors import DataError, PlanError, UnknownNameError
from netsurf.files import write_atomic
from netsurf.harden import ProtectionPlan
from netsurf.ir import Network
from netsurf.rank.bits import elements, positions

Sites = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

_TITLE = "netsurf sites 1"


@dataclass(frozen=True, slots=True, eq=False)
class SiteTable:
    """Stored bits in an order, with the network that they belong to.

    Parameters
    ----------
    network
        Digest of the network.
    sites
        Numbers, the most critical first.
    scores
        One number a site, or None.
    notes
        Method, ordering, seed, level ..., as plain JSON values.
    """

    network: str
    sites: Sites
    scores: NDArray[np.float64] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


def columns(network: Network, table: SiteTable) -> Columns:
    """The rows of a table, column by column."""
    sites = table.sites
    element = elements(network)[sites]
    names = list(network.parameters)
    sizes = [p.codes.size for p in network.parameters.values()]
    owner = np.repeat(np.arange(len(names)), sizes)[element]
    coordinates = np.concatenate([np.empty(0, object), *map(_coordinates, network.parameters.values())])
    rows: Columns = {
        "place": np.arange(len(sites)),
        "site": sites,
        "tensor": np.array(names, dtype=object)[owner],
        "element": element - (np.cumsum(sizes) - sizes)[owner],
        "coordinates": coordinates[element],
        "bit": positions(network)[sites],
    }
    return rows if table.scores is None else {**rows, "score": table.scores}


def _coordinates(parameter: Any) -> NDArray[Any]:
    axes = np.unravel_index(np.arange(parameter.codes.size), parameter.codes.shape)
    return np.array([";".join(map(str, place)) for place in zip(*axes, strict=True)], dtype=object)


def write_sites(path: Path, network: Network, table: SiteTable) -> Path:
    """Write a table as ``.csv``, ``.json`` or ``.parquet``, whole or not at all.

    Raises
    ------
    UnknownNameError
        If the path ends in anything else.
    DataError
        If the table is of another network.
    """
    _require(path, network, table)
    payload = _format(path).pack(columns(network, table), _head(table))
    return write_atomic(path, payload)


def read_sites(path: Path, network: Network) -> SiteTable:
    """Read a table that :func:`write_sites` wrote, or one like it: the column ``site`` is what counts.

    Raises
    ------
    UnknownNameError
        If the path ends in anything but ``.csv``, ``.json`` or ``.parquet``.
    DataError
        If the file is absent or damaged, names a bit twice or one that does not exist, or is of another
        network.
    """
    form = _format(path)
    try:
        head, rows = form.unpack(path)
        sites = np.asarray(rows["site"], np.int64)
        scores = np.asarray(rows["score"], np.float64) if "score" in rows else None
        table = SiteTable(str(head["network"]), sites, scores, dict(head.get("notes", {})))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path}: no table of stored bits ({error or type(error).__name__})") from error
    _require(path, network, table)
    return table


def _require(path: Path, network: Network, table: SiteTable) -> None:
    if table.network != network.digest:
        raise DataError(
            f"{path}: made for network {table.network[:12]}, not for {network.name} {network.digest[:12]}; "
            "rank again"
        )
    check_sites(str(path), network, table.sites)


def check_sites(where: str, network: Network, sites: Sites) -> None:
    """Raise DataError if a site does not exist or stands twice."""
    outside = sites[(sites < 0) | (sites >= network.stored_bits)]
    if len(outside):
        raise DataError(f"{where}: site {outside[0]} does not exist; sites are 0..{network.stored_bits - 1}")
    found, counts = np.unique(sites, return_counts=True)
    if (counts > 1).any():
        raise DataError(f"{where}: site {found[counts > 1][0]} stands twice")


def _head(table: SiteTable) -> dict[str, Any]:
    return {"title": _TITLE, "network": table.network, "notes": dict(table.notes)}


def plan_table(plan: ProtectionPlan) -> SiteTable:
    """The protected bits of a plan, by number."""
    notes = {**plan.notes, "stored_bits": plan.stored_bits}
    return SiteTable(plan.network_digest, plan.bits, None, notes)


def plan_of(table: SiteTable, network: Network) -> ProtectionPlan:
    """The plan that protects all bits of a table; PlanError if the table is of another network."""
    if table.network != network.digest:
        raise PlanError(f"the table is of network {table.network[:12]}, not of {network.digest[:12]}")
    return ProtectionPlan(network.digest, network.stored_bits, table.sites, dict(table.notes))


def from_fkeras(network: Network, indices: ArrayLike, biases: bool = False) -> Sites:
    """Stored bits that FKeras' bit indices stand for, in the same order.

    FKeras numbers the bits of a model layer by layer, element by element, the most significant bit of an
    element first; biases only if they were included (``FModelAlt(..., incl_biases=True)``).

    Parameters
    ----------
    indices
        As ``HessianMetrics.rank_bits`` and ``convert_param_ranking_to_msb_bit_ranking`` return them.

    Raises
    ------
    DataError
        If an index is outside the network, or stands twice.
    """
    parts, start = [], 0
    for layer in network.layers:
        for role, parameter in layer.parameters.items():
            if biases or role != "bias":
                sites = start + np.arange(parameter.stored_bits)
                parts.append(sites.reshape(-1, parameter.format.width)[:, ::-1].reshape(-1))
            start += parameter.stored_bits
    numbers = np.concatenate([np.empty(0, np.int64), *parts])
    indices = np.asarray(indices, np.int64)
    outside = indices[(indices < 0) | (indices >= len(numbers))]
    if len(outside):
        kind = "kernels and biases" if biases else "kernels"
        raise DataError(f"FKeras bit {outside[0]} does not exist: the {kind} have {len(numbers)} bits")
    sites = numbers[indices]
    check_sites("the FKeras ranking", network, sites)
    return sites


def _pack_csv(rows: Columns, head: dict[str, Any]) -> bytes:
    text = io.StringIO(newline="")
    text.write(f"# {json.dumps(head)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows)
    writer.writerows(zip(*(column.tolist() for column in rows.values()), strict=True))
    return text.getvalue().encode()


def _unpack_csv(path: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    first, *lines = path.read_text().splitlines()
    reader = csv.reader(lines)
    names = next(reader, [])
    table = list(zip(*reader, strict=True)) or [()] * len(names)
    return json.loads(first.removeprefix("# ")), dict(zip(names, table, strict=True))


def _pack_json(rows: Columns, head: dict[str, Any]) -> bytes:
    return (json.dumps({**head, **{name: column.tolist() for name, column in rows.items()}}) + "\n").encode()


def _unpack_json(path: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    document = json.loads(path.read_text())
    return document, document


def _pack_parquet(rows: Columns, head: dict[str, Any]) -> bytes:
    import tempfile

    import duckdb

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "sites.parquet"
        connection.register("sites", {name: np.ascontiguousarray(column) for name, column in rows.items()})
        words = json.dumps(head).replace("'", "''")
        options = f"FORMAT parquet, COMPRESSION zstd, KV_METADATA {{netsurf: '{words}'}}"
        connection.execute(f"COPY (SELECT * FROM sites ORDER BY place) TO '{path}' ({options})")
        return path.read_bytes()


def _unpack_parquet(path: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    import duckdb

    with path.open("rb"), duckdb.connect() as connection:
        try:
            rows = connection.execute("SELECT * FROM read_parquet(?) ORDER BY place", [str(path)])
            found = rows.fetchnumpy()
            words = connection.execute(
                "SELECT value FROM parquet_kv_metadata(?) WHERE key = 'netsurf'::BLOB", [str(path)]
            )
            return json.loads(bytes(words.fetchall()[0][0])), found
        except duckdb.Error as error:
            raise ValueError(str(error).splitlines()[0]) from error


@dataclass(frozen=True, slots=True)
class _Format:
    pack: Callable[[Columns, dict[str, Any]], bytes]
    unpack: Callable[[Path], tuple[dict[str, Any], Mapping[str, Any]]]


FORMATS = {
    ".csv": _Format(_pack_csv, _unpack_csv),
    ".json": _Format(_pack_json, _unpack_json),
    ".parquet": _Format(_pack_parquet, _unpack_parquet),
}
"""Ending of a file name to how it is written and read."""


def _format(path: Path) -> _Format:
    if path.suffix not in FORMATS:
        raise UnknownNameError("file format", path.suffix, FORMATS)
    return FORMATS[path.suffix]
