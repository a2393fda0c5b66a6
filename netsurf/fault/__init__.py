"""Faults: which stored bits exist, what upsets them, and lists of upsets that every engine replays."""

from netsurf.fault.lists import Fault, FaultKind, FaultList, read_fault_list, write_fault_list
from netsurf.fault.sample import bernoulli, exact_count, exhaustive
from netsurf.fault.space import REPLICAS, FaultSite, FaultSpace

__all__ = [
    "REPLICAS",
    "Fault",
    "FaultKind",
    "FaultList",
    "FaultSite",
    "FaultSpace",
    "bernoulli",
    "exact_count",
    "exhaustive",
    "read_fault_list",
    "write_fault_list",
]
