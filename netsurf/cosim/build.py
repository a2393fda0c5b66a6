"""One simulator binary a design point: verilated, compiled with the harness, kept by digest."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netsurf import paths, toolchain
from netsurf.cosim.header import MODEL, check_members, design_header, strike_header
from netsurf.emit import Accelerator
from netsurf.errors import ToolFailedError
from netsurf.files import sha256


@dataclass(frozen=True, slots=True)
class Harness:
    """A C++ program around a verilated design.

    Parameters
    ----------
    source
        Its file.
    marks
        Files of an emitted design that say what must stay apart and reachable in the model.
    header
        ``header(accelerator, digest)`` returns the text of its ``design.h``.
    """

    source: Path
    marks: tuple[str, ...]
    header: Callable[[Accelerator, int], str]


STORED = Harness(Path(__file__).with_name("harness.cpp"), ("sites.vlt",), design_header)
"""Upsets of stored bits, persistent or with a cycle."""

STRIKES = Harness(Path(__file__).with_name("strikes.cpp"), ("sites.vlt", "registers.vlt"), strike_header)
"""Upsets of anything, at cycles."""

_VERILATE = (
    "--cc",
    "-O3",
    "--flatten",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--noassert",
    "-Wno-fatal",
)
_COMPILE = ("-std=gnu++20", "-O2", "-DVL_IGNORE_UNKNOWN_ARCH")
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
_UNROLL = 64
"""Weights read a cycle up to which loops over them are unrolled: faster models, slower builds."""


def build_verilator(accelerator: Accelerator, harness: Harness = STORED, *, quick: bool = False) -> Path:
    """The harness binary of an emitted design; built unless this very binary is there already.

    The binary is kept in ``build/verilator/<digest>``, where the digest is over the design's files,
    the harness, the flags and the versions of Verilator and the compiler. It comes into being by a
    rename, so that nothing half-built is ever trusted, and under a lock, so that two processes do
    not build it twice.

    Parameters
    ----------
    quick
        Compile without optimisation, for a binary that runs a moment: another binary of the same design.

    Raises
    ------
    SiteMapError
        If the site map names a memory that the model does not have.
    ToolFailedError
        If Verilator or the compiler fails.
    """
    digest = binary_digest(accelerator, harness, quick=quick)
    folder = _home() / _name(digest)
    with _locked(folder):
        if not (folder / "harness").is_file():
            runtime = _runtime()
            _whole(folder, lambda scratch: _build(accelerator, harness, digest, runtime, scratch, quick))
    return folder / "harness"


def binary_digest(accelerator: Accelerator, harness: Harness = STORED, *, quick: bool = False) -> int:
    """64-bit number that stands for a binary and everything it depends on."""
    hasher = hashlib.sha256(repr((_toolchain_key(quick), _VERILATE, _unroll(accelerator))).encode())
    marks = (accelerator.folder / name for name in harness.marks)
    for path in (harness.source, *accelerator.paths, *marks):
        hasher.update(f"{path.name} {sha256(path)}\n".encode())
    hasher.update(harness.header(accelerator, 0).encode())
    return int.from_bytes(hasher.digest()[:8], "little")


def _build(
    accelerator: Accelerator, harness: Harness, digest: int, runtime: Path, scratch: Path, quick: bool
) -> None:
    program = _generate(accelerator, harness, digest, scratch / "model")
    # One translation unit: most of the time goes into Verilator's headers, so read them once.
    (scratch / "all.cpp").write_text("".join(f'#include "{path.relative_to(scratch)}"\n' for path in program))
    _compile(scratch, runtime, _log(digest, "compile"), quick)
    shutil.rmtree(scratch / "model")


def _generate(accelerator: Accelerator, harness: Harness, digest: int, model: Path) -> list[Path]:
    """Write the model, the harness and ``design.h`` into a new folder; returns what is to be compiled."""
    _verilate(accelerator, harness, model, _log(digest, "verilator"))
    check_members(accelerator, (model / f"{MODEL}___024root.h").read_text())
    (model / "design.h").write_text(harness.header(accelerator, digest))
    sources = sorted(model.glob("*.cpp"))
    return [*sources, Path(shutil.copy(harness.source, model))]


def _compile(scratch: Path, runtime: Path, log: Path, quick: bool) -> None:
    """Compile ``all.cpp`` to ``harness``."""
    objects = [str(path) for path in sorted(runtime.glob("*.o"))]
    arguments = (*_flags(quick), *_includes(), "all.cpp", *objects, "-o", "harness", "-lpthread")
    toolchain.compiler().run(*arguments, cwd=scratch, log=log)


def _verilate(accelerator: Accelerator, harness: Harness, model: Path, log: Path) -> None:
    """Generate the C++ model.

    The marks are turned from read-write to read-only: the memories stay apart and reachable, and the
    logic behind them is evaluated once a cycle (see the top of harness.cpp).
    """
    model.mkdir(parents=True)
    marks = [model / name for name in harness.marks]
    for path in marks:
        text = (accelerator.folder / path.name).read_text()
        path.write_text(text.replace("public_flat_rw", "public_flat_rd"))
    names = ("--prefix", MODEL, "--top-module", accelerator.top, "--Mdir", str(model))
    sources = [str(path.absolute()) for path in accelerator.paths]
    arguments = (*_VERILATE, *_unroll(accelerator), *names, *map(str, marks), *sources)
    toolchain.verilator().run(*arguments, cwd=model, log=log)


def _unroll(accelerator: Accelerator) -> tuple[str, ...]:
    """Unroll limits: a loop over thousands of weights is left a loop, or the model takes minutes to build."""
    widest = max((s.words_per_read * s.elements_per_word for s in accelerator.stores), default=0)
    limit = str(_UNROLL if widest <= _UNROLL else 1)
    return ("--unroll-count", limit, "--unroll-stmts", "100000")


def _runtime() -> Path:
    """Folder with Verilator's own C++ as objects, which every model shares."""
    key = hashlib.sha256(repr(_toolchain_key()).encode()).hexdigest()[:16]
    folder = _home() / f"runtime-{key}"
    with _locked(folder):
        if not folder.is_dir():
            _whole(folder, _build_runtime)
    return folder


