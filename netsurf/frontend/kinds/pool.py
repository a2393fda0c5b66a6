"""``max_pool`` and ``average_pool``: one number for each window and channel."""

from __future__ import annotations

from typing import Any, Literal

from netsurf.frontend.kinds.base import Count, LayerSpec, Shape, keras_layers
from netsurf.frontend.kinds.conv import Padding, positions


class _Pool(LayerSpec):
    """Window and stride, one number an axis; a stride unsaid is the window's size.

    Parameters
    ----------
    size
        Unsaid, the window is the whole image and the output a flat tensor.
    """

    size: tuple[Count, ...] = ()
    strides: tuple[Count, ...] = ()
    padding: Padding = "valid"

    def output(self, *shapes: Shape) -> Shape:
        if not self.size:
            return shapes[0][-1:]
        return (*positions(shapes[0], self.size, self.strides or self.size, self.padding), shapes[0][-1])

    def _made(self, what: str, axes: int) -> Any:
        if not self.size:
            return getattr(keras_layers(), f"Global{what}Pooling{axes}D")(name=self.name)
        made = getattr(keras_layers(), f"{what}Pooling{len(self.size)}D")
        return made(self.size, self.strides or None, self.padding, name=self.name)


class MaxPool(_Pool):
    """The largest element."""

    kind: Literal["max_pool"]

    def real(self) -> Any:
        return self._made("Max", 2)


class AveragePool(_Pool):
    """The mean."""

    kind: Literal["average_pool"]

    def real(self) -> Any:
        return self._made("Average", 2)
