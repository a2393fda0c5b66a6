"""Protection: plans that say which stored bits are hardened, and what a voter makes of upsets."""

from netsurf.harden.design import DesignPoint
from netsurf.harden.plan import ProtectionPlan, load_plan, plan_by_level, save_plan
from netsurf.harden.resolve import Upset, faulty_parameters, resolve, vote

__all__ = [
    "DesignPoint",
    "ProtectionPlan",
    "Upset",
    "faulty_parameters",
    "load_plan",
    "plan_by_level",
    "resolve",
    "save_plan",
    "vote",
]
