"""The mission view: from particles to expected accuracy, time to failure and failures in time.

Flux times cross-section is a rate of upsets; a rate times the time since the last reload is a probability
that a stored bit is wrong (:mod:`~netsurf.mission.rates`); and what a network is worth with so many wrong
bits is enumerated where it can be and sampled where it must be (:mod:`~netsurf.mission.expect`), so that
probabilities of 1e-9 cost no more than those of 1e-3.
"""

from netsurf.mission.bench import Bench, Scores
from netsurf.mission.environments import ENVIRONMENTS, Environment
from netsurf.mission.expect import Expected, expect
from netsurf.mission.outlook import Outlook, outlook
from netsurf.mission.pools import Pool, pools_of
from netsurf.mission.rates import Exposure, parity, scrubbed, upset_rate, voted

__all__ = [
    "ENVIRONMENTS",
    "Bench",
    "Environment",
    "Expected",
    "Exposure",
    "Outlook",
    "Pool",
    "Scores",
    "expect",
    "outlook",
    "parity",
    "pools_of",
    "scrubbed",
    "upset_rate",
    "voted",
]
