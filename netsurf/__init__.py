"""NetSurf: from a quantised network to a hardened, cross-checked accelerator.

Importing the package does nothing but define names: no TensorFlow, no files,
no prints. The rooms are described in docs/architecture.md.
"""

__version__ = "0.1.0"
