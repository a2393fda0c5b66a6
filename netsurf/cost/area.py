"""What a design point costs on a target: its parts mapped, added up, compared with what it says, audited."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netsurf.cost.audit import Audit, audit
from netsurf.cost.netlist import Depths, parse
from netsurf.cost.parts import Part, find_parts, slices
from netsurf.cost.synthesis import APART, NAMED, PINNED, Bench, Mapped, Recipe, map_part, netlist_of
from netsurf.cost.targets import KEYS, Target
from netsurf.emit import Accelerator, require_match
from netsurf.errors import DisagreementError
from netsurf.harden import DesignPoint
from netsurf.toolchain import yosys

LIMIT = 60_000
"""Bits of a bank above which it is mapped in slices of columns."""

BANKS = "ns_bank"
"""Modules that hold stored bits have names that begin so."""

METHODS = ("hierarchical", "flat")

Progress = Callable[[int, int, str], None]
"""``progress(done, total, note)``."""


@dataclass(frozen=True, slots=True)
class Area:
    """The cost of one design point on one target, by one method.

    Attributes
    ----------
    target
        What it was mapped to.
    tool, method
        Name and version of Yosys; ``hierarchical`` or ``flat``.
    cells
        Cell type to count, of the whole design.
    flip_flops
        How many of them are flip-flops.
    area_um2
        For standard cells.
    depth
        Longest path in cells.
    slices
        How many slices banks were cut into; 0 if none was.
    seconds, peak_mb
        CPU time of all runs, when they ran, and memory of the largest.
    audit
        What the replica audit found.
    """

    target: Target
    tool: str
    method: str
    cells: Mapping[str, int]
    flip_flops: int
    area_um2: float | None
    depth: int
    slices: int
    seconds: float
    peak_mb: float
    audit: Audit

    @property
    def resources(self) -> dict[str, int]:
        """Cells of an FPGA by what they are, with hls4ml's names: LUT, FF, DSP, BRAM_18K, and ours."""
        found = dict.fromkeys(KEYS, 0)
        for cell, count in self.cells.items():
            found[self.target.class_of(cell) or "LUT"] += count
        return found

    @property
    def size(self) -> float:
        """What an overhead is computed from: square micrometres, or LUTs."""
        return self.area_um2 if self.area_um2 is not None else self.resources["LUT"]

    def describe(self) -> dict[str, Any]:
        """Plain values for a report, each with tool, library and options."""
        library = self.target.liberty
        numbers: dict[str, Any] = (
            {"area_um2": self.area_um2, "FF": self.flip_flops, "cells": sum(self.cells.values())}
            if library
            else self.resources
        )
        return {
            **numbers,
            "depth_cells": self.depth,
            "cells_by_type": dict(self.cells),
            "method": self.method,
            "slices": self.slices,
            "tool": self.tool,
            "options": self.target.options,
            "library": {"name": library.name, "sha256": library.sha256} if library else None,
            "cpu_s": round(self.seconds, 1),
            "peak_mb": round(self.peak_mb),
        }


def area(
    design: DesignPoint,
    accelerator: Accelerator,
    target: Target,
    method: str = "hierarchical",
    *,
    jobs: int = 1,
    timeout: float | None = None,
    limit: int = LIMIT,
    progress: Progress = lambda done, total, note: None,
) -> Area:
    """Map a design point, count it, and audit its replicas.

    Parameters
    ----------
    method
        ``hierarchical``: modules that are kept apart are mapped once each, and added up. ``flat``:
        banks are dissolved too, and their flip-flops are pinned (mask tables stay apart, because
        synthesis would move registers through them).
    jobs
        Runs of Yosys at a time.
    timeout
        Seconds for each of them.
    limit
        Bits of a bank above which it is cut into slices.

    Raises
    ------
    DisagreementError
        If the number of flip-flops is not the one that the design states, or the audit lost a replica or a
        voter. No figure is returned for such a design.
    ToolFailedError
        If Yosys fails.
    """
    require_match(accelerator, design)
    bench = Bench.of(accelerator, target, timeout)
    bench.folder.mkdir(parents=True, exist_ok=True)
    parts = elaborated(accelerator, bench.folder)
    recipe = APART
    if method == "flat":
        parts = [part for part in parts if not part.module.startswith(BANKS)]
        recipe = PINNED
    elif accelerator.stores and not any(part.module.startswith(BANKS) for part in parts):
        recipe = NAMED  # a design whose banks are not kept apart: for the audit to say what is lost
    found = list(_mapped(bench, parts, recipe, limit, jobs, progress))
    result = _sum(design, bench, found, method)
    _require_count(result, accelerator)
    result.audit.require(f"{accelerator.top} on {target.name}")
    return result


