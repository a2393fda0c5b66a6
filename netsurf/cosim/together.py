"""Simulators of many small accelerators, built as one binary: see :mod:`netsurf.toolchain.unit`.

A binary of its own costs a small accelerator seconds of a compiler that reads headers. Here one binary
holds the models of many; it is published under the digest of each, and the digest in a job file says which
of them runs. To :func:`~netsurf.cosim.build.build_verilator` with ``quick=True`` each is simply there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from netsurf.cosim import build
from netsurf.cosim.build import STORED, binary_digest
from netsurf.emit import Accelerator
from netsurf.toolchain.unit import in_namespace, shared_includes

_MAIN = """\
int main(int argc, char** argv) {{
  std::uint64_t head[2] = {{}};  // of a job file: what it is, and for which design
  if (argc == 3) std::ifstream(argv[1], std::ios::binary).read(reinterpret_cast<char*>(head), sizeof head);
  switch (head[1]) {{
{cases}
    default: return p0::main(argc, argv);  // which says what is wrong
  }}
}}
"""


def build_together(accelerators: Sequence[Accelerator]) -> None:
    """Build the quick binaries of all accelerators whose binary is not there yet, in one compilation.

    Raises
    ------
    SiteMapError, ToolFailedError
        If that fails for one of them; then none is built, and each can still be built alone.
    """
    wanted = {binary_digest(accelerator, STORED, quick=True): accelerator for accelerator in accelerators}
    missing = {digest: a for digest, a in wanted.items() if not _binary(digest).is_file()}
    if not missing:
        return
    runtime = build._runtime()
    with tempfile.TemporaryDirectory(dir=build._home(), prefix=".together-") as folder:
        scratch = Path(folder)
        (scratch / "all.cpp").write_text(_unit(missing, scratch))
        build._compile(scratch, runtime, build._log(next(iter(missing)), "compile"), quick=True)
        for digest in missing:
            _publish(scratch / "harness", digest)


def _unit(accelerators: dict[int, Accelerator], scratch: Path) -> str:
    """Generate every model; text of the translation unit that holds them."""
    programs, owned, cases = [], [], []
    for number, (digest, accelerator) in enumerate(accelerators.items()):
        folder = scratch / f"p{number}"
        sources = build._generate(accelerator, STORED, digest, folder)
        programs.append([f'#include "{path.relative_to(scratch)}"' for path in sources])
        owned.append(sorted([*folder.glob("*.cpp"), *folder.glob("*.h")]))
        cases.append(f"    case {digest:#x}ULL: return p{number}::main(argc, argv);")
    parts = zip(programs, owned, strict=True)
    spaces = [in_namespace(f"p{number}", lines, files) for number, (lines, files) in enumerate(parts)]
    return "\n".join([*shared_includes(owned), *spaces, _MAIN.format(cases="\n".join(cases))])


def _binary(digest: int) -> Path:
    return build._home() / build._name(digest) / "harness"


def _publish(harness: Path, digest: int) -> None:
    folder = _binary(digest).parent
    with build._locked(folder):
        if not _binary(digest).is_file():
            build._whole(folder, lambda scratch: (scratch / "harness").hardlink_to(harness))
