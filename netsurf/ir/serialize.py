"""A network as a folder: ``network.json`` (structure, digest) and ``network.npz`` (codes)."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from netsurf.errors import NetworkError
from netsurf.files import write_atomic
from netsurf.fixed import parse_format
from netsurf.ir.network import SCHEMA_VERSION, Layer, Network, Parameter, TensorSpec

_PRUNED = ".pruned"


def save(network: Network, folder: Path) -> None:
    """Write ``network.json`` and ``network.npz`` into ``folder``, each whole or not at all."""
    arrays = {name: p.codes for name, p in network.parameters.items()}
    masks = {name + _PRUNED: p.pruned for name, p in network.parameters.items() if p.pruned is not None}
    document = {**network.describe(), "digest": network.digest}
    write_atomic(folder / "network.npz", _pack({**arrays, **masks}))
    write_atomic(folder / "network.json", (json.dumps(document, indent=2) + "\n").encode())


def _pack(arrays: dict[str, Any]) -> bytes:
    """An npz archive whose bytes depend on the arrays alone (no time stamps), smallest integer types."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, _shrink(np.asarray(array)))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _shrink(array: np.ndarray) -> np.ndarray:
    if array.dtype == bool or not array.size:
        return array
    low, high = array.min(), array.max()
    fits = (t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return array.astype(next(fits, np.int64))


def load(folder: Path) -> Network:
    """Read the network in ``folder`` and check its digest.

    Raises
    ------
    NetworkError
        If a file is missing or damaged, was written by another schema, or its digest does not match.
    """
    try:
        document = json.loads((folder / "network.json").read_text())
        with np.load(folder / "network.npz", allow_pickle=False) as archive:
            arrays = dict(archive)
    except FileNotFoundError as error:
        raise NetworkError(f"{error.filename} does not exist; type: netsurf train {folder.name}") from error
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise NetworkError(f"{folder}: network.json or network.npz is damaged ({error})") from error
    if not isinstance(document, dict):
        raise NetworkError(
            f"{folder}: network.json is no description of a network (a {type(document).__name__})"
        )
    if document.get("schema_version") != SCHEMA_VERSION:
        raise NetworkError(
            f"{folder}/network.json has schema {document.get('schema_version')}, this NetSurf reads "
            f"{SCHEMA_VERSION}; type: netsurf train {folder.name}"
        )
    try:
        network = _network(document, arrays)
    except (KeyError, TypeError, AttributeError) as error:
        raise NetworkError(f"{folder}: network.json is no description of a network ({error!r})") from error
    if network.digest != document.get("digest"):
        raise NetworkError(f"{folder}: codes and structure do not match the digest; restore both files")
    return network


def _network(document: dict[str, Any], arrays: dict[str, np.ndarray]) -> Network:
    layers = tuple(_layer(entry, arrays) for entry in document["layers"])
    return Network(document["name"], _spec(document["input"]), layers, document["task"])


def _layer(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Layer:
    return Layer(
        name=entry["name"],
        kind=entry["kind"],
        inputs=tuple(entry["inputs"]),
        output=_spec(entry["output"]),
        parameters={role: _parameter(p, arrays) for role, p in entry["parameters"].items()},
        attributes={key: _attribute(value) for key, value in entry["attributes"].items()},
    )


def _spec(entry: dict[str, Any]) -> TensorSpec:
    return TensorSpec(tuple(entry["shape"]), parse_format(entry["format"]))


def _parameter(entry: dict[str, Any], arrays: dict[str, np.ndarray]) -> Parameter:
    name = entry["name"]
    if name not in arrays or list(arrays[name].shape) != entry["shape"]:
        raise NetworkError(f"network.npz has no {name} of shape {entry['shape']}")
    pruned = arrays.get(name + _PRUNED) if entry["pruned"] else None
    return Parameter(name, arrays[name].astype(np.int64), parse_format(entry["format"]), pruned)


def _attribute(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"format"}:
        return parse_format(value["format"])
    return tuple(value) if isinstance(value, list) else value
