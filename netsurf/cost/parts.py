"""The modules of a design that synthesis keeps apart, each with its parameters and its instances.

A module marked ``keep_hierarchy`` (a bank, a mask) is mapped by itself by every flow, so mapping each
*distinct* one once and adding up is what mapping the whole design gives. What is not marked becomes one
part, the rest, with the marked modules as black boxes in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import lcm
from pathlib import Path
from typing import Any

from netsurf.emit import Accelerator
from netsurf.errors import ToolFailedError
from netsurf.toolchain import run_yosys

SLICED = "ns_bank"
"""The module whose columns do not depend on each other, so that a large one can be mapped in slices."""

LANE = 32
"""Bits of a configuration write, see ``ns_bank``."""


@dataclass(frozen=True, slots=True)
class Part:
    """One distinct module of a design.

    Attributes
    ----------
    module
        Its name in the Verilog.
    parameters
        Parameter to value, as a string of bits, the highest first. Empty for the top.
    name
        Its name inside Yosys.
    instances
        Hierarchical paths, without the top module's name; ``("",)`` for the rest.
    outputs
        Its output ports.
    """

    module: str
    parameters: Mapping[str, str]
    name: str
    instances: tuple[str, ...]
    outputs: frozenset[str]

    @property
    def is_rest(self) -> bool:
        """Whether this is the top with everything that is not kept apart."""
        return self.instances == ("",)

    def digest(self, sources: str) -> str:
        """SHA-256 of what it is: module, parameters, and the text of the cells."""
        return hashlib.sha256(
            json.dumps([self.module, dict(self.parameters), sources], sort_keys=True).encode()
        ).hexdigest()

    def elaborate(self) -> str:
        """The Yosys command that makes it the top."""
        given = " ".join(f"-chparam {k} {len(v)}'b{v}" for k, v in sorted(self.parameters.items()))
        return f"hierarchy -check -top {self.module} {given}".rstrip()


def sources_digest(accelerator: Accelerator) -> str:
    """SHA-256 over the hand-written cells of a design (the top is not one of them)."""
    verilog = [n for n in accelerator.files if Path(n).stem != accelerator.top]
    cells = [(name, accelerator.digests[name]) for name in sorted(verilog)]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def files(accelerator: Accelerator) -> str:
    """The Verilog files of a design as they are named in a script; the folder is linked as ``design``."""
    return " ".join(f"design/{name}" for name in accelerator.files)


def find_parts(accelerator: Accelerator, folder: Path) -> list[Part]:
    """Have Yosys elaborate a design, and list its parts, the rest last.

    Raises
    ------
    ToolFailedError
        If Yosys fails.
    """
    link_design(accelerator, folder)
    script = [
        f"read_verilog {files(accelerator)}",
        f"hierarchy -check -top {accelerator.top}",
        "blackbox =A:keep_hierarchy=1",
        "proc",
        "write_json modules.json",
    ]
    run = run_yosys(script, folder, reports=["modules.json"])
    try:
        modules = json.loads(run.reports["modules.json"])["modules"]
    except (ValueError, KeyError) as error:
        raise ToolFailedError(f"Yosys (its list of modules is damaged: {error})", run.log) from error
    return _parts(modules, accelerator.top)


def link_design(accelerator: Accelerator, folder: Path) -> None:
    """Make ``folder/design`` the design's folder, whatever characters its path has."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "design"
    link.unlink(missing_ok=True)
    link.symlink_to(accelerator.folder.absolute(), target_is_directory=True)


def _parts(modules: Mapping[str, Any], top: str) -> list[Part]:
    kept: dict[str, list[str]] = {}
    for path, name in _walk(modules, top, ""):
        kept.setdefault(name, []).append(path)
    parts = [_part(name, modules[name], tuple(paths)) for name, paths in sorted(kept.items())]
    return [*parts, _part(top, modules[top], ("",))]


def _walk(modules: Mapping[str, Any], name: str, path: str) -> Iterator[tuple[str, str]]:
    """Path and module of every instance that is kept apart."""
    for instance, cell in modules[name]["cells"].items():
        inner = modules.get(cell["type"])
        if inner is None:
            continue
        here = f"{path}.{instance}".lstrip(".")
        if "keep_hierarchy" in inner["attributes"]:
            yield here, cell["type"]
        yield from _walk(modules, cell["type"], here)


def _part(name: str, module: Mapping[str, Any], instances: tuple[str, ...]) -> Part:
    outputs = frozenset(p for p, port in module["ports"].items() if port["direction"] == "output")
    parameters = dict(sorted(module.get("parameter_default_values", {}).items()))
    return Part(module["attributes"].get("hdlname", name), parameters, name, instances, outputs)


def slices(part: Part, element_width: int, limit: int) -> list[tuple[Part, int]]:
    """Cut a large bank into groups of whole lanes and whole elements, with the first column of each.

    A column of a bank (one bit of every word) shares with other columns only the decoding of the write
    address, which is repeated in every slice. (Measured: two slices of a bank of 4 x 192 bits differ from
    the whole by less than 0.1 % on sg13g2.)

    Parameters
    ----------
    limit
        Bits of the bank above which it is cut.

    Returns
    -------
    The part itself, with column 0, if it is no bank or is small.
    """
    if part.module != SLICED:
        return [(part, 0)]
    words, width = int(part.parameters["WORDS"], 2), int(part.parameters["WIDTH"], 2)
    step = lcm(element_width, LANE)
    if words * width <= limit or width <= step:
        return [(part, 0)]
    return [
        (_columns(part, words, width, first, min(step, width - first)), first)
        for first in range(0, width, step)
    ]


def _columns(part: Part, words: int, width: int, first: int, count: int) -> Part:
    mask = part.parameters["MASK"]
    rows = (mask[len(mask) - (w + 1) * width : len(mask) - w * width] for w in reversed(range(words)))
    cut = "".join(row[width - first - count : width - first] for row in rows)
    parameters = {**part.parameters, "WIDTH": f"{count:032b}", "MASK": cut}
    return Part(part.module, parameters, part.name, part.instances, part.outputs)
