"""Maps one part of a design to one target, once: the answer is kept by the digest of what was asked."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netsurf.cost.netlist import WRITE, Depths, counts, depths, parse, registers
from netsurf.cost.parts import Part, files, link_design, sources_digest
from netsurf.cost.targets import LIBRARY, Target
from netsurf.emit import Accelerator
from netsurf.errors import ToolFailedError
from netsurf.files import write_atomic
from netsurf.paths import build
from netsurf.toolchain import run_yosys, yosys

SCHEMA = 1
"""Of a cache entry; entries of another schema are made again."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One part, mapped to one target.

    Attributes
    ----------
    cells
        Cell type to count.
    flip_flops
        How many of them are flip-flops.
    area
        Sum of the cells' areas in um^2; None for an FPGA.
    depths
        Longest paths.
    registers
        Memory to its words, each a number whose bit ``b`` says that bit ``b`` is a flip-flop.
    merged
        Memory bits that share a flip-flop with another one, as ``memory[word][bit]``, and that other one.
    seconds, peak_mb
        CPU time and memory of the run that found this.
    digest
        Of what was asked; names the cache entry.
    """

    cells: Mapping[str, int]
    flip_flops: int
    area: float | None
    depths: Depths
    registers: Mapping[str, tuple[int, ...]]
    merged: Mapping[str, str]
    seconds: float
    peak_mb: float
    digest: str

    def has(self, memory: str, word: int, bit: int) -> bool:
        """Whether a memory bit is a flip-flop of its own."""
        words = self.registers.get(memory, ())
        return word < len(words) and bool(words[word] >> bit & 1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the rest of a design is mapped: commands before mapping, and between its halves."""

    first: tuple[str, ...]
    between: tuple[str, ...] = ()

    def commands(self, target: Target, top: str) -> list[str]:
        """The mapping itself."""
        return target.flat_script(top, self.between) if self.between else target.script(top)


APART = Recipe(("blackbox =A:keep_hierarchy=1",))
"""What is kept apart is mapped by itself."""

_MASKS_APART = ("blackbox =A:keep_hierarchy=1 =*ns_bank* %d",)
_NAMES = "setattr -set keep 1 =*ns_bank*/w:*_q*"

NAMED = Recipe(_MASKS_APART, (_NAMES,))
"""The names of registers are kept, which does not keep the registers."""

PINNED = Recipe(
    _MASKS_APART,
    (
        _NAMES,
        "setattr -set keep 1 =*ns_bank*/t:$*dff*",
        "setattr -mod -unset keep_hierarchy =*ns_bank*",
    ),
)
"""Flat: banks are not kept apart, and their flip-flops are pinned one by one."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where mapping happens: the design, the target, and the folder of answers.

    Attributes
    ----------
    timeout
        Seconds after which one run of Yosys is given up; None for no limit.
    """

    accelerator: Accelerator
    target: Target
    folder: Path
    timeout: float | None = None

    @classmethod
    def of(cls, accelerator: Accelerator, target: Target, timeout: float | None = None) -> Bench:
        """A bench with its answers in ``build/cost``."""
        return cls(accelerator, target, build() / "cost", timeout)

    def key(self, part: Part, recipe: Recipe = APART) -> str:
        """SHA-256 of everything that the answer depends on."""
        tool, library = yosys(), self.target.liberty
        design = self.accelerator
        asked = {
            "schema": SCHEMA,
            "part": part.digest(sources_digest(design)),
            "design": [design.digests[f"rtl/{design.top}.v"]] if part.is_rest else [],
            "target": self.target.name,
            "commands": [*(recipe.first if part.is_rest else ()), *recipe.commands(self.target, "")],
            "library": library.sha256 if library else "",
            "tool": [tool.name, tool.version],
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def map_part(
    bench: Bench, part: Part, inner: Mapping[str, tuple[Part, Depths]], recipe: Recipe = APART
) -> Mapped:
    """Map a part, or read what is known of it.

    Parameters
    ----------
    inner
        Parts inside it that are mapped by themselves, with their depths, by their name in Yosys.
    recipe
        How the rest is mapped.

    Raises
    ------
    ToolFailedError
        If Yosys fails, dies, or stops early.
    DisagreementError
        If the netlist has something that is no cell of the target.
    """
    digest = bench.key(part, recipe)
    entry = bench.folder / digest[:2] / f"{digest}.json"
    return _known(entry, digest) or _run(bench, part, inner, recipe, digest, entry)


def _known(entry: Path, digest: str) -> Mapped | None:
    """The answer in a cache entry; None if there is none, or it is damaged."""
    try:
        found = json.loads(entry.read_text())
        check = found.pop("check")
        if check != _check(found) or found["digest"] != digest:
            return None
        registers = {m: tuple(int(w, 16) for w in words) for m, words in found.pop("registers").items()}
        return Mapped(**{**found, "depths": Depths(**found["depths"]), "registers": registers})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(entry: Path, mapped: Mapped) -> None:
    document = asdict(mapped)
    document["registers"] = {m: [f"{w:x}" for w in words] for m, words in mapped.registers.items()}
    write_atomic(entry, json.dumps({**document, "check": _check(document)}))


def _check(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _run(
    bench: Bench,
    part: Part,
    inner: Mapping[str, tuple[Part, Depths]],
    recipe: Recipe,
    digest: str,
    entry: Path,
) -> Mapped:
    target = bench.target
    entry.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=bench.folder, prefix="run-"))
    try:
        run = _yosys(bench, part, recipe, folder)
        netlist = parse(run.reports["netlist.txt"], target, {n: p.outputs for n, (p, _) in inner.items()})
        cells = counts(netlist)
        _require_same(cells, run.reports["stat.json"], run.log)
        found, merged = registers(netlist, target)
        mapped = Mapped(
            cells=cells,
            flip_flops=sum(n for cell, n in cells.items() if target.class_of(cell) == "FF"),
            area=_area(cells, target),
            depths=depths(netlist, target, {name: depth for name, (_, depth) in inner.items()}),
            registers=_words(found),
            merged={_text(one): _text(other) for one, other in merged.items()},
            seconds=round(run.seconds, 2),
            peak_mb=round(run.peak_mb, 1),
            digest=digest,
        )
        if part.is_rest:
            write_atomic(
                entry.with_suffix(".net.gz"), gzip.compress(run.reports["netlist.txt"].encode(), 1, mtime=0)
            )
        _keep(entry, mapped)
    except ToolFailedError:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)
    return mapped


