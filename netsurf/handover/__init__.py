"""Hand-over: an emitted design as other tools want it, so that its replicas reach the silicon.

One file here is one format and one line of :data:`FORMATS`. All content comes from ``design.json`` (and the
plan, where it is at hand), so a design with other stores or schemes needs nothing new here.
"""

from netsurf.handover.base import Format
from netsurf.handover.facts import Bank, Facts
from netsurf.handover.write import FORMATS, HandOver, hand_over

__all__ = ["FORMATS", "Bank", "Facts", "Format", "HandOver", "hand_over"]
