"""One line for each event of the main job, as it is printed live."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netsurf.certify import Accuracy, LevelResult


def accuracy_line(event: Accuracy) -> str:
    """Engine, micro-architecture, correct decisions and accuracy."""
    engine = f"{event.engine} {event.architecture}".strip()
    return f"{engine:<24} {event.correct:>6,}/{event.samples:,} = {100 * event.correct / event.samples:.2f} %"


def level_line(event: LevelResult) -> str:
    """Protection level, what faults did, and whether the engines agree."""
    single = event.outcomes["single"]
    verdict = "all engines agree" if not event.mismatches else f"{event.mismatches:,} MISMATCHES"
    return (
        f"{event.level:4.0%} {_schemes(event)}: {event.design.space.size:>9,} stored bits, "
        f"accuracy under fault {100 * event.correct.mean():5.1f} %, "
        f"single upsets {single.sdc} sdc, {single.detected} detected of {single.total:,}; {verdict} "
        f"on {event.pairs:,} pairs"
    )


def _schemes(event: LevelResult) -> str:
    return "+".join(a.scheme for a in event.design.plan.schemes) or "TMR"