def netlist_of(bench: Bench, mapped: Mapped) -> str:
    """BLIF of the rest, as it was mapped."""
    path = bench.folder / mapped.digest[:2] / f"{mapped.digest}.net.gz"
    return gzip.decompress(path.read_bytes()).decode()


def _yosys(bench: Bench, part: Part, recipe: Recipe, folder: Path) -> Any:
    link_design(bench.accelerator, folder)
    if bench.target.liberty is not None:
        (folder / LIBRARY).symlink_to(bench.target.liberty.path.absolute())
    script = [
        f"read_verilog {files(bench.accelerator)}",
        part.elaborate(),
        f"rename -top {_TOP}" if not part.is_rest else "",
        *_mapping(bench.target, part, recipe),
        "tee -q -o stat.json stat -json",
        WRITE.format(file="netlist.txt"),
    ]
    return run_yosys(
        [line for line in script if line], folder, reports=["stat.json", "netlist.txt"], timeout=bench.timeout
    )


def _mapping(target: Target, part: Part, recipe: Recipe) -> list[str]:
    if not part.is_rest:
        return target.script(_TOP)
    return [*recipe.first, *recipe.commands(target, part.module)]


_TOP = "part"
"""Name of a part while it is mapped; its own is a digest with characters that scripts trip over."""


def _require_same(cells: Mapping[str, int], stat: str, log: Path) -> None:
    """The cells that were read from the netlist are those that Yosys counted."""
    try:
        said = json.loads(stat)["design"]["num_cells_by_type"]
    except (ValueError, KeyError) as error:
        raise ToolFailedError(f"Yosys (its statistics are damaged: {error})", log) from error
    said = {name: count for name, count in said.items() if not _is_box(name)}
    if said != dict(cells):
        raise ToolFailedError(f"Yosys (it counts {said} cells and writes {dict(cells)})", log)


def _is_box(name: str) -> bool:
    return name.startswith(("$paramod", "$scopeinfo")) or re.match(r"\\?ns_", name) is not None


def _area(cells: Mapping[str, int], target: Target) -> float | None:
    if target.liberty is None:
        return None
    return sum(count * target.liberty.area[cell] for cell, count in cells.items())


def _words(found: Mapping[tuple[str, int, int], str]) -> dict[str, tuple[int, ...]]:
    words: dict[str, dict[int, int]] = {}
    for memory, word, bit in found:
        rows = words.setdefault(memory, {})
        rows[word] = rows.get(word, 0) | 1 << bit
    return {m: tuple(rows.get(w, 0) for w in range(max(rows) + 1)) for m, rows in sorted(words.items())}


def _text(register: tuple[str, int, int]) -> str:
    return "{}[{}][{}]".format(*register)
