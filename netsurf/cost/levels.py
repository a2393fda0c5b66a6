"""The area table: a network at several protection levels on several targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netsurf.cost.area import Area, Progress, area
from netsurf.cost.targets import Target
from netsurf.emit import Accelerator, Architecture, emit
from netsurf.harden import DesignPoint, ProtectionPlan

SMALL = 4_000
"""Flip-flops up to which a design is mapped flat as well, to check the hierarchical figure."""


@dataclass(frozen=True, slots=True)
class Level:
    """One protection plan with what it costs.

    Attributes
    ----------
    design, accelerator
        The design point, and what was emitted.
    areas
        Target to area.
    flat
        The same by the flat method, where it ran.
    """

    design: DesignPoint
    accelerator: Accelerator
    areas: Mapping[str, Area]
    flat: Mapping[str, Area]

    def describe(self, bare: Level) -> dict[str, Any]:
        """Plain values; overheads are over ``bare``."""
        numbers = {
            name: _figure(found, bare.areas[name], self.flat.get(name)) for name, found in self.areas.items()
        }
        audits = [found.audit for found in self.areas.values()]
        first = audits[0]
        return {
            "protection": self.design.plan.level,
            "protected_bits": first.protected_bits,
            "stored_bits": self.design.space.size,
            "replicas": first.replicas,
            "voters": first.voters,
            "registers": self.accelerator.registers,
            "flip_flops": self.accelerator.flip_flops,
            "latency": self.accelerator.latency,
            "interval": self.accelerator.interval,
            "plan": self.design.plan.digest,
            "design": self.accelerator.digest,
            **numbers,
        }


def _figure(found: Area, bare: Area, flat: Area | None) -> dict[str, Any]:
    numbers = {**found.describe(), "overhead": found.size / bare.size - 1}
    if flat is not None:
        numbers["flat"] = {**flat.describe(), "difference": found.size / flat.size - 1}
    return numbers


@dataclass(frozen=True, slots=True)
class Table:
    """Levels by rising protection, the unprotected design first."""

    levels: tuple[Level, ...]
    targets: tuple[Target, ...]

    def describe(self) -> dict[str, Any]:
        """``levels`` and ``audit`` as plain values."""
        audits = [found.audit for level in self.levels for found in level.areas.values()]
        keys = ("protected_bits", "replicas", "replicas_found", "voters", "voters_found", "sites", "found")
        return {
            "levels": [level.describe(self.levels[0]) for level in self.levels],
            "audit": {key: sum(getattr(found, key) for found in audits) for key in keys},
            "targets": {
                t.name: {
                    "title": t.title,
                    "options": t.options,
                    "library": t.liberty.name if t.liberty else None,
                }
                for t in self.targets
            },
        }


def table(
    plans: Sequence[tuple[DesignPoint, Path]],
    architecture: Architecture,
    targets: Sequence[Target],
    *,
    jobs: int = 1,
    flat: bool | None = None,
    progress: Progress = lambda done, total, note: None,
) -> Table:
    """Emit every design point and map it to every target.

    Parameters
    ----------
    plans
        Design points with the folders that they are emitted to, the unprotected one first.
    flat
        Whether the flat method runs too; None: if the design is small.

    Raises
    ------
    DisagreementError
        If an audit or a count of flip-flops says no.
    """
    steps = len(plans) * len(targets)
    levels = []
    for number, (design, folder) in enumerate(plans):
        accelerator = emit(design, architecture, folder)
        level = Level(design, accelerator, {}, {})
        for place, target in enumerate(targets):
            step = number * len(targets) + place
            level = _with(level, target, jobs, flat, _inside(progress, step, steps, design.plan))
        levels.append(level)
    return Table(tuple(levels), tuple(targets))


def _with(level: Level, target: Target, jobs: int, flat: bool | None, progress: Progress) -> Level:
    found = area(level.design, level.accelerator, target, jobs=jobs, progress=progress)
    level = replace(level, areas={**level.areas, target.name: found})
    if flat is False or (flat is None and level.accelerator.flip_flops > SMALL):
        return level
    other = area(level.design, level.accelerator, target, "flat", jobs=jobs, progress=progress)
    return replace(level, flat={**level.flat, target.name: other})


def _inside(progress: Progress, step: int, steps: int, plan: ProtectionPlan) -> Progress:
    """Parts of one design on one target as a fraction of the whole, in thousandths."""

    def report(done: int, total: int, note: str) -> None:
        progress(1000 * step + 1000 * done // total, 1000 * steps, f"{plan.level:.0%} {note}")

    return report


Measure = Callable[[float], Level]


def within_budget(
    measure: Measure, budget: float, target: str, tries: int = 8
) -> tuple[Level, list[tuple[float, float]]]:
    """The highest protection level whose measured overhead stays within a budget.

    The overhead is taken as a straight line between the two nearest levels that were measured; every guess
    is then synthesised, so the answer is measured and not modelled.

    Parameters
    ----------
    measure
        Maps the design at a level, 0 to 1.
    budget
        Largest overhead, 0.2 for +20 %.

    Returns
    -------
    The level, and every (level, overhead) that was measured.
    """
    bare, full = measure(0.0), measure(1.0)

    def overhead(level: Level) -> float:
        return level.areas[target].size / bare.areas[target].size - 1

    tried = [(0.0, 0.0), (1.0, overhead(full))]
    if tried[1][1] <= budget:
        return full, tried
    best, low, high = bare, tried[0], tried[1]
    for _ in range(tries):
        guess = low[0] + (high[0] - low[0]) * (budget - low[1]) / (high[1] - low[1])
        guess = round(min(guess, high[0] - 0.002), 3)
        if guess - low[0] < 0.002:
            break
        level = measure(guess)
        point = (guess, overhead(level))
        tried.append(point)
        if point[1] <= budget:
            best, low = level, point
        else:
            high = point
    return best, sorted(tried)