def elaborated(accelerator: Accelerator, folder: Path) -> list[Part]:
    """The parts of a design; see :func:`netsurf.cost.parts.find_parts`."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="parts-") as scratch:
        return find_parts(accelerator, Path(scratch))


@dataclass(frozen=True, slots=True)
class Found:
    """A part with the slices that it was mapped in: first column, and what it became."""

    part: Part
    pieces: tuple[tuple[int, Mapped], ...]

    @property
    def depths(self) -> Depths:
        """Longest paths through any of the slices."""
        return _longest([mapped.depths for _, mapped in self.pieces])

    def has(self, memory: str, word: int, bit: int) -> bool:
        """Whether a bit of a memory in this part is a flip-flop of its own."""
        first, mapped = [(f, m) for f, m in self.pieces if f <= bit][-1]
        return mapped.has(memory, word, bit - first)


def _mapped(
    bench: Bench, parts: Sequence[Part], recipe: Recipe, limit: int, jobs: int, progress: Progress
) -> Iterator[Found]:
    """Map every part; the rest comes last, for it needs to know the others' depths."""
    width = _element_width(bench.accelerator)
    cut = [(part, slices(part, width, limit)) for part in parts[:-1]]
    wanted = list({bench.key(piece): piece for _, pieces in cut for piece, _ in pieces}.values())
    total, done = len(wanted) + 1, 0
    known: dict[str, Mapped] = {}
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for piece, mapped in zip(wanted, pool.map(lambda p: map_part(bench, p, {}), wanted), strict=True):
                known[bench.key(piece)] = mapped
                done += 1
                progress(done, total, f"{bench.target.name}: {piece.module}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    found = [Found(part, tuple((first, known[bench.key(p)]) for p, first in pieces)) for part, pieces in cut]
    inner = {f.part.name: (f.part, f.depths) for f in found}
    rest = map_part(bench, parts[-1], inner, recipe)
    progress(total, total, f"{bench.target.name}: the rest")
    yield from found
    yield Found(parts[-1], ((0, rest),))


def _element_width(accelerator: Accelerator) -> int:
    return accelerator.stores[0].element_width if accelerator.stores else 1


def _longest(all_depths: Sequence[Depths]) -> Depths:
    if len(all_depths) == 1:
        return all_depths[0]
    through: dict[str, dict[str, int]] = {}
    leaving: dict[str, int] = {}
    entering: dict[str, int] = {}
    for depths in all_depths:
        for label, arcs in depths.through.items():
            _widen(through.setdefault(label, {}), arcs)
        _widen(leaving, depths.leaving)
        _widen(entering, depths.entering)
    return Depths(through, leaving, entering, max(depths.inside for depths in all_depths))


def _widen(longest: dict[str, int], more: Mapping[str, int]) -> None:
    for port, cells in more.items():
        longest[port] = max(longest.get(port, 0), cells)


def _sum(design: DesignPoint, bench: Bench, found: Sequence[Found], method: str) -> Area:
    cells: dict[str, int] = {}
    square = 0.0
    flip_flops = 0
    for entry in found:
        for _, mapped in entry.pieces:
            copies = len(entry.part.instances)
            for cell, count in mapped.cells.items():
                cells[cell] = cells.get(cell, 0) + copies * count
            flip_flops += copies * mapped.flip_flops
            square += copies * (mapped.area or 0.0)
    runs = [mapped for entry in found for _, mapped in entry.pieces]
    rest = found[-1]
    tool = yosys()
    return Area(
        target=bench.target,
        tool=f"{tool.name} {tool.version}",
        method=method,
        cells=dict(sorted(cells.items())),
        flip_flops=flip_flops,
        area_um2=square if bench.target.is_asic else None,
        depth=rest.depths.longest,
        slices=sum(len(entry.pieces) for entry in found if len(entry.pieces) > 1),
        seconds=sum({mapped.digest: mapped.seconds for mapped in runs}.values()),
        peak_mb=max(mapped.peak_mb for mapped in runs),
        audit=_audited(design, bench, found),
    )


def _audited(design: DesignPoint, bench: Bench, found: Sequence[Found]) -> Audit:
    places = {path: entry for entry in found[:-1] for path in entry.part.instances}
    rest = found[-1].pieces[0][1]

    def has(memory: str, word: int, bit: int) -> bool:
        instance, _, name = memory.rpartition(".")
        if instance in places:
            return places[instance].has(name, word, bit)
        return rest.has(memory, word, bit)

    boxes = {entry.part.name: entry.part.outputs for entry in found[:-1]}
    netlist = parse(netlist_of(bench, rest), bench.target, boxes)
    return audit(design, bench.accelerator, has, netlist, bench.target)


def _require_count(result: Area, accelerator: Accelerator) -> None:
    if result.flip_flops != accelerator.flip_flops and not result.audit.lost:
        raise DisagreementError(
            f"{accelerator.top} on {result.target.name}: {result.flip_flops:,} flip-flops after synthesis; "
            f"the design states {accelerator.flip_flops:,} (stored bits, replicas and registers)"
        )
