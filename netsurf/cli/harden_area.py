"""``netsurf harden --area``: the best plan within a budget of area, found and verified by synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from netsurf.cli.output import Output

if TYPE_CHECKING:
    from netsurf.campaign.plans import PlanJudge
    from netsurf.frontend.gather import Subject
    from netsurf.frontend.ranking import Ranking
    from netsurf.harden import ProtectionPlan


class Overhead(click.ParamType):
    """An overhead over the unprotected design, ``+20%`` or ``0.2``.

    >>> Overhead().convert("+20%", None, None), Overhead().convert("0.2", None, None)
    (0.2, 0.2)
    """

    name = "+PERCENT"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The fraction; fails with what is allowed."""
        if isinstance(value, float):
            return value
        text = str(value).strip().removeprefix("+")
        try:
            found = round(float(text[:-1]) / 100, 12) if text.endswith("%") else float(text)
        except ValueError:
            self.fail(f"'{value}' is no overhead; write +20%.", param, ctx)
        if found < 0:
            self.fail(f"'{value}' is below 0; protection makes no design smaller.", param, ctx)
        return found


def plan_for_area(
    output: Output, subject: Subject, ranked: dict[str, Ranking], judge: PlanJudge, options: dict[str, Any]
) -> ProtectionPlan:
    """The plan of highest level whose mapped size stays within ``options["area"]``.

    The unprotected and the fully protected design say what a bit costs; at the level that this suggests the
    rankings are compared on the calibration split, and with the best one every guess is mapped.
    """
    from netsurf.cost import Level, table, target, within_budget
    from netsurf.emit import architecture
    from netsurf.harden import DesignPoint, plan_by_level
    from netsurf.paths import build

    chosen = target(options["target"])
    network = subject.network
    serial = architecture("serial", network)
    notes = {"ber": options["ber"], "seed": options["seed"], "trials": options["trials"]}

    def plan(name: str, level: float) -> ProtectionPlan:
        return plan_by_level(network, ranked[name].bits, level, {"ranker": name, **notes})

    with output.progress(f"mapping to {chosen.name}") as progress:

        def measure(name: str, level: float) -> Level:
            point = DesignPoint(network, plan(name, level))
            folder = build() / subject.spec.name / "area" / f"serial-{point.plan.digest[:16]}"
            return table([(point, folder)], serial, [chosen], flat=False, progress=progress).levels[0]

        any_name = next(iter(ranked))
        full, bare = (measure(any_name, level).areas[chosen.name].size for level in (1.0, 0.0))
        guess = min(1.0, options["area"] / (full / bare - 1))
        best = max(ranked, key=lambda name: judge(plan(name, guess))) if len(ranked) > 1 else any_name
        level, tried = within_budget(lambda level: measure(best, level), options["area"], chosen.name)
    size = level.areas[chosen.name].size
    output.say(
        f"{len(tried)} designs mapped to {chosen.title}: {level.design.plan.level:.1%} of the bits cost "
        f"{size / bare - 1:+.1%} {'um^2' if chosen.is_asic else 'LUT'} of {options['area']:+.1%} allowed"
    )
    area = {"target": chosen.name, "budget": options["area"], "overhead": size / bare - 1, "size": size}
    found = level.design.plan
    return type(found)(found.network_digest, found.stored_bits, found.bits, {**found.notes, "area": area})
