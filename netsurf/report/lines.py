"""One line for each event of the main job, as it is printed live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsurf.report.conclusion import mismatches

if TYPE_CHECKING:
    from netsurf.certify import Accuracy, LevelResult


def accuracy_line(event: Accuracy) -> str:
    """Engine, micro-architecture, correct decisions and accuracy."""
    engine = f"{event.engine} {event.architecture}".strip()
    return f"{engine:<24} {event.correct:>6,}/{event.samples:,} = {100 * event.correct / event.samples:.2f} %"


def level_line(event: LevelResult) -> str:
    """Protection level, what faults did, and on how much any engine differed from the reference."""
    single = event.outcomes["single"]
    return (
        f"{event.level:4.0%} {_schemes(event)}: {event.design.space.size:>9,} stored bits, "
        f"accuracy under fault {100 * event.correct.mean():5.1f} %, "
        f"single upsets {single.sdc} sdc, {single.detected} detected of {single.total:,}; "
        f"{event.pairs:,} pairs, {mismatches(event.mismatches)}"
    )


def _schemes(event: LevelResult) -> str:
    return "+".join(a.scheme for a in event.design.plan.schemes) or "TMR"
