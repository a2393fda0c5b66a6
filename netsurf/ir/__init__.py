"""The integer network: the single truth about the accelerator's arithmetic.

:class:`Network` is a graph of layers over integer tensors; :func:`execute` is the
reference executor, slow and plain; :func:`load` and :func:`save` keep it in a folder
as JSON and npz with a digest. docs/network.md is the specification.
"""

from netsurf.ir.cut import Cut, beside, cut, resume
from netsurf.ir.execute import check_inputs, execute, trace
from netsurf.ir.kinds import KINDS, LayerKind
from netsurf.ir.network import Layer, Network, Parameter, TensorSpec
from netsurf.ir.serialize import load, save
from netsurf.ir.stages import execute_staged
from netsurf.ir.work import products, visits

__all__ = [
    "KINDS",
    "Cut",
    "Layer",
    "LayerKind",
    "Network",
    "Parameter",
    "TensorSpec",
    "beside",
    "check_inputs",
    "cut",
    "execute",
    "execute_staged",
    "load",
    "products",
    "resume",
    "save",
    "trace",
    "visits",
]
