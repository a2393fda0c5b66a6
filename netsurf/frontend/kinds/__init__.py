"""Layer kinds of benchmark.yaml by name. A new kind is one class in a file here, and one name below."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field

from netsurf.frontend.kinds.activation import Linear, Relu, Sigmoid, Tanh
from netsurf.frontend.kinds.base import LayerSpec, Weighted
from netsurf.frontend.kinds.batchnorm import BatchNorm
from netsurf.frontend.kinds.conv import Conv, ConvTranspose, Depthwise
from netsurf.frontend.kinds.dense import Dense
from netsurf.frontend.kinds.moves import Add, Concatenate, Dropout, Flatten, Reshape, ZeroPad
from netsurf.frontend.kinds.pool import AveragePool, MaxPool
from netsurf.frontend.kinds.recurrent import Gru, Lstm

AnyLayer = Annotated[
    Add | AveragePool | BatchNorm | Concatenate | Conv | ConvTranspose | Dense | Depthwise | Dropout | Flatten
    | Gru | Linear | Lstm | MaxPool | Relu | Reshape | Sigmoid | Tanh | ZeroPad,
    Field(discriminator="kind"),
]  # fmt: skip
"""Any of them, told apart by ``kind``."""

LAYERS: dict[str, type[LayerSpec]] = {
    get_args(layer.model_fields["kind"].annotation)[0]: layer for layer in get_args(get_args(AnyLayer)[0])
}
"""Layer kinds that a benchmark may use."""

__all__ = ["LAYERS", "AnyLayer", "BatchNorm", "Dense", "LayerSpec", "Weighted"]
