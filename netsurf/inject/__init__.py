"""The fast injector: exact faults on the integer network, by the cheapest algorithm that is proved exact."""

from netsurf.inject.engine import FastEngine
from netsurf.inject.machine import Profile, profile
from netsurf.inject.many import ManyResult, Models, forward_many
from netsurf.inject.singles import ExhaustiveResult, Served, exhaustive
from netsurf.inject.witnesses import witness

__all__ = [
    "ExhaustiveResult",
    "FastEngine",
    "ManyResult",
    "Models",
    "Profile",
    "Served",
    "exhaustive",
    "forward_many",
    "profile",
    "witness",
]
