"""hls4ml's C++ of many small networks, compiled as one library: see :mod:`netsurf.toolchain.unit`.

Parsing the headers of the fixed-point types takes a compiler longer than a small network does. Here each
network has a namespace of its own behind headers that are read once; what hls4ml generated is not changed.
The library is published in the project folder of each network, where :func:`netsurf.hls.csim.build` with
``quick=True`` finds it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from netsurf import toolchain
from netsurf.errors import ToolFailedError, UnsupportedLayerError
from netsurf.hls import csim
from netsurf.ir import Network
from netsurf.toolchain.unit import in_namespace, shared_includes

_LIBRARY = "namespace nnet { using namespace ::nnet; }"
"""hls4ml's own templates, seen from within a namespace in which a network adds some to ``nnet``."""


def build_together(networks: Sequence[Network], folder: Path) -> None:
    """Generate and compile, without optimisation and at once, what is not there yet for each network.

    A network that hls4ml does not have is left out; alone, it is refused by name.

    Raises
    ------
    ToolFailedError
        If one of them does not compile; then none is built, and each can still be built alone.
    """
    compiler, flags = toolchain.compiler(), csim.flags_of(quick=True)
    wanted = {csim.project_of(network, folder, compiler, flags): network for network in networks}
    missing = {project: n for project, n in wanted.items() if not (project / "csim.so").exists()}
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".together-") as name:
            scratch = Path(name)
            fresh = _generated(missing, scratch)
            if not fresh:
                return
            csim.compile_library(compiler, flags, scratch, folder / f"{next(iter(missing)).name}.log")
            for project, part in fresh.items():
                (part / "csim.so").hardlink_to(scratch / "csim.so")
                csim.publish(part, project)
    except OSError as error:
        raise ToolFailedError(f"writing the C simulation ({error.strerror})", folder) from error


def _generated(networks: dict[Path, Network], scratch: Path) -> dict[Path, Path]:
    """Generate every project, and ``csim.cpp`` of them all; returns where each project is."""
    fresh, owned, lines = {}, [], []
    for number, (project, network) in enumerate(networks.items()):
        part = scratch / f"p{number}"
        part.mkdir()
        try:
            csim.generate(network, part, csim._prefix(project))
        except UnsupportedLayerError:
            continue
        fresh[project] = part
        owned.append(_own_files(part))
        lines.append([_LIBRARY, f'#include "p{number}/csim.cpp"'])
    numbered = enumerate(zip(lines, owned, strict=True))
    spaces = [in_namespace(f"p{number}", *both) for number, both in numbered]
    (scratch / "csim.cpp").write_text("\n".join([*shared_includes(owned), *spaces]))
    for part in list(fresh.values())[:1]:  # any one: hls4ml's headers are the same in all
        (scratch / "firmware").symlink_to(part / "firmware")
    return fresh


def _own_files(project: Path) -> list[Path]:
    """What hls4ml generated for this network: everything but its headers."""
    firmware = project / "firmware"
    generated = [*firmware.glob("*.h"), *firmware.glob("weights/*.h"), *firmware.glob("*.cpp")]
    return [project / "csim.cpp", *sorted(generated), firmware / "nnet_utils" / "nnet_code_gen.h"]
