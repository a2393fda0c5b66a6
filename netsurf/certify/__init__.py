"""The main job: the same faults through every engine, at every protection level, and a certificate."""

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.document import certificate_document
from netsurf.certify.events import Accuracy, Built, JobResult, LevelResult, Subject, Tally, Toolbox
from netsurf.certify.job import certify
from netsurf.certify.spec import JobSpec

__all__ = [
    "Accuracy",
    "Block",
    "Built",
    "JobResult",
    "JobSpec",
    "LevelResult",
    "Subject",
    "Tally",
    "Toolbox",
    "certificate_document",
    "certify",
    "draw_blocks",
]
