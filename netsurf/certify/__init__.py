"""The main job: the same faults through every engine, at every protection level, and a certificate."""

from netsurf.certify.blocks import Block, draw_blocks
from netsurf.certify.document import certificate_document
from netsurf.certify.job import JobResult, LevelResult, Toolbox, certify
from netsurf.certify.spec import JobSpec

__all__ = [
    "Block",
    "JobResult",
    "JobSpec",
    "LevelResult",
    "Toolbox",
    "certificate_document",
    "certify",
    "draw_blocks",
]
