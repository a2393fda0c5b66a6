"""What a design point costs: area, depth, and the audit that its replicas are really there.

:func:`area` maps an emitted design with Yosys, part by part, for an FPGA family or a standard-cell library
(:func:`target`), and returns an :class:`Area` only if every flip-flop and voter was found in the netlist.
"""

from netsurf.cost.area import METHODS, Area, area
from netsurf.cost.audit import Audit
from netsurf.cost.constant import constant_area
from netsurf.cost.levels import Level, Table, table, within_budget
from netsurf.cost.targets import TARGETS, Target, asic, target

__all__ = [
    "METHODS",
    "TARGETS",
    "Area",
    "Audit",
    "Level",
    "Table",
    "Target",
    "area",
    "asic",
    "constant_area",
    "table",
    "target",
    "within_budget",
]
