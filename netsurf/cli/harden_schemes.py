"""``netsurf harden --scheme`` and ``--protect``: plans of other schemes than bits in triplicate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from netsurf.frontend.gather import Subject
    from netsurf.harden import ProtectionPlan


class Protect(click.ParamType):
    """Names of layers and tensors with a scheme each.

    >>> Protect().convert("fc1=secded:word=32, all=tmr", None, None)
    {'fc1': 'secded:word=32', 'all': 'tmr'}
    """

    name = "NAME=SCHEME,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, str]:
        """Name to scheme; fails with what is allowed."""
        if isinstance(value, dict):
            return value
        wanted: dict[str, str] = {}
        for part in value.split(","):
            name, equals, scheme = part.strip().partition("=")
            if not (name and equals and scheme):
                self.fail(f"'{part.strip()}' is no NAME=SCHEME; write fc1=secded,fc2.kernel=tmr", param, ctx)
            if name in wanted:
                self.fail(f"{name} stands twice; give it one scheme", param, ctx)
            wanted[name] = scheme
        return wanted


def named_plan(subject: Subject, options: dict[str, Any]) -> ProtectionPlan:
    """The plan of ``--protect``."""
    from netsurf.harden import plan_by_name

    notes = {"ranker": "by name", "protect": options["protect"]}
    return plan_by_name(subject.network, options["protect"], notes)


def sentence(subject: Subject, plan: ProtectionPlan) -> str:
    """What a plan protects, and what that costs in stored bits."""
    from netsurf.harden import DesignPoint

    more = DesignPoint(subject.network, plan).space.size - plan.stored_bits
    how = ", ".join(f"{len(a.bits):,} by {a.label}" for a in plan.assignments) or "nothing"
    if not plan.schemes:
        how = f"{len(plan.bits):,} of {plan.stored_bits:,} stored bits triplicated"
    else:
        how = f"{len(plan.protected):,} of {plan.stored_bits:,} stored bits protected: {how}"
    chosen = "chosen by name" if "protect" in plan.notes else f"ranked by {plan.notes['ranker']}"
    return f"{subject.spec.name}: {how} ({plan.level:.2%}), {more:,} more flip-flops, {chosen}"
