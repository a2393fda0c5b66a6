"""``flatten``, ``reshape``, ``zero_pad``, ``add``, ``concatenate``, ``dropout``: what stores nothing."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from netsurf.frontend.kinds.base import Count, LayerSpec, Shape, keras_layers


class Flatten(LayerSpec):
    """All elements in one axis."""

    kind: Literal["flatten"]

    def output(self, *shapes: Shape) -> Shape:
        return (prod(shapes[0]),)

    def real(self) -> Any:
        return keras_layers().Flatten(name=self.name)


class Reshape(LayerSpec):
    """The same elements in another shape."""

    kind: Literal["reshape"]
    shape: tuple[Count, ...]

    def output(self, *shapes: Shape) -> Shape:
        if prod(self.shape) != prod(shapes[0]):
            raise ValueError(f"{shapes[0]} has not as many elements as {self.shape}")
        return self.shape

    def real(self) -> Any:
        return keras_layers().Reshape(self.shape, name=self.name)


class ZeroPad(LayerSpec):
    """Zeros around an image: ``(top, bottom, left, right)``."""

    kind: Literal["zero_pad"]
    padding: tuple[int, int, int, int]

    def output(self, *shapes: Shape) -> Shape:
        top, bottom, left, right = self.padding
        height, width, channels = shapes[0]
        return (height + top + bottom, width + left + right, channels)

    def real(self) -> Any:
        top, bottom, left, right = self.padding
        return keras_layers().ZeroPadding2D(((top, bottom), (left, right)), name=self.name)


class Add(LayerSpec):
    """The sum of two tensors of one shape."""

    kind: Literal["add"]
    arity: ClassVar[int] = 2

    def output(self, *shapes: Shape) -> Shape:
        if len(set(shapes)) > 1:
            raise ValueError(f"adds tensors of one shape, not {' and '.join(map(str, shapes))}")
        return shapes[0]

    def real(self) -> Any:
        return keras_layers().Add(name=self.name)


class Concatenate(LayerSpec):
    """Two tensors side by side along the channels."""

    kind: Literal["concatenate"]
    arity: ClassVar[int] = 2

    def output(self, *shapes: Shape) -> Shape:
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ValueError(f"joins images of one size, not {' and '.join(map(str, shapes))}")
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def real(self) -> Any:
        return keras_layers().Concatenate(name=self.name)


class Dropout(LayerSpec):
    """Drops elements while training; nothing afterwards."""

    kind: Literal["dropout"]
    rate: Annotated[float, Field(gt=0, lt=1)]

    def real(self) -> Any:
        return keras_layers().Dropout(self.rate, name=self.name)