def _build_runtime(scratch: Path) -> None:
    include = Path(_includes()[0].removeprefix("-I"))
    sources = [str(include / name) for name in _RUNTIME]
    toolchain.compiler().run(
        *_COMPILE, *_includes(), "-c", *sources, cwd=scratch, log=_home() / "runtime.log"
    )


def _includes() -> tuple[str, str]:
    tool = toolchain.verilator()
    root = tool.env.get("VERILATOR_ROOT") or tool.run(
        "--getenv", "VERILATOR_ROOT", cwd=_home(), log=_home() / "root.log"
    )
    include = Path(root.strip()) / "include"
    return f"-I{include}", f"-I{include / 'vltstd'}"


def _toolchain_key(quick: bool = False) -> tuple[str, ...]:
    verilator, compiler = toolchain.verilator(), toolchain.compiler()
    return verilator.version, str(verilator.path), compiler.version, *_flags(quick)


def _flags(quick: bool) -> tuple[str, ...]:
    return tuple("-O0" if quick and flag == "-O2" else flag for flag in _COMPILE)


def _home() -> Path:
    return paths.build() / "verilator"


def _name(digest: int) -> str:
    return f"{digest:016x}"


def _log(digest: int, step: str) -> Path:
    """Log of a step, beside the folder of the binary: it stays when the build fails."""
    return _home() / f"{_name(digest)}.{step}.log"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock file beside ``folder``."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_suffix(".lock").open("w")
    except OSError as error:
        raise ToolFailedError(f"writing in {folder.parent} ({error.strerror})", folder) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _whole(folder: Path, make: Callable[[Path], None]) -> None:
    """Have ``make`` fill a scratch folder and rename it to ``folder``; leave nothing if it fails."""
    try:
        with tempfile.TemporaryDirectory(
            dir=folder.parent, prefix=f".{folder.name}-", ignore_cleanup_errors=True
        ) as name:
            scratch = Path(name)
            make(scratch)
            scratch.replace(folder)
    except OSError as error:
        raise ToolFailedError(f"building in {folder.parent} ({error.strerror})", folder) from error
