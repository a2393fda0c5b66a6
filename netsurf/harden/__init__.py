"""Protection: plans that say which stored bits are hardened and how, and what a reader makes of upsets."""

from netsurf.harden.assign import Assignment
from netsurf.harden.design import DesignPoint
from netsurf.harden.plan import ProtectionPlan, plan_by_level
from netsurf.harden.planfile import load_plan, save_plan
from netsurf.harden.resolve import Upset, faulty_parameters, resolve, site_values, vote
from netsurf.harden.schemes import SCHEMES
from netsurf.harden.select import plan_by_name, plan_by_scheme

__all__ = [
    "SCHEMES",
    "Assignment",
    "DesignPoint",
    "ProtectionPlan",
    "Upset",
    "faulty_parameters",
    "load_plan",
    "plan_by_level",
    "plan_by_name",
    "plan_by_scheme",
    "resolve",
    "save_plan",
    "site_values",
    "vote",
]
